//! Slots fit the component, whatever it needs, and without slots it runs too.

use super::components::{binding_by_hand, binding_that_counts, binding_with_large_parts};
use crate::{HostError, Instance, InstanceOptions, Plugin};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

const PAGE: usize = 64 * 1024;

fn load(component: &[u8], max_instances: usize) -> Plugin {
    let builder = Plugin::builder().without_cache();
    let builder = builder.max_instances(NonZeroUsize::new(max_instances).unwrap());
    builder.from_bytes(component).unwrap()
}

pub(super) async fn start(plugin: &Plugin) -> Result<Instance, HostError> {
    plugin.instantiate(&InstanceOptions::new()).await
}

pub(super) async fn answers(instance: &mut Instance) {
    let operations = instance.binding().unwrap().operations().await;
    assert!(operations.unwrap().is_empty());
}

pub(super) fn has_slots(plugin: &Plugin) -> bool {
    let engine = plugin.loaded.pre.engine();
    engine.pooling_allocator_metrics().is_some()
}

#[tokio::test]
async fn one_instance_too_many_is_refused_by_the_name_of_the_option() {
    let plugin = load(&binding_by_hand(), 2);
    let first = start(&plugin).await.unwrap();
    let _second = start(&plugin).await.unwrap();
    let refused = start(&plugin).await.unwrap_err();
    assert!(matches!(
        refused,
        HostError::TooManyInstances { max_instances: 2 }
    ));
    assert!(refused.to_string().contains("max_instances"), "{refused}");

    drop(first);
    answers(&mut start(&plugin).await.unwrap()).await;
}

#[tokio::test]
async fn a_thousand_instances_may_live_unless_the_embedder_says_otherwise() {
    let plugin = Plugin::builder().without_cache();
    let plugin = plugin.from_bytes(&binding_by_hand()).unwrap();
    assert!(has_slots(&plugin));
    let mut instances = Vec::new();
    for _ in 0..1_000 {
        instances.push(start(&plugin).await.unwrap());
    }
    answers(instances.last_mut().unwrap()).await;
    let refused = start(&plugin).await.unwrap_err();
    assert!(matches!(
        refused,
        HostError::TooManyInstances {
            max_instances: 1_000
        }
    ));
}

#[tokio::test]
async fn a_component_of_several_memories_and_large_tables_has_slots_that_fit() {
    let plugin = load(&binding_with_large_parts(), 3);
    assert!(has_slots(&plugin));
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(start(&plugin).await.unwrap());
    }
    for instance in &mut instances {
        answers(instance).await;
    }
}

#[tokio::test]
async fn a_memory_may_grow_to_all_that_32_bits_can_address() {
    let plugin = load(&binding_that_counts(), 1);
    assert!(has_slots(&plugin));
    let mut instance = start(&plugin).await.unwrap();
    // A page for each byte; the component has room for no more than some thousands of them.
    let mut missing = 65_535;
    while missing > 0 {
        let pages = missing.min(4_095);
        let mut binding = instance.binding().unwrap();
        let data = vec![0; pages];
        binding.invoke("enlarge", &data, None).await.unwrap();
        missing -= pages;
    }
    assert_eq!(instance.memory_size(), 65_536 * PAGE);
}

#[test]
fn without_address_space_for_all_slots_instances_are_allocated_one_by_one_and_a_warning_says_so() {
    // A million memories of 4 GiB are more than any processor addresses.
    let (plugin, warnings) = warnings_of(|| load(&binding_by_hand(), 1_000_000));
    assert!(!has_slots(&plugin));
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("for lack of 1000000 slots"),
        "{warnings:?}"
    );

    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        answers(&mut start(&plugin).await.unwrap()).await;
    });
}

/// What is said at level WARN meanwhile.
pub(super) fn warnings_of<T>(action: impl FnOnce() -> T) -> (T, Vec<String>) {
    let warnings = Warnings::default();
    let done = tracing::subscriber::with_default(warnings.clone(), action);
    let warnings = std::mem::take(&mut *warnings.0.lock().unwrap());
    (done, warnings)
}

#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = String::new();
        event.record(
            &mut |_: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                text = format!("{value:?}");
            },
        );
        self.0.lock().unwrap().push(text);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
