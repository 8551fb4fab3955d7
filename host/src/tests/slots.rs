//! Slots fit the component, whatever it needs, and without slots it runs too.

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
async fn one_instance_too_many_is_refused_by_the_name_of_the_option() {
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
async fn a_thousand_instances_may_live_unless_the_embedder_says_otherwise() {
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
async fn a_component_of_several_memories_and_large_tables_has_slots_that_fit() {
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
async fn a_memory_may_grow_to_all_that_32_bits_can_address() {
    let plugin = load_for(1, &binding_that_counts());
    assert!(has_slots(&plugin));
    let mut instance = start(&plugin).await;
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
    let (plugin, warnings) = warnings_of(|| load_for(1_000_000, &binding_by_hand()));
    assert!(!has_slots(&plugin));
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("address space for 1000000 instances"),
        "{warnings:?}"
    );

    runtime().block_on(async { answers(&mut start(&plugin).await).await });
}
