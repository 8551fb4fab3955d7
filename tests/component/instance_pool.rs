//! Tasks share the instances of a pool, and what goes wrong with one of them stays with the call that had it.

use std::num::NonZeroUsize;

use dapr_wasm_host::{CallError, Egress, InstanceOptions, InstancePool, PoolError};
use futures_util::future::join_all;

use crate::fixture::{Settings, Table, engine, plugin};

async fn pool(settings: &Settings, size: usize) -> InstancePool {
    pool_with(settings, size, |options| options).await
}

/// As `pool`, with more options.
async fn pool_with(
    settings: &Settings,
    size: usize,
    more: impl FnOnce(InstanceOptions) -> InstanceOptions,
) -> InstancePool {
    let egress = Egress::builder().allow_url(engine().await.endpoint());
    let egress = egress.build().expect("the egress is built");
    InstancePool::builder(&plugin())
        .options(more(InstanceOptions::new().egress(egress)))
        .state(settings.metadata.clone())
        .max_instances(NonZeroUsize::new(size).expect("a pool has an instance"))
        .build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_tasks_write_and_read_through_four_instances() {
    let table = Table::new().await;
    let pool = pool(&table.settings().await, 4).await;
    let tasks = (0..64).map(|number| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let key = format!("key-{number}");
            let mut instance = pool.acquire().await.unwrap();
            let mut state = instance.state().unwrap();
            state.set(&key, key.as_bytes(), None).await.unwrap();
            drop(instance);

            let mut instance = pool.acquire().await.unwrap();
            let item = instance.state().unwrap().get(&key, None).await.unwrap();
            assert_eq!(item.unwrap().value, key.as_bytes());
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

#[tokio::test]
async fn a_pool_whose_table_is_missing_works_as_soon_as_it_is_there() {
    let engine = engine().await;
    let settings = Settings::at(engine.endpoint()).with("table", "made-later");
    let pool = pool(&settings, 1).await;
    for _ in 0..2 {
        let refused = pool.acquire().await.unwrap_err();
        assert!(matches!(refused, PoolError::Init(_)), "{refused}");
        assert!(refused.to_string().contains("made-later"), "{refused}");
    }
    engine.create_table("made-later", "key").await.unwrap();

    let mut instance = pool.acquire().await.unwrap();
    let mut state = instance.state().unwrap();
    state.set("k", b"v", None).await.unwrap();
}

#[tokio::test]
async fn a_call_beyond_the_memory_limit_says_so_and_the_pool_goes_on() {
    const LIMIT: usize = 4 << 20;
    let table = Table::new().await;
    let settings = table.settings().await;
    let pool = pool_with(&settings, 1, |options| options.memory_limit(LIMIT)).await;

    let mut instance = pool.acquire().await.unwrap();
    assert!(instance.memory_size() <= LIMIT);
    let mut state = instance.state().unwrap();
    let error = state.set("k", &vec![0; LIMIT], None).await.unwrap_err();
    assert!(
        matches!(error, CallError::MemoryLimit { limit: LIMIT, .. }),
        "{error}"
    );
    drop(instance);

    let mut another = pool.acquire().await.unwrap();
    let mut state = another.state().unwrap();
    state.set("k", b"v", None).await.unwrap();
}

#[tokio::test]
async fn an_instance_makes_more_requests_than_it_may_hold_handles() {
    let settings = Table::new().await.settings().await;
    let pool = pool(&settings, 1).await;
    let mut instance = pool.acquire().await.unwrap();
    let mut store = instance.state().unwrap();
    for _ in 0..10_100 {
        assert_eq!(store.get("absent", None).await.unwrap(), None);
    }
}
