//! Who is lent which instance, when, and what becomes of it afterwards.

use super::components::{binding_by_hand, binding_that_counts};
use crate::types::Metadata;
use crate::{InstancePool, InstancePoolBuilder, Plugin, PoolError, PooledInstance};
use std::future::{Future, ready};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

const PAGE: usize = 64 * 1024;

fn builder(size: usize) -> InstancePoolBuilder {
    // Not one instance more than the pool lends: what a lost one leaves must be free before the next one starts.
    let plugin = Plugin::builder()
        .without_cache()
        .max_instances(size.try_into().unwrap())
        .from_bytes(&binding_that_counts())
        .unwrap();
    InstancePool::builder(&plugin)
        .binding(Metadata::new())
        .max_instances(NonZeroUsize::new(size).unwrap())
}

fn pool(size: usize) -> InstancePool {
    builder(size).build()
}

/// How often the instance was configured.
async fn inits(instance: &mut PooledInstance) -> usize {
    let operations = instance.binding().unwrap().operations().await;
    operations.unwrap().len()
}

/// Leaves a mark on the instance, by which it is known again: a second page of memory.
async fn mark(instance: &mut PooledInstance) {
    let mut binding = instance.binding().unwrap();
    binding.invoke("enlarge", b"1", None).await.unwrap();
}

async fn trap(instance: &mut PooledInstance) {
    let mut binding = instance.binding().unwrap();
    binding.invoke("trap", b"", None).await.unwrap_err();
    assert!(instance.is_lost());
}

fn is_marked(instance: &PooledInstance) -> bool {
    instance.memory_size() == 2 * PAGE
}

/// Polls once.
async fn is_pending(future: impl Future) -> bool {
    tokio::select! {
        biased;
        _ = future => false,
        () = ready(()) => true,
    }
}

#[tokio::test]
async fn an_instance_is_configured_once_and_lent_again() {
    let pool = pool(1);
    let mut first = pool.acquire().await.unwrap();
    assert_eq!(inits(&mut first).await, 1);
    mark(&mut first).await;
    drop(first);

    let mut again = pool.acquire().await.unwrap();
    assert!(is_marked(&again));
    assert_eq!(inits(&mut again).await, 1);
}

#[tokio::test]
async fn the_instance_used_last_is_lent_first() {
    let pool = pool(2);
    let one = pool.acquire().await.unwrap();
    let mut other = pool.acquire().await.unwrap();
    mark(&mut other).await;
    drop(one);
    drop(other);
    assert!(is_marked(&pool.acquire().await.unwrap()));
}

#[tokio::test]
async fn no_more_instances_are_lent_than_the_pool_has() {
    let pool = pool(2);
    assert_eq!(pool.max_instances().get(), 2);
    let one = pool.acquire().await.unwrap();
    let _other = pool.acquire().await.unwrap();
    assert!(is_pending(pool.acquire()).await);
    drop(one);
    assert!(!is_pending(pool.acquire()).await);
}

#[tokio::test]
async fn a_pool_is_no_larger_than_its_plugin_may_have_instances() {
    let larger = NonZeroUsize::new(3).unwrap();
    let pool = builder(2).max_instances(larger).build();
    assert_eq!(pool.max_instances().get(), 2);
    let _one = pool.acquire().await.unwrap();
    let _other = pool.acquire().await.unwrap();
    // Waits, where it would be refused otherwise.
    assert!(is_pending(pool.acquire()).await);
}

#[tokio::test]
async fn whoever_asks_first_is_lent_one_first() {
    let pool = pool(1);
    let held = pool.acquire().await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for number in 0..10 {
        let (pool, served) = (pool.clone(), Arc::clone(&served));
        tasks.spawn(async move {
            let _lent = pool.acquire().await.unwrap();
            served.lock().unwrap().push(number);
            yield_now().await;
        });
        yield_now().await;
    }
    assert!(served.lock().unwrap().is_empty());
    drop(held);
    // Who asks now is behind the ten.
    let _last = pool.acquire().await.unwrap();
    assert_eq!(*served.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_gives_up_waiting_takes_no_instance_with_him() {
    let pool = pool(1);
    let held = pool.acquire().await.unwrap();
    assert!(is_pending(pool.acquire()).await);
    drop(held);
    assert!(!is_pending(pool.acquire()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_tasks_share_four_instances() {
    let pool = pool(4);
    let four_at_a_time = Arc::new(Barrier::new(4));
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (pool, four_at_a_time) = (pool.clone(), Arc::clone(&four_at_a_time));
        tasks.spawn(async move {
            let mut instance = pool.acquire().await.unwrap();
            four_at_a_time.wait().await;
            inits(&mut instance).await
        });
    }
    assert_eq!(tasks.join_all().await, [1; 64]);
}

#[tokio::test]
async fn an_instance_that_trapped_is_replaced() {
    let pool = pool(1);
    let mut first = pool.acquire().await.unwrap();
    mark(&mut first).await;
    trap(&mut first).await;
    drop(first);

    let mut another = pool.acquire().await.unwrap();
    assert!(!another.is_lost() && !is_marked(&another));
    assert_eq!(inits(&mut another).await, 1);
}

#[tokio::test]
async fn an_instance_whose_call_was_dropped_is_replaced() {
    let pool = pool(1);
    let mut first = pool.acquire().await.unwrap();
    mark(&mut first).await;
    assert!(is_pending(first.binding().unwrap().ping()).await);
    drop(first);

    let mut another = pool.acquire().await.unwrap();
    assert!(!another.is_lost() && !is_marked(&another));
    assert_eq!(inits(&mut another).await, 1);
}

#[tokio::test]
async fn a_configuration_that_is_refused_is_told_and_tried_again() {
    let table = [("table", "orders")];
    let pool = builder(1).binding(table).build();
    for _ in 0..3 {
        let refused = pool.acquire().await.unwrap_err();
        assert!(matches!(refused, PoolError::Init(_)), "{refused}");
        let text = refused.to_string();
        assert!(text.ends_with("configuration: etag-mismatch: no"), "{text}");
    }
}

#[tokio::test]
async fn an_interface_that_is_not_exported_cannot_be_configured() {
    let pool = builder(1).state(Metadata::new()).build();
    let missing = pool.acquire().await.unwrap_err();
    assert!(
        missing.to_string().contains("components/state"),
        "{missing}"
    );
}

#[tokio::test]
async fn a_pool_without_metadata_leaves_its_instances_to_configure_themselves() {
    let plugin = Plugin::builder().without_cache();
    let plugin = plugin.from_bytes(&binding_by_hand()).unwrap();
    // Its `init` refuses everything.
    let pool = InstancePool::builder(&plugin).build();
    assert!(!pool.acquire().await.unwrap().is_lost());
}

#[test]
fn metadata_is_not_printed() {
    let secret = [("secretKey", "hush")];
    let builder = builder(1).state(secret).binding(secret);
    assert!(!format!("{builder:?}").contains("hush"));
    assert!(!format!("{:?}", builder.build()).contains("hush"));
}

#[test]
fn a_pool_and_what_it_lends_may_move_between_threads() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    fn moves<T: Send + 'static>() {}
    is_shared::<InstancePool>();
    moves::<PooledInstance>();
}
