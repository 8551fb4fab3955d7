//! Tests of the pool: lending, waiting and replacing.

mod closing;
mod replacing;
mod retirement;
mod starts;

use super::components::{binding_by_hand, binding_that_counts};
use super::{load, load_for, number, runtime, start};
use crate::tests::assert_matches;
use crate::types::Metadata;
use crate::{CallError, InstancePool, InstancePoolBuilder, Plugin, PoolError, PooledInstance};
use std::error::Error;
use std::future::{Future, ready};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

const PAGE: usize = 64 * 1024;

/// Two fields that make `init` take an hour. Tests that wait for it pause tokio's clock.
const AN_HOUR: [(&str, &str); 2] = [("takes", "an"), ("hour", "")];

fn plugin(max_instances: usize) -> Plugin {
    load_for(max_instances, &binding_that_counts())
}

fn builder(size: usize) -> InstancePoolBuilder {
    // The plugin has no more instances than the pool, so a lost instance must be freed before the next one can start.
    InstancePool::builder(&plugin(size))
        .binding(Metadata::new())
        .max_instances(number(size))
}

fn pool(size: usize) -> InstancePool {
    builder(size).build()
}

/// Returns the number of times the instance was configured.
async fn inits(instance: &mut PooledInstance) -> usize {
    let operations = instance.binding().unwrap().operations().await;
    operations.unwrap().len()
}

/// Marks the instance with a second page of memory, so that a test can recognise it.
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

/// Polls the future once. Returns true if it is pending.
async fn is_pending(future: impl Future) -> bool {
    tokio::select! {
        biased;
        _ = future => false,
        () = ready(()) => true,
    }
}

/// Lets the other tasks of this thread run until each of them waits.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test]
async fn instance_is_configured_once_and_reused() {
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
async fn last_used_instance_is_lent_first() {
    let pool = pool(2);
    let one = pool.acquire().await.unwrap();
    let mut other = pool.acquire().await.unwrap();
    mark(&mut other).await;
    drop(one);
    drop(other);
    assert!(is_marked(&pool.acquire().await.unwrap()));
}

#[tokio::test]
async fn caller_waits_when_all_instances_are_lent() {
    let pool = pool(2);
    assert_eq!(pool.max_instances().get(), 2);
    let one = pool.acquire().await.unwrap();
    let _other = pool.acquire().await.unwrap();
    let mut third = pin!(pool.acquire());
    assert!(is_pending(third.as_mut()).await);
    drop(one);
    assert!(!is_pending(third.as_mut()).await);
}

#[tokio::test]
async fn pool_is_no_larger_than_its_plugin_allows() {
    let pool = builder(2).max_instances(number(3)).build();
    assert_eq!(pool.max_instances().get(), 2);
    let _one = pool.acquire().await.unwrap();
    let _other = pool.acquire().await.unwrap();
    // The caller waits. Without the pool's limit, the plugin would refuse the instance.
    assert!(is_pending(pool.acquire()).await);
}

#[tokio::test]
async fn callers_are_served_in_order() {
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
    // A caller that asks now is behind the ten.
    let _last = pool.acquire().await.unwrap();
    assert_eq!(*served.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn caller_that_gives_up_takes_no_instance() {
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
async fn trapped_instance_is_replaced() {
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
async fn instance_with_a_dropped_call_is_replaced() {
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
async fn every_caller_gets_the_configuration_error() {
    let table = [("table", "orders")];
    let pool = builder(1).binding(table).build();
    for _ in 0..3 {
        let refused = pool.acquire().await.unwrap_err();
        assert_matches!(refused, PoolError::Init(_));
        let text = refused.to_string();
        assert_eq!(text, "cannot configure the component: etag-mismatch: no");
        let source = refused.source().unwrap().downcast_ref::<CallError>();
        assert!(matches!(source, Some(CallError::Component(_))));
    }
}

#[tokio::test]
async fn idle_instance_is_lent_without_waiting() {
    let pool = pool(2);
    assert!(pool.try_acquire().is_none());
    assert_eq!(pool.stats().starting, 0);
    drop(pool.acquire().await.unwrap());
    let lent = pool.try_acquire().unwrap();
    assert!(pool.try_acquire().is_none());
    drop(lent);
    assert!(pool.try_acquire().is_some());
}

#[tokio::test]
async fn returned_instance_goes_to_the_waiting_caller() {
    let pool = pool(1);
    let held = pool.acquire().await.unwrap();
    let mut waits = pin!(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    drop(held);
    // The instance was handed to the waiting caller, so others get none.
    assert!(pool.try_acquire().is_none());
    assert!(is_pending(pool.acquire()).await);
    assert!(!is_pending(waits.as_mut()).await);
}

#[tokio::test]
async fn caller_dropped_after_handover_returns_the_instance() {
    let pool = pool(1);
    let held = pool.acquire().await.unwrap();
    let mut waits = Box::pin(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    drop(held);
    drop(waits);
    assert!(pool.try_acquire().is_some());
}

#[tokio::test]
async fn task_that_acquires_in_a_loop_yields() {
    let pool = pool(1);
    drop(pool.acquire().await.unwrap());
    let other = tokio::spawn(async {});
    for _ in 0..100_000 {
        if other.is_finished() {
            return;
        }
        drop(pool.acquire().await.unwrap());
    }
    panic!("the other task never ran");
}

#[tokio::test]
async fn stats_count_each_outcome() {
    let pool = builder(3).max_memory(PAGE).build();
    let mut lost = pool.acquire().await.unwrap();
    let mut retired = pool.acquire().await.unwrap();
    let used = pool.acquire().await.unwrap();
    let mut waits = pin!(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.idle, stats.waiting), (3, 0, 1));
    drop(used);
    drop(waits.await.unwrap());
    trap(&mut lost).await;
    mark(&mut retired).await;
    drop((lost, retired));
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.idle, stats.starting), (0, 1, 0));
    assert_eq!((stats.started, stats.lost, stats.retired), (3, 1, 1));
    assert_eq!((stats.waiting, stats.failed_starts), (0, 0));
}

#[tokio::test]
async fn missing_interface_cannot_be_configured() {
    let pool = builder(1).state(Metadata::new()).build();
    let missing = pool.acquire().await.unwrap_err();
    let sentence = missing.to_string();
    assert!(sentence.contains("components/state"), "{sentence}");
}

#[tokio::test]
async fn pool_without_metadata_does_not_call_init() {
    let plugin = load(&binding_by_hand());
    // Its `init` always fails.
    let pool = InstancePool::builder(&plugin).build();
    assert!(!pool.acquire().await.unwrap().is_lost());
}

#[test]
fn acquire_outside_a_runtime_panics_and_keeps_the_pool() {
    let pool = pool(1);
    let polled = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let mut acquiring = pin!(pool.acquire());
        let waker = std::task::Waker::noop();
        let _ = acquiring
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
    }));
    assert!(polled.is_err());
    assert_eq!(pool.stats(), crate::PoolStats::default());
}

#[test]
fn debug_output_hides_metadata() {
    let secret = [("secretKey", "hush")];
    let builder = builder(1).state(secret).binding(secret);
    assert!(!format!("{builder:?}").contains("hush"));
    assert!(!format!("{:?}", builder.build()).contains("hush"));
}

#[test]
fn pool_and_loans_move_between_threads() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    fn moves<T: Send + 'static>() {}
    is_shared::<InstancePool>();
    moves::<PooledInstance>();
}
