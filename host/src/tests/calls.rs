//! Tests of calls: their results, and which of them lose the instance.

use super::components::{binding_by_hand, that_traps};
use super::{load, start};
use crate::tests::assert_matches;
use crate::types::{Error, SetOptions};
use crate::{CallError, InstanceOptions};
use std::future::ready;

#[tokio::test]
async fn trap_loses_the_instance_but_not_the_plugin() {
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
async fn contract_error_is_returned_and_keeps_the_instance() {
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
async fn dropped_call_loses_the_instance() {
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
async fn missing_interface_is_named() {
    let mut instance = start(&load(&binding_by_hand())).await;
    let missing = instance.state().err().unwrap();
    assert!(matches!(missing, CallError::NotExported { .. }));
    let sentence = missing.to_string();
    assert!(sentence.contains("components/state"), "{sentence}");
}

#[tokio::test]
async fn call_can_run_on_another_thread() {
    let plugin = load(&binding_by_hand());
    let called = tokio::spawn(async move {
        let mut instance = start(&plugin).await;
        instance.binding().unwrap().operations().await.unwrap()
    });
    assert!(called.await.unwrap().is_empty());
}

#[test]
fn debug_output_hides_environment_values() {
    let options = InstanceOptions::new().env("AWS_SECRET_ACCESS_KEY", "hush");
    let printed = format!("{options:?}");
    assert!(printed.contains("AWS_SECRET_ACCESS_KEY"), "{printed}");
    assert!(!printed.contains("hush"), "{printed}");
}
