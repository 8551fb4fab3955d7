//! Tests of `replace_plugin` while calls go on.

use super::super::components::{Spins, binding_that_spins};
use super::{AN_HOUR, builder, is_pending, load_for, number, plugin, pool, settle, start};
use crate::{InstancePool, Plugin, PooledInstance};
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// A plugin whose instances report that they were never configured.
fn another(max_instances: usize) -> Plugin {
    load_for(max_instances, &binding_that_spins(Spins::InInvoke))
}

async fn is_of_another(instance: &mut PooledInstance) -> bool {
    super::inits(instance).await == 0
}

#[tokio::test]
async fn idle_instances_of_the_old_plugin_are_dropped_at_once() {
    let old = plugin(2);
    let pool = InstancePool::builder(&old).binding(crate::types::Metadata::new());
    let pool = pool.build();
    pool.warm_up(2).await.unwrap();
    pool.replace_plugin(&another(2));
    assert_eq!((pool.stats().idle, pool.stats().retired), (0, 2));
    let _both = [start(&old).await, start(&old).await];
    assert!(is_of_another(&mut pool.acquire().await.unwrap()).await);
}

#[tokio::test]
async fn lent_instances_of_the_old_plugin_are_dropped_on_return() {
    let pool = pool(2);
    let mut lent = pool.acquire().await.unwrap();
    pool.replace_plugin(&another(2));
    assert!(!is_of_another(&mut lent).await);
    let mut new = pool.acquire().await.unwrap();
    assert!(is_of_another(&mut new).await);
    // The old instance counts until it is given back.
    let mut waits = pin!(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    drop(lent);
    assert!(is_of_another(&mut waits.await.unwrap()).await);
    assert_eq!(pool.stats().retired, 1);
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_the_old_plugin_get_the_new_one() {
    let pool = builder(1).binding(AN_HOUR).build();
    let begin = Instant::now();
    let mut waits = pin!(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    settle().await;
    pool.replace_plugin(&another(1));
    assert!(is_of_another(&mut waits.await.unwrap()).await);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(pool.stats().started, 1);
}

#[tokio::test]
async fn failure_of_the_old_plugin_is_forgotten() {
    let pool = builder(1).binding([("refused", "")]).build();
    pool.acquire().await.unwrap_err();
    pool.replace_plugin(&another(1));
    pool.acquire().await.unwrap();
}

#[tokio::test]
async fn pool_takes_the_limit_of_the_new_plugin() {
    let pool = InstancePool::builder(&plugin(3)).max_instances(number(4));
    let pool = pool.build();
    assert_eq!(pool.max_instances(), number(3));
    let lent = [
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
    ];
    pool.replace_plugin(&another(1));
    assert_eq!(pool.max_instances(), number(1));
    let mut waits = pin!(pool.acquire());
    let [one, two, three] = lent;
    drop((one, two));
    assert!(is_pending(waits.as_mut()).await);
    drop(three);
    let _only = waits.await.unwrap();
    let mut waits = pin!(pool.acquire());
    assert!(is_pending(waits.as_mut()).await);
    pool.replace_plugin(&another(10));
    assert_eq!(pool.max_instances(), number(4));
    waits.await.unwrap();
}
