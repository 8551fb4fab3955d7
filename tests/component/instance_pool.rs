//! Tasks share the instances of a pool. A failure of one instance affects only the call that used
//! it.

use crate::fixture::{Settings, Table, engine, plugin};
use dapr_wasm_host::{
    CallError, Egress, InstanceOptions, InstancePool, InstancePoolBuilder, PoolError,
};
use futures_util::future::join_all;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use test_support::faults::{Action, Arrived, Decision, Director};

async fn pool(settings: &Settings, size: usize) -> InstancePool {
    pool_with(settings, size, |options| options).await
}

/// Does the same as `pool`, with more options.
async fn pool_with(
    settings: &Settings,
    size: usize,
    more: impl FnOnce(InstanceOptions) -> InstanceOptions,
) -> InstancePool {
    let endpoint = engine().await.endpoint();
    builder(settings, endpoint, size, more).build()
}

fn builder(
    settings: &Settings,
    endpoint: &str,
    size: usize,
    more: impl FnOnce(InstanceOptions) -> InstanceOptions,
) -> InstancePoolBuilder {
    let egress = Egress::builder().allow_url(endpoint);
    let egress = egress.build().expect("the egress is built");
    InstancePool::builder(&plugin())
        .options(more(InstanceOptions::new().egress(egress)))
        .state(settings.metadata.clone())
        .max_instances(NonZeroUsize::new(size).expect("a pool has an instance"))
}

/// A table with reads that are slow or hang. An instance reads when `init` checks the table. The
/// tests themselves only write.
#[derive(Default)]
struct SlowReads {
    hangs: AtomicBool,
    /// The reads that arrived since the table hangs.
    hanging: AtomicUsize,
    reading: AtomicUsize,
    /// The maximum number of concurrent reads.
    most: AtomicUsize,
}

impl Director for SlowReads {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async move {
            let reads = arrived.operation != "PutItem";
            if self.hangs.load(Ordering::SeqCst) {
                self.hanging.fetch_add(usize::from(reads), Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
            if reads {
                let reading = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(reading, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.reading.fetch_sub(1, Ordering::SeqCst);
            }
            Action::pass()
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_four_instances_start_at_a_time() {
    let table = Arc::new(SlowReads::default());
    let (settings, proxy) = Table::new().await.behind(Arc::clone(&table)).await;
    let pool = builder(&settings, proxy.endpoint(), 16, |options| options).build();
    let tasks = (0..64).map(|number| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut instance = pool.acquire().await.unwrap();
            let mut state = instance.state().unwrap();
            let key = format!("key-{number}");
            state.set(&key, b"v", None).await.unwrap();
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert!((1..=4).contains(&table.most.load(Ordering::SeqCst)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hanging_table_is_tried_by_four_starts_per_retry_pause() {
    let table = Arc::new(SlowReads::default());
    let (settings, proxy) = Table::new().await.behind(Arc::clone(&table)).await;
    let limited = |options: InstanceOptions| options.time_limit(Duration::from_secs(4));
    let pool = builder(&settings, proxy.endpoint(), 16, limited);
    let pool = pool.retry_pause(Duration::from_secs(3_600)).build();
    pool.warm_up(16).await.unwrap();
    table.hangs.store(true, Ordering::SeqCst);

    // Each call that times out loses its instance, and each caller asks for another one.
    let tasks = (0..64).map(|number| {
        let pool = pool.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let Ok(mut instance) = pool.acquire().await else {
                    continue;
                };
                let state = instance.state().unwrap();
                let mut state = state.time_limit(Duration::from_millis(100));
                let key = format!("key-{number}");
                let over = state.set(&key, b"v", None).await.unwrap_err();
                assert!(matches!(over, CallError::TimeLimit { .. }), "{over}");
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.started, stats.lost), (16, 16));
    let reads = table.hanging.load(Ordering::SeqCst);
    assert!((1..=4).contains(&reads), "{reads} reads for {stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_tasks_share_four_instances() {
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
async fn pool_works_once_its_missing_table_is_created() {
    let engine = engine().await;
    let settings = Settings::at(engine.endpoint()).with("table", "made-later");
    let pool = builder(&settings, engine.endpoint(), 1, |options| options);
    let pool = pool.retry_pause(Duration::ZERO).build();
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
async fn pool_keeps_working_after_a_memory_limit_error() {
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
async fn instance_may_make_more_requests_than_its_handle_limit() {
    let settings = Settings::new().await;
    let pool = pool(&settings, 1).await;
    let mut instance = pool.acquire().await.unwrap();
    let mut store = instance.state().unwrap();
    for _ in 0..10_100 {
        assert_eq!(store.get("absent", None).await.unwrap(), None);
    }
}
