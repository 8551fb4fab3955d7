//! Tests of standard error: captured for each instance, captured in a shared sink, or sent to `tracing`.

use super::components::binding_that_writes;
use super::events::Events;
use super::load;
use crate::tests::assert_matches;
use crate::types::Metadata;
use crate::{
    CallError, CapturedStderr, HostError, Instance, InstanceOptions, InstancePool, Plugin,
};
use std::collections::BTreeSet;
use tracing::Level;

fn plugin(traps_at_start: bool) -> Plugin {
    load(&binding_that_writes(traps_at_start))
}

/// Returns the warnings with lines of components.
fn warnings(heard: &Events) -> Vec<String> {
    let warnings = heard.take().into_iter();
    let warnings = warnings.filter(|event| event.level == Level::WARN && event.instance.is_some());
    warnings.map(|event| event.message).collect()
}

async fn start(options: &InstanceOptions) -> Instance {
    plugin(false).instantiate(options).await.unwrap()
}

async fn write(instance: &mut Instance, text: &str) {
    let mut binding = instance.binding().unwrap();
    binding
        .invoke("write", text.as_bytes(), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn each_instance_captures_its_own_stderr() {
    let plugin = plugin(false);
    let options = InstanceOptions::new().capture_stderr();
    let mut one = plugin.instantiate(&options).await.unwrap();
    let mut other = plugin.instantiate(&options).await.unwrap();
    for instance in [&mut one, &mut other] {
        assert_eq!(instance.take_stderr(), "started\n");
    }
    write(&mut one, "a\n").await;
    write(&mut one, "b").await;
    write(&mut other, "c\n").await;
    assert_eq!([one.take_stderr(), other.take_stderr()], ["a\nb", "c\n"]);
    assert_eq!([one.take_stderr(), other.take_stderr()], ["", ""]);
    write(&mut one, "d").await;
    assert_eq!(one.take_stderr(), "d");
}

#[tokio::test]
async fn lost_instance_keeps_its_stderr() {
    let mut instance = start(&InstanceOptions::new().capture_stderr()).await;
    let mut binding = instance.binding().unwrap();
    let trap = binding.invoke("trap", b"the reason", None).await;
    assert!(matches!(trap, Err(CallError::Trap(_))));
    assert!(instance.is_lost());
    assert_eq!(instance.take_stderr(), "started\nthe reason");
}

#[tokio::test]
async fn take_stderr_is_empty_without_capture() {
    let sink = CapturedStderr::new();
    let captured = InstanceOptions::new().capture_stderr();
    for options in [
        InstanceOptions::new(),
        captured.clone().stderr(&sink),
        captured.trace_stderr(),
    ] {
        assert_eq!(start(&options).await.take_stderr(), "");
    }
    assert_eq!(sink.take(), "started\n");
}

#[tokio::test]
async fn shared_sink_keeps_lines_in_order() {
    let sink = CapturedStderr::new();
    let options = InstanceOptions::new().stderr(&sink);
    let (mut one, mut other) = (start(&options).await, start(&options).await);
    write(&mut one, "a\n").await;
    write(&mut other, "b\n").await;
    write(&mut one, "c\n").await;
    assert_eq!(sink.take(), "started\nstarted\na\nb\nc\n");
}

#[tokio::test]
async fn traced_lines_are_whole_and_name_their_instance() {
    let heard = Events::default();
    let _hearing = tracing::subscriber::set_default(heard.clone());
    let options = InstanceOptions::new().trace_stderr();
    let (mut one, mut other) = (start(&options).await, start(&options).await);
    write(&mut one, "first").await;
    write(&mut other, "other\r\n").await;
    write(&mut one, " line\n\u{1b}[2Jsecond\nrest").await;
    let long = "x".repeat(4_000);
    for _ in 0..3 {
        write(&mut other, &long).await;
    }
    drop((one, other));

    let events = heard.take();
    assert!(events.iter().all(|event| event.level == Level::INFO));
    let instances: BTreeSet<_> = events.iter().map(|event| event.instance.unwrap()).collect();
    let of = |instance| {
        let events = events
            .iter()
            .filter(move |event| event.instance == Some(instance));
        events
            .map(|event| event.message.as_str())
            .collect::<Vec<_>>()
    };
    let lines: Vec<_> = instances.into_iter().map(of).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        ["started", "first line", "\\u{1b}[2Jsecond", "rest"]
    );
    // The long line becomes a piece of the maximum length, and the rest.
    let [one, two] = [8_192, 12_000 - 8_192].map(|length| "x".repeat(length));
    assert_eq!(lines[1], ["started", "other", &one, &two]);
}

#[tokio::test]
async fn failed_start_logs_captured_stderr() {
    let heard = Events::default();
    let _hearing = tracing::subscriber::set_default(heard.clone());
    let failing = plugin(true);
    let captured = InstanceOptions::new().capture_stderr();
    let failed = failing.instantiate(&captured).await.unwrap_err();
    assert_matches!(failed, HostError::Instantiate(_));
    let expected = "the component did not start and wrote: started";
    assert_eq!(warnings(&heard), [expected]);

    failing
        .instantiate(&InstanceOptions::new())
        .await
        .unwrap_err();
    assert!(warnings(&heard).is_empty());
}

#[tokio::test]
async fn failed_configuration_in_a_pool_logs_captured_stderr() {
    let heard = Events::default();
    let _hearing = tracing::subscriber::set_default(heard.clone());
    let pool = InstancePool::builder(&plugin(false))
        .options(InstanceOptions::new().capture_stderr())
        .binding(Metadata::new())
        .build();
    pool.acquire().await.unwrap_err();
    let lines = ["started", "not configured"];
    let expected = lines.map(|line| format!("the component did not start and wrote: {line}"));
    assert_eq!(warnings(&heard), expected);
}
