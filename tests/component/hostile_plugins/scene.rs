//! Two pools on one thread and one egress: some instances of one misbehave, and all the others of both serve meanwhile.

use crate::fixture::{Settings, engine, plugin};
use dapr_wasm_host::{
    CallError, CapturedStderr, Egress, InstanceOptions, InstancePool, Plugin, PooledInstance,
};
use futures_util::future::{join, join_all};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many instances a pool has.
const POOL: usize = 64;
/// How many of them misbehave at a time: one, some, all.
pub const CROWDS: [usize; 3] = [1, 8, POOL];
pub const MEMORY: usize = 16 << 20;
/// The time limit of calls that are to reach it; honest calls take a thousandth of it on an idle machine.
pub const TIME: Duration = Duration::from_secs(4);
/// The time limit of all others: no machine needs it.
const PLENTY: Duration = Duration::from_secs(300);
/// How many requests an instance that misbehaves may have under way, and how many all of them together.
pub const REQUESTS: usize = 8;
pub const REQUESTS_OF_PLUGIN: usize = 32;
/// Each of the real ones has one, and those that misbehave have their own; without a bound they would have them all.
const CONNECTIONS: usize = POOL + REQUESTS_OF_PLUGIN;

/// The component that misbehaves, which may have no more instances than its pool: what a lost one leaves must be free.
pub fn misbehaving() -> Plugin {
    let plugin = Plugin::builder()
        .max_instances(number(POOL))
        .max_requests(number(REQUESTS_OF_PLUGIN));
    plugin.from_file(fixtures::misbehaving()).unwrap()
}

pub struct Scene {
    hostile: InstancePool,
    real: InstancePool,
    pub authority: &'static str,
    pub stderr: CapturedStderr,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with_time_limit(PLENTY).await
    }

    pub async fn with_time_limit(limit: Duration) -> Self {
        let endpoint = engine().await.endpoint();
        let egress = Egress::builder()
            .allow_url(endpoint)
            .max_connections(number(CONNECTIONS))
            .build()
            .unwrap();
        let stderr = CapturedStderr::new();
        let limited = InstanceOptions::new()
            .egress(egress.clone())
            .memory_limit(MEMORY)
            .time_limit(limit)
            .max_requests(number(REQUESTS))
            .stderr(&stderr);
        let settings = Settings::new().await;
        Self {
            hostile: InstancePool::builder(&misbehaving())
                .options(limited)
                .max_instances(number(POOL))
                .build(),
            real: InstancePool::builder(&plugin())
                .options(InstanceOptions::new().egress(egress))
                .state(settings.metadata)
                .max_instances(number(POOL))
                .build(),
            authority: endpoint.trim_start_matches("http://").trim_end_matches('/'),
            stderr,
        }
    }

    /// Asks each of a crowd for this harm at once, while all the others serve, and returns what each gives.
    pub async fn during(&self, harm: &str, crowd: usize) -> Vec<Result<String, CallError>> {
        let (mut hostile, real) = join(all(&self.hostile), all(&self.real)).await;
        assert_eq!((hostile.len(), real.len()), (POOL, POOL));
        let honest = hostile.split_off(crowd);
        let answered = AtomicUsize::new(0);
        let doing = async {
            let told = join_all(hostile.iter_mut().map(|each| does(each, harm))).await;
            (told, answered.load(Ordering::Relaxed))
        };
        let others = honest.into_iter().chain(real);
        let others = join_all(others.map(|instance| serves(instance, &answered)));
        let ((told, meanwhile), served) = join(doing, others).await;
        assert_eq!(served.len(), 2 * POOL - crowd);
        // Where all misbehave, the others have a sixty-fifth of the thread, which may be too little for a call in that time.
        if crowd < POOL && told.iter().all(is_time_limit) {
            assert!(meanwhile > 0, "all others waited for {crowd} times {harm}");
        }
        for (instance, told) in hostile.iter().zip(&told) {
            assert_eq!(instance.is_lost(), told.is_err());
        }
        drop(hostile);

        // 64 at a time, and each of them well.
        let whole = all(&self.hostile).await;
        assert_eq!(whole.len(), POOL);
        let serving = whole.into_iter();
        join_all(serving.map(|instance| serves(instance, &answered))).await;
        told
    }
}

pub fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

pub fn is_time_limit(told: &Result<String, CallError>) -> bool {
    matches!(told, Err(CallError::TimeLimit { limit: TIME }))
}

/// All instances of a pool at a time.
async fn all(pool: &InstancePool) -> Vec<PooledInstance> {
    let lent = (0..pool.max_instances().get()).map(|_| pool.acquire());
    let lent = join_all(lent).await.into_iter();
    lent.collect::<Result<_, _>>().unwrap()
}

async fn does(instance: &mut PooledInstance, harm: &str) -> Result<String, CallError> {
    let item = instance.state().unwrap().get(harm, None).await?;
    Ok(String::from_utf8(item.unwrap().value).unwrap())
}

/// A few calls, counted as they are answered.
async fn serves(mut instance: PooledInstance, answered: &AtomicUsize) {
    let mut state = instance.state().unwrap();
    for value in [b"one", b"two"] {
        state.set("key", value, None).await.unwrap();
        state.get("key", None).await.unwrap().unwrap();
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
