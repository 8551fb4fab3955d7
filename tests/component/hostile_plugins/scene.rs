//! Two pools on one thread and one egress. Some instances of one pool misbehave, and all other
//! instances of both pools keep serving.

use crate::fixture::{Settings, engine, plugin};
use dapr_wasm_host::{
    CallError, CapturedStderr, Egress, InstanceOptions, InstancePool, Plugin, PooledInstance,
};
use futures_util::future::{join, join_all};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use test_support::faults::FaultProxy;

/// The number of instances in a pool.
const POOL: usize = 64;
/// The numbers of instances that misbehave at a time: one, some, all.
pub const CROWDS: [usize; 3] = [1, 8, POOL];
pub const MEMORY: usize = 16 << 20;
/// The time limit of calls that are expected to reach it. Honest calls take a thousandth of it on
/// an idle machine.
pub const TIME: Duration = Duration::from_secs(4);
/// The time limit of all other calls, long enough for any machine.
const PLENTY: Duration = Duration::from_secs(300);
/// The maximum number of requests in flight: for one misbehaving instance, and for all of them
/// together.
pub const REQUESTS: usize = 8;
pub const REQUESTS_OF_PLUGIN: usize = 32;
/// One connection for each real instance, plus those of the misbehaving ones. Without a limit, the
/// misbehaving instances would take all of them.
const CONNECTIONS: usize = POOL + REQUESTS_OF_PLUGIN;

/// Returns the misbehaving component. It may have no more instances than its pool, so lost
/// instances must free their places.
pub fn misbehaving() -> Plugin {
    let plugin = Plugin::builder()
        .max_instances(number(POOL))
        .max_requests(number(REQUESTS_OF_PLUGIN));
    plugin.from_file(fixtures::misbehaving_hosted()).unwrap()
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
        Self::with(limit, None).await
    }

    /// Returns a scene in which all instances may reach this server too.
    pub async fn reaching(server: &FaultProxy) -> Self {
        Self::with(PLENTY, Some(server.endpoint())).await
    }

    async fn with(limit: Duration, other: Option<&str>) -> Self {
        let endpoint = engine().await.endpoint();
        let mut egress = Egress::builder()
            .allow_url(endpoint)
            .max_connections(number(CONNECTIONS));
        if let Some(other) = other {
            egress = egress.allow_url(other);
        }
        let egress = egress.build().unwrap();
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

    /// Lets each instance of a crowd do this harm at once while all others serve. Returns the
    /// result of each.
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
        // If all instances misbehave, the others get a sixty-fifth of the thread, which may be too
        // little for a call in that time.
        if crowd < POOL && told.iter().all(is_time_limit) {
            assert!(
                meanwhile > 0,
                "no other instance served during {crowd} times {harm}"
            );
        }
        for (instance, told) in hostile.iter().zip(&told) {
            assert_eq!(instance.is_lost(), told.is_err());
        }
        drop(hostile);

        // The pool lends 64 instances at a time again, and each of them works.
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

/// Acquires all instances of a pool at once.
async fn all(pool: &InstancePool) -> Vec<PooledInstance> {
    let lent = (0..pool.max_instances().get()).map(|_| pool.acquire());
    let lent = join_all(lent).await.into_iter();
    lent.collect::<Result<_, _>>().unwrap()
}

async fn does(instance: &mut PooledInstance, harm: &str) -> Result<String, CallError> {
    let item = instance.state().unwrap().get(harm, None).await?;
    Ok(String::from_utf8(item.unwrap().value).unwrap())
}

/// Makes a few calls and counts the successful ones.
async fn serves(mut instance: PooledInstance, answered: &AtomicUsize) {
    let mut state = instance.state().unwrap();
    for value in [b"one", b"two"] {
        state.set("key", value, None).await.unwrap();
        state.get("key", None).await.unwrap().unwrap();
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
