//! Tests of retirement: instances are dropped for their age, idle time, calls or memory, and their slots are freed.

use super::{PAGE, builder, inits, is_marked, mark, number, plugin, start};
use crate::InstancePool;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::{advance, sleep, timeout};

const MINUTE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(1);

/// Waits, in real time, until the pool has no instance and has retired this many.
async fn is_empty(pool: &InstancePool, retired: u64) {
    let is_empty = || {
        let stats = pool.stats();
        stats.idle + stats.starting == 0 && stats.retired == retired
    };
    let all_gone = async {
        while !is_empty() {
            sleep(SOON).await;
        }
    };
    let waited = timeout(MINUTE, all_gone).await;
    assert!(waited.is_ok(), "{:?}", pool.stats());
}

#[tokio::test(start_paused = true)]
async fn instance_past_its_idle_timeout_is_not_lent() {
    let pool = builder(1).idle_timeout(MINUTE).build();
    mark(&mut pool.acquire().await.unwrap()).await;
    advance(MINUTE - SOON).await;
    // Use resets the idle time.
    assert!(is_marked(&pool.acquire().await.unwrap()));
    advance(MINUTE - SOON).await;
    assert!(is_marked(&pool.try_acquire().unwrap()));
    advance(MINUTE).await;
    assert!(pool.try_acquire().is_none());
    assert!(!is_marked(&pool.acquire().await.unwrap()));
    assert_eq!((pool.stats().retired, pool.stats().started), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn instance_past_its_max_age_is_dropped() {
    let pool = builder(1).max_age(MINUTE).build();
    let mut lent = pool.acquire().await.unwrap();
    mark(&mut lent).await;
    advance(MINUTE - SOON).await;
    drop(lent);
    assert_eq!(pool.stats().idle, 1);
    advance(SOON).await;
    let lent = pool.acquire().await.unwrap();
    assert!(!is_marked(&lent));
    advance(MINUTE).await;
    drop(lent);
    assert_eq!((pool.stats().idle, pool.stats().retired), (0, 2));
}

#[tokio::test]
async fn instance_is_retired_after_max_calls() {
    let calls = NonZeroU64::new(3).unwrap();
    let pool = builder(1).max_calls(calls).build();
    for call in 1..=7 {
        // Calls of `init` do not count.
        assert_eq!(inits(&mut pool.acquire().await.unwrap()).await, 1);
        assert_eq!(pool.stats().retired, call / 3);
    }
    assert_eq!(pool.stats().started, 3);
}

#[tokio::test]
async fn instance_above_max_memory_is_retired() {
    let pool = builder(1).max_memory(PAGE).build();
    drop(pool.acquire().await.unwrap());
    assert_eq!(pool.stats().retired, 0);
    mark(&mut pool.acquire().await.unwrap()).await;
    assert_eq!(pool.stats().retired, 1);
    assert!(!is_marked(&pool.acquire().await.unwrap()));
}

#[tokio::test]
async fn idle_instances_are_dropped_in_an_unused_pool() {
    let plugin = plugin(3);
    for pool in [
        InstancePool::builder(&plugin).idle_timeout(SOON).build(),
        InstancePool::builder(&plugin).max_age(SOON).build(),
    ] {
        for round in 1..3 {
            pool.warm_up(3).await.unwrap();
            is_empty(&pool, 3 * round).await;
        }
        // The slots of the dropped instances are free.
        for _ in 0..3 {
            start(&plugin).await;
        }
    }
}

#[tokio::test]
async fn warm_up_ends_although_instances_are_retired() {
    let pool = builder(8)
        .max_starts(number(1))
        .max_age(Duration::ZERO)
        .build();
    timeout(MINUTE, pool.warm_up(8)).await.unwrap().unwrap();
    assert_eq!(pool.stats().started, 8);
}

#[test]
fn idle_instances_are_dropped_without_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pool = builder(1).idle_timeout(SOON).build();
    let lent = runtime.block_on(pool.acquire()).unwrap();
    drop(runtime);
    drop(lent);
    let begin = std::time::Instant::now();
    while pool.stats().retired == 0 {
        assert!(begin.elapsed() < MINUTE);
        std::thread::sleep(SOON);
    }
}

#[tokio::test]
async fn maximum_limits_retire_nothing() {
    let pool = builder(1)
        .idle_timeout(Duration::MAX)
        .max_age(Duration::MAX)
        .max_calls(NonZeroU64::MAX)
        .max_memory(usize::MAX)
        .build();
    mark(&mut pool.acquire().await.unwrap()).await;
    assert!(is_marked(&pool.acquire().await.unwrap()));
}
