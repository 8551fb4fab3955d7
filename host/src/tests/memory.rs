//! Tests of the memory limit and the memory size of an instance.

use super::components::{binding_that_counts, binding_with_large_parts};
use super::{load, load_for};
use crate::tests::assert_matches;
use crate::{CallError, HostError, Instance, InstanceOptions};

const PAGE: usize = 64 * 1024;

async fn start(options: InstanceOptions) -> Result<Instance, HostError> {
    load(&binding_that_counts()).instantiate(&options).await
}

async fn enlarge(instance: &mut Instance, pages: usize) -> Result<(), CallError> {
    let data = vec![0; pages];
    let mut binding = instance.binding().unwrap();
    binding.invoke("enlarge", &data, None).await.map(drop)
}

#[tokio::test]
async fn memory_size_grows_with_the_instance() {
    let mut instance = start(InstanceOptions::new()).await.unwrap();
    assert_eq!(instance.memory_size(), PAGE);
    enlarge(&mut instance, 3).await.unwrap();
    assert_eq!(instance.memory_size(), 4 * PAGE);
}

#[tokio::test]
async fn instance_can_use_its_whole_memory_limit() {
    let options = InstanceOptions::new().memory_limit(4 * PAGE);
    let mut instance = start(options).await.unwrap();
    enlarge(&mut instance, 3).await.unwrap();
    assert_eq!(instance.memory_size(), 4 * PAGE);
}

#[tokio::test]
async fn trap_at_the_memory_limit_names_the_limit() {
    let options = InstanceOptions::new().memory_limit(4 * PAGE);
    let mut instance = start(options).await.unwrap();
    let error = enlarge(&mut instance, 4).await.unwrap_err();
    assert!(matches!(error, CallError::MemoryLimit { limit, .. } if limit == 4 * PAGE));
    let text = error.to_string();
    assert!(text.contains("memory limit of 262144 bytes"), "{text}");
    assert!(text.contains("unreachable"), "{text}");
    assert!(instance.is_lost());
    assert_eq!(instance.memory_size(), PAGE);
}

#[tokio::test]
async fn trap_below_the_memory_limit_is_an_ordinary_trap() {
    let options = InstanceOptions::new().memory_limit(4 * PAGE);
    let mut instance = start(options).await.unwrap();
    let mut binding = instance.binding().unwrap();
    let error = binding.invoke("trap", b"", None).await.unwrap_err();
    assert_matches!(error, CallError::Trap(_));
}

#[tokio::test]
async fn component_larger_than_its_limit_does_not_start() {
    let options = InstanceOptions::new().memory_limit(PAGE - 1);
    let error = start(options).await.unwrap_err();
    assert!(matches!(error, HostError::MemoryLimit { limit, .. } if limit == PAGE - 1));
    assert!(
        error.to_string().contains("limit of 65535 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn tables_together_stay_within_the_memory_limit() {
    let plugin = load_for(1, &binding_with_large_parts());
    let limit = |elements| InstanceOptions::new().memory_limit(elements * size_of::<usize>());
    // 300,000 elements in one table, three in two others, and those of wit-component.
    plugin.instantiate(&limit(301_000)).await.unwrap();
    let error = plugin.instantiate(&limit(300_001)).await.unwrap_err();
    assert_matches!(error, HostError::MemoryLimit { .. });
}
