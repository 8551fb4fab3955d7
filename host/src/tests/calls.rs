//! Calls: what they give, and which of them cost the instance.

use super::components::{binding_by_hand, that_traps};
use super::{load, start};
use crate::tests::assert_matches;
use crate::types::{Error, SetOptions};
use crate::{CallError, InstanceOptions};
use std::future::ready;

#[tokio::test]
async fn a_trap_loses_the_instance_and_not_the_plugin() {
    let plugin = load(&that_traps("dynamodb"));
    let mut instance = start(&plugin).await;
    let trap = instance
        .state()
        .unwrap()
        .get("key", None)
        .await
        .unwrap_err();
    assert_matches!(trap, CallError::Trap(_));
    assert!(instance.is_lost());

    let options = SetOptions::default();
    let mut state = instance.state().unwrap();
    let lost = state.set("key", b"value", Some(options)).await.unwrap_err();
    assert_matches!(lost, CallError::InstanceLost);
    let lost = instance.binding().unwrap().operations().await.unwrap_err();
    assert_matches!(lost, CallError::InstanceLost);

    let another = start(&plugin).await;
    assert!(!another.is_lost());
}

#[tokio::test]
async fn an_error_of_the_contract_comes_as_it_was_given_and_leaves_the_instance() {
    let mut instance = start(&load(&binding_by_hand())).await;
    let mut binding = instance.binding().unwrap();
    let refused = binding.init(&[("table", "orders")]).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.component(), Some(&Error::EtagMismatch("no".into())));
    assert_eq!(refused.to_string(), "etag-mismatch: no");

    assert!(binding.operations().await.unwrap().is_empty());
    let metadata = vec![("ttl".into(), "1".into())];
    let response = binding
        .invoke("create", b"{}", Some(&metadata))
        .await
        .unwrap();
    assert_eq!(response.data, None);
    assert!(response.metadata.is_empty());
}

#[tokio::test]
async fn a_call_that_is_abandoned_loses_the_instance() {
    let mut instance = start(&load(&binding_by_hand())).await;
    let mut binding = instance.binding().unwrap();
    tokio::select! {
        biased;
        done = binding.ping() => panic!("waited a quarter of an hour: {done:?}"),
        () = ready(()) => {}
    }
    let lost = binding.operations().await.unwrap_err();
    assert_matches!(lost, CallError::InstanceLost);
}

#[tokio::test]
async fn an_interface_that_is_not_exported_is_named() {
    let mut instance = start(&load(&binding_by_hand())).await;
    let missing = instance.state().err().unwrap();
    assert!(matches!(missing, CallError::NotExported { .. }));
    let sentence = missing.to_string();
    assert!(sentence.contains("components/state"), "{sentence}");
}

#[tokio::test]
async fn a_call_may_move_between_threads() {
    let plugin = load(&binding_by_hand());
    let called = tokio::spawn(async move {
        let mut instance = start(&plugin).await;
        instance.binding().unwrap().operations().await.unwrap()
    });
    assert!(called.await.unwrap().is_empty());
}

#[test]
fn the_values_of_environment_variables_are_not_printed() {
    let options = InstanceOptions::new().env("AWS_SECRET_ACCESS_KEY", "hush");
    let printed = format!("{options:?}");
    assert!(printed.contains("AWS_SECRET_ACCESS_KEY"), "{printed}");
    assert!(!printed.contains("hush"), "{printed}");
}
