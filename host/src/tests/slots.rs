//! Tests of slots: they fit each component, and components also run without them.

use super::components::{binding_by_hand, binding_that_counts, binding_with_large_parts};
use super::events::warnings_of;
use super::{load, load_for, runtime, start};
use crate::tests::assert_matches;
use crate::{HostError, Instance, InstanceOptions, Plugin};

const PAGE: usize = 64 * 1024;

pub(super) async fn try_start(plugin: &Plugin) -> Result<Instance, HostError> {
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
async fn error_of_too_many_instances_names_the_option() {
    let plugin = load_for(2, &binding_by_hand());
    let first = start(&plugin).await;
    let _second = start(&plugin).await;
    let refused = try_start(&plugin).await.unwrap_err();
    assert_matches!(refused, HostError::TooManyInstances { max_instances: 2 });
    assert!(refused.to_string().contains("max_instances"), "{refused}");

    drop(first);
    answers(&mut start(&plugin).await).await;
}

#[tokio::test]
async fn default_limit_is_a_thousand_instances() {
    let plugin = load(&binding_by_hand());
    assert!(has_slots(&plugin));
    let mut instances = Vec::new();
    for _ in 0..1_000 {
        instances.push(start(&plugin).await);
    }
    answers(instances.last_mut().unwrap()).await;
    let refused = try_start(&plugin).await.unwrap_err();
    assert_matches!(
        refused,
        HostError::TooManyInstances {
            max_instances: 1_000
        }
    );
}

#[tokio::test]
async fn slots_fit_several_memories_and_large_tables() {
    let plugin = load_for(3, &binding_with_large_parts());
    assert!(has_slots(&plugin));
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(start(&plugin).await);
    }
    for instance in &mut instances {
        answers(instance).await;
    }
}

#[tokio::test]
async fn memory_can_grow_to_4_gib() {
    let plugin = load_for(1, &binding_that_counts());
    assert!(has_slots(&plugin));
    let mut instance = start(&plugin).await;
    // The component grows by a page for each byte. Its memory has room for only some thousands of bytes per call.
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
fn missing_address_space_warns_and_allocates_on_demand() {
    // No processor can address a million memories of 4 GiB.
    let (plugin, warnings) = warnings_of(|| load_for(1_000_000, &binding_by_hand()));
    assert!(!has_slots(&plugin));
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("address space for 1000000 instances"),
        "{warnings:?}"
    );

    runtime().block_on(async { answers(&mut start(&plugin).await).await });
}
