//! Tests of `close`: a closed pool lends nothing, and its instances are dropped.

use super::{AN_HOUR, builder, is_pending, plugin, pool, settle, start, trap};
use crate::{InstancePool, PoolError};
use std::pin::pin;

#[tokio::test]
async fn close_waits_for_lent_instances() {
    let plugin = plugin(3);
    let pool = InstancePool::builder(&plugin).build();
    let lent = pool.acquire().await.unwrap();
    let mut lost = pool.acquire().await.unwrap();
    drop(pool.acquire().await.unwrap());
    assert_eq!(pool.stats().idle, 1);

    let mut closes = pin!(pool.close());
    assert!(is_pending(closes.as_mut()).await);
    assert_eq!((pool.stats().idle, pool.stats().in_use), (0, 2));
    trap(&mut lost).await;
    drop(lost);
    assert!(is_pending(closes.as_mut()).await);
    drop(lent);
    closes.await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(start(&plugin).await);
    }
    let stats = pool.stats();
    assert_eq!((stats.started, stats.retired, stats.lost), (3, 2, 1));
}

#[tokio::test]
async fn closed_pool_lends_nothing() {
    let pool = pool(1);
    let lent = pool.acquire().await.unwrap();
    let mut waits = pin!(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    let mut warms_up = pin!(pool.warm_up(2));
    assert!(!is_pending(warms_up.as_mut()).await);
    // The future is dropped after one poll.
    assert!(is_pending(pool.close()).await);
    assert!(matches!(waits.await, Err(PoolError::Closed)));
    assert!(matches!(pool.acquire().await, Err(PoolError::Closed)));
    assert!(matches!(pool.warm_up(1).await, Err(PoolError::Closed)));
    drop(lent);
    assert!(pool.try_acquire().is_none());
    assert_eq!(pool.stats().idle, 0);
}

#[tokio::test]
async fn several_tasks_can_close_a_pool() {
    let pool = pool(1);
    let lent = pool.acquire().await.unwrap();
    let closing = [(); 3].map(|()| {
        let pool = pool.clone();
        tokio::spawn(async move { pool.close().await })
    });
    settle().await;
    assert!(closing.iter().all(|task| !task.is_finished()));
    drop(lent);
    for task in closing {
        task.await.unwrap();
    }
    pool.close().await;
}

#[tokio::test(start_paused = true)]
async fn close_cancels_starts() {
    let pool = builder(2).binding(AN_HOUR).build();
    let begin = tokio::time::Instant::now();
    let mut waits = pin!(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    let mut warms_up = pin!(pool.warm_up(2));
    assert!(is_pending(warms_up.as_mut()).await);
    settle().await;
    pool.close().await;
    assert!(matches!(waits.await, Err(PoolError::Closed)));
    assert!(matches!(warms_up.await, Err(PoolError::Closed)));
    assert_eq!(begin.elapsed(), std::time::Duration::ZERO);
    assert_eq!(pool.stats(), crate::PoolStats::default());
}
