//! Two pools on one thread and one egress: of one an instance misbehaves, and all the others of both serve meanwhile.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dapr_wasm_host::{
    CallError, CapturedStderr, Egress, InstanceOptions, InstancePool, Plugin, PooledInstance,
};
use futures_util::future::{join, join_all};

use crate::fixture::{Table, engine, plugin};

/// How many instances a pool has: one that misbehaves, and the others.
const POOL: usize = 64;
pub const MEMORY: usize = 16 << 20;
/// The time limit of a call; honest calls take a thousandth of it on an idle machine.
pub const TIME: Duration = Duration::from_secs(4);
pub const REQUESTS: usize = 8;
/// Each of the 63 has one, and the one that misbehaves has its own; without a bound it would have them all.
const CONNECTIONS: usize = POOL + REQUESTS;

/// The component that misbehaves, which may have no more instances than its pool: what a lost one leaves must be free.
pub fn misbehaving() -> Plugin {
    let plugin = Plugin::builder().max_instances(POOL as u32);
    plugin.from_file(host_test::misbehaving_path()).unwrap()
}

pub struct Scene {
    hostile: InstancePool,
    real: InstancePool,
    pub authority: &'static str,
    pub stderr: CapturedStderr,
}

impl Scene {
    pub async fn new() -> Self {
        let endpoint = engine().await.endpoint();
        let egress = Egress::builder()
            .allow_url(endpoint)
            .max_connections_per_host(number(CONNECTIONS))
            .build()
            .unwrap();
        let stderr = CapturedStderr::new();
        let limited = InstanceOptions::new()
            .egress(egress.clone())
            .memory_limit(MEMORY)
            .time_limit(TIME)
            .max_requests(number(REQUESTS))
            .stderr(&stderr);
        let settings = Table::new().await.settings().await;
        Self {
            hostile: InstancePool::builder(&misbehaving())
                .options(limited)
                .max_instances(number(POOL))
                .build(),
            real: InstancePool::builder(&plugin())
                .options(InstanceOptions::new().egress(egress))
                .state(settings.metadata)
                .max_instances(number(POOL - 1))
                .build(),
            authority: endpoint.trim_start_matches("http://").trim_end_matches('/'),
            stderr,
        }
    }

    /// What one instance gives that is asked for this harm, while all the others serve.
    pub async fn during(&self, harm: &str) -> Result<String, CallError> {
        let (mut lent, real) = join(all(&self.hostile), all(&self.real)).await;
        let mut one = lent.pop().unwrap();
        assert_eq!((lent.len(), real.len()), (POOL - 1, POOL - 1));
        let answered = AtomicUsize::new(0);
        let done = async {
            let told = match one.state().unwrap().get(harm, None).await {
                Ok(item) => Ok(String::from_utf8(item.unwrap().value).unwrap()),
                Err(error) => Err(error),
            };
            (told, answered.load(Ordering::Relaxed))
        };
        let others = lent.into_iter().chain(real);
        let others = join_all(others.map(|instance| serves(instance, &answered)));
        let ((told, meanwhile), served) = join(done, others).await;
        assert_eq!(served.len(), 2 * (POOL - 1));
        if let Err(CallError::TimeLimit { .. }) = told {
            assert!(meanwhile > 0, "all others waited for {harm}");
        }
        assert_eq!(one.is_lost(), told.is_err());
        drop(one);

        // 64 at a time, and each of them well.
        let whole = all(&self.hostile).await;
        assert_eq!(whole.len(), POOL);
        join_all(
            whole
                .into_iter()
                .map(|instance| serves(instance, &answered)),
        )
        .await;
        told
    }
}

pub fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// All instances of a pool at a time.
async fn all(pool: &InstancePool) -> Vec<PooledInstance> {
    let lent = (0..pool.max_instances().get()).map(|_| pool.acquire());
    let lent = join_all(lent).await.into_iter();
    lent.collect::<Result<_, _>>().unwrap()
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
