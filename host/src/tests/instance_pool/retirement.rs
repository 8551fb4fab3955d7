//! Instances go for their age, their idle time, their calls and their memory; and what they had is free.

use super::{PAGE, builder, inits, is_marked, mark, number, plugin, start};
use crate::InstancePool;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::{advance, sleep, timeout};

const MINUTE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(1);

/// Waits until the pool has no instance, and so many were retired. Real time passes.
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
async fn instance_that_was_idle_too_long_is_not_lent() {
    let pool = builder(1).idle_timeout(MINUTE).build();
    mark(&mut pool.acquire().await.unwrap()).await;
    advance(MINUTE - SOON).await;
    // Using it starts its idle time anew.
    assert!(is_marked(&pool.acquire().await.unwrap()));
    advance(MINUTE - SOON).await;
    assert!(is_marked(&pool.try_acquire().unwrap()));
    advance(MINUTE).await;
    assert!(pool.try_acquire().is_none());
    assert!(!is_marked(&pool.acquire().await.unwrap()));
    assert_eq!((pool.stats().retired, pool.stats().started), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn instance_that_is_too_old_is_neither_lent_nor_kept() {
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
async fn instance_goes_after_its_last_call() {
    let calls = NonZeroU64::new(3).unwrap();
    let pool = builder(1).max_calls(calls).build();
    for call in 1..=7 {
        // Configuring it does not count.
        assert_eq!(inits(&mut pool.acquire().await.unwrap()).await, 1);
        assert_eq!(pool.stats().retired, call / 3);
    }
    assert_eq!(pool.stats().started, 3);
}

#[tokio::test]
async fn instance_that_grew_is_not_kept() {
    let pool = builder(1).max_memory(PAGE).build();
    drop(pool.acquire().await.unwrap());
    assert_eq!(pool.stats().retired, 0);
    mark(&mut pool.acquire().await.unwrap()).await;
    assert_eq!(pool.stats().retired, 1);
    assert!(!is_marked(&pool.acquire().await.unwrap()));
}

#[tokio::test]
async fn idle_instances_go_while_nobody_uses_the_pool() {
    let plugin = plugin(3);
    for pool in [
        InstancePool::builder(&plugin).idle_timeout(SOON).build(),
        InstancePool::builder(&plugin).max_age(SOON).build(),
    ] {
        for round in 1..3 {
            pool.warm_up(3).await.unwrap();
            is_empty(&pool, 3 * round).await;
        }
        // Their slots are free.
        for _ in 0..3 {
            start(&plugin).await;
        }
    }
}

#[tokio::test]
async fn warm_up_ends_though_its_instances_go_meanwhile() {
    let pool = builder(8)
        .max_starts(number(1))
        .max_age(Duration::ZERO)
        .build();
    timeout(MINUTE, pool.warm_up(8)).await.unwrap().unwrap();
    assert_eq!(pool.stats().started, 8);
}

#[test]
fn idle_instances_go_while_no_runtime_is_driven() {
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
async fn limits_beyond_all_clocks_retire_nothing() {
    let pool = builder(1)
        .idle_timeout(Duration::MAX)
        .max_age(Duration::MAX)
        .max_calls(NonZeroU64::MAX)
        .max_memory(usize::MAX)
        .build();
    mark(&mut pool.acquire().await.unwrap()).await;
    assert!(is_marked(&pool.acquire().await.unwrap()));
}
