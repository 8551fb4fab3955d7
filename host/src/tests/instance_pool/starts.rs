//! Tests of starts: when they begin, which caller they serve, and how a failure affects others.

use super::{
    AN_HOUR, builder, inits, is_pending, mark, number, plugin, pool, runtime, settle, start,
};
use crate::tests::assert_matches;
use crate::types::Metadata;
use crate::{CallError, HostError, InstanceOptions, InstancePool, PoolError};
use std::pin::pin;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{advance, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Returns options with which an instance starts only while a directory exists.
fn needing_a_directory() -> (TempDir, InstanceOptions) {
    let parent = tempfile::tempdir().unwrap();
    let options = InstanceOptions::new().read_only_directory(parent.path().join("data"), "/data");
    (parent, options)
}

fn make(parent: &TempDir) {
    std::fs::create_dir(parent.path().join("data")).unwrap();
}

fn unmake(parent: &TempDir) {
    std::fs::remove_dir(parent.path().join("data")).unwrap();
}

fn is_about_the_directory(error: &PoolError) -> bool {
    matches!(error, PoolError::Instantiate(cause) if matches!(**cause, HostError::Directory { .. }))
}

#[tokio::test(start_paused = true)]
async fn start_continues_after_its_caller_is_dropped() {
    let pool = builder(8).binding(AN_HOUR).build();
    // Each caller gives up before the start ends. All of them together cause one start.
    for _ in 0..20 {
        timeout(SECOND, pool.acquire()).await.unwrap_err();
    }
    let stats = pool.stats();
    assert_eq!((stats.starting, stats.started, stats.waiting), (1, 0, 0));
    let mut lent = pool.acquire().await.unwrap();
    assert_eq!(inits(&mut lent).await, 1);
    assert_eq!((pool.stats().starting, pool.stats().started), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn start_leaves_an_idle_instance_if_its_caller_was_served() {
    let pool = builder(2).binding(AN_HOUR).build();
    let mut first = pool.acquire().await.unwrap();
    mark(&mut first).await;
    let mut waits = pin!(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    drop(first);
    assert!(!is_pending(waits.as_mut()).await);
    assert_eq!((pool.stats().in_use, pool.stats().starting), (0, 1));
    settle().await;
    advance(2 * 3_600 * SECOND).await;
    settle().await;
    assert_eq!((pool.stats().idle, pool.stats().started), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn max_starts_limits_concurrent_starts() {
    let pool = builder(8).binding(AN_HOUR).max_starts(number(3)).build();
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let pool = pool.clone();
        callers.spawn(async move { pool.acquire().await.unwrap() });
    }
    let mut lent = Vec::new();
    for (starting, so_far) in [(3, 0), (3, 3), (2, 6), (0, 8)] {
        settle().await;
        while let Some(instance) = callers.try_join_next() {
            lent.push(instance.unwrap());
        }
        assert_eq!((pool.stats().starting, lent.len()), (starting, so_far));
        advance(3_601 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn four_instances_start_at_a_time_by_default() {
    let pool = builder(8).binding(AN_HOUR).build();
    let mut warms_up = pin!(pool.warm_up(8));
    assert!(is_pending(warms_up.as_mut()).await);
    assert_eq!(pool.stats().starting, 4);
}

#[tokio::test(start_paused = true)]
async fn queued_start_is_dropped_with_its_caller() {
    let pool = builder(8).binding(AN_HOUR).max_starts(number(1)).build();
    let callers: Vec<_> = (0..8).map(|_| timeout(SECOND, pool.acquire())).collect();
    let mut callers: JoinSet<_> = callers
        .into_iter()
        .map(|_| {
            let pool = pool.clone();
            async move { timeout(SECOND, pool.acquire()).await.is_err() }
        })
        .collect();
    while let Some(gave_up) = callers.join_next().await {
        assert!(gave_up.unwrap());
    }
    advance(8 * 3_600 * SECOND).await;
    settle().await;
    let stats = pool.stats();
    assert_eq!((stats.started, stats.starting, stats.idle), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn failed_start_is_remembered_for_a_second() {
    let (parent, options) = needing_a_directory();
    let pool = builder(8).options(options).build();
    let failed = pool.acquire().await.unwrap_err();
    assert!(is_about_the_directory(&failed), "{failed}");
    make(&parent);
    for _ in 0..100 {
        let same = pool.acquire().await.unwrap_err();
        assert!(is_about_the_directory(&same), "{same}");
    }
    let same = pool.warm_up(1).await.unwrap_err();
    assert!(is_about_the_directory(&same), "{same}");
    assert_eq!(pool.stats().failed_starts, 1);

    advance(SECOND).await;
    drop(pool.acquire().await.unwrap());
    assert_eq!(pool.stats().started, 1);
}

#[tokio::test(start_paused = true)]
async fn callers_share_the_error_of_a_failed_start() {
    let pool = builder(64).binding([("refused", "")]).build();
    let mut callers: JoinSet<_> = (0..1_000)
        .map(|_| {
            let pool = pool.clone();
            async move { pool.acquire().await.is_err() }
        })
        .collect();
    while let Some(failed) = callers.join_next().await {
        assert!(failed.unwrap());
    }
    let failed = pool.stats().failed_starts;
    assert!((1..=4).contains(&failed), "{failed}");
}

#[tokio::test]
async fn without_retry_pause_each_caller_starts_again() {
    let (parent, options) = needing_a_directory();
    let pool = builder(1).options(options).retry_pause(Duration::ZERO);
    let pool = pool.build();
    pool.acquire().await.unwrap_err();
    make(&parent);
    pool.acquire().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn idle_instances_are_lent_while_a_failure_is_remembered() {
    let (parent, options) = needing_a_directory();
    make(&parent);
    let pool = builder(2).options(options).build();
    let one = pool.acquire().await.unwrap();
    unmake(&parent);
    pool.acquire().await.unwrap_err();
    drop(one);
    let one = pool.acquire().await.unwrap();
    pool.acquire().await.unwrap_err();
    assert_eq!(pool.stats().failed_starts, 1);
    drop(one);
}

#[tokio::test(start_paused = true)]
async fn failed_start_does_not_affect_a_running_one() {
    let (parent, options) = needing_a_directory();
    make(&parent);
    let pool = builder(2).options(options).binding(AN_HOUR).build();
    let mut first = pin!(pool.acquire());
    assert!(is_pending(first.as_mut()).await);
    settle().await;
    unmake(&parent);
    let failed = pool.acquire().await.unwrap_err();
    assert!(is_about_the_directory(&failed), "{failed}");
    first.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn success_clears_a_remembered_failure() {
    let (parent, options) = needing_a_directory();
    make(&parent);
    let pool = builder(3).options(options).binding(AN_HOUR);
    let pool = pool.retry_pause(10 * 3_600 * SECOND).build();
    let mut first = pin!(pool.acquire());
    assert!(is_pending(first.as_mut()).await);
    settle().await;
    unmake(&parent);
    pool.acquire().await.unwrap_err();
    make(&parent);
    let _first = first.await.unwrap();
    pool.acquire().await.unwrap();
}

#[tokio::test]
async fn too_many_instances_is_not_remembered() {
    let plugin = plugin(1);
    let other = start(&plugin).await;
    let pool = InstancePool::builder(&plugin).build();
    let full = pool.acquire().await.unwrap_err();
    let PoolError::Instantiate(cause) = full else {
        panic!("{full}");
    };
    assert!(matches!(*cause, HostError::TooManyInstances { .. }));
    drop(other);
    pool.acquire().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn warm_up_starts_that_many_instances() {
    let pool = builder(5).binding(AN_HOUR).max_starts(number(2)).build();
    pool.warm_up(3).await.unwrap();
    assert_eq!((pool.stats().idle, pool.stats().started), (3, 3));
    let _lent = pool.acquire().await.unwrap();
    pool.warm_up(3).await.unwrap();
    assert_eq!(pool.stats().started, 3);
    // The pool's limit is five.
    pool.warm_up(1_000).await.unwrap();
    assert_eq!((pool.stats().idle, pool.stats().started), (4, 5));
    pool.warm_up(0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropped_warm_up_begins_no_further_start() {
    let pool = builder(5).binding(AN_HOUR).max_starts(number(2)).build();
    timeout(SECOND, pool.warm_up(5)).await.unwrap_err();
    assert_eq!(pool.stats().starting, 2);
    advance(3 * 3_600 * SECOND).await;
    settle().await;
    assert_eq!((pool.stats().idle, pool.stats().starting), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn callers_are_served_by_a_warm_up() {
    let pool = builder(8).binding(AN_HOUR).build();
    let mut warms_up = pin!(pool.warm_up(4));
    assert!(is_pending(warms_up.as_mut()).await);
    let _lent = pool.acquire().await.unwrap();
    warms_up.await.unwrap();
    assert_eq!((pool.stats().started, pool.stats().starting), (4, 0));
}

#[tokio::test]
async fn warm_up_returns_the_error_of_a_start() {
    let pool = builder(5).binding([("refused", "")]).build();
    let refused = pool.warm_up(5).await.unwrap_err();
    assert_matches!(refused, PoolError::Init(_));
}

#[test]
fn undriven_runtime_does_not_block_other_runtimes() {
    let pool = builder(2).max_starts(number(1)).build();
    let rests = runtime();
    rests.block_on(async { assert!(is_pending(pool.acquire()).await) });
    assert_eq!(pool.stats().starting, 1);
    runtime().block_on(async {
        let mut lent = pool.acquire().await.unwrap();
        assert_eq!(inits(&mut lent).await, 1);
    });
    // The start on the first runtime was not cancelled.
    rests.block_on(settle());
    assert_eq!((pool.stats().idle, pool.stats().starting), (2, 0));
}

#[test]
fn start_of_an_ended_runtime_begins_on_another() {
    let pool = pool(1);
    let ends = runtime();
    ends.block_on(async { assert!(is_pending(pool.acquire()).await) });
    runtime().block_on(async {
        let mut waits = pin!(pool.acquire());
        assert!(is_pending(waits.as_mut()).await);
        assert_eq!((pool.stats().starting, pool.stats().waiting), (1, 1));
        std::thread::scope(|scope| scope.spawn(|| drop(ends)).join().unwrap());
        waits.await.unwrap();
    });
    assert_eq!((pool.stats().started, pool.stats().failed_starts), (1, 1));
}

#[test]
fn panicking_start_fails_and_keeps_the_pool() {
    // tokio panics if a time limit is set on a runtime without timers.
    let options = InstanceOptions::new().time_limit(SECOND);
    let pool = builder(2).options(options).build();
    let without_timers = Builder::new_current_thread().build().unwrap();
    without_timers.block_on(async {
        let interrupted = pool.acquire().await.unwrap_err();
        assert!(matches!(interrupted, PoolError::Interrupted));
    });
    runtime().block_on(async {
        let _one = pool.acquire().await.unwrap();
        let _other = pool.acquire().await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn start_is_cancelled_with_the_last_pool_handle() {
    let plugin = plugin(1);
    let pool = InstancePool::builder(&plugin).binding(AN_HOUR).build();
    assert!(is_pending(pool.acquire()).await);
    settle().await;
    let full = plugin.instantiate(&InstanceOptions::new()).await;
    assert!(matches!(full, Err(HostError::TooManyInstances { .. })));
    drop(pool);
    settle().await;
    start(&plugin).await;
}

#[tokio::test(start_paused = true)]
async fn slow_configuration_fails_within_the_time_limit() {
    let options = InstanceOptions::new().time_limit(SECOND);
    let pool = builder(1).options(options).binding(AN_HOUR).build();
    let over = pool.acquire().await.unwrap_err();
    let PoolError::Init(cause) = over else {
        panic!("{over}");
    };
    assert!(matches!(*cause, CallError::TimeLimit { limit: SECOND }));
}

#[tokio::test]
async fn instance_that_is_retired_after_use_is_lent() {
    // A limit below the component's initial memory.
    let pool = builder(1).max_memory(0).binding(Metadata::new()).build();
    for started in 1..4 {
        drop(pool.acquire().await.unwrap());
        assert_eq!(pool.stats().started, started);
    }
}
