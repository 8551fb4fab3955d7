//! A pool of instances whose requests all pass through a fault proxy. The proxy makes some requests fail at random, as a
//! network and DynamoDB do on a bad day.

use crate::contenders::component;
use crate::tls::Reach;
use anyhow::Result;
use dapr_wasm_host::InstancePool;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use test_support::faults::{Action, Arrived, AwsError, Decision, Director, FaultProxy};

/// An instance pool behind a fault proxy.
pub(super) struct Faulty {
    pub(super) pool: InstancePool,
    pub(super) proxy: FaultProxy,
    pub(super) faults: Arc<FaultMix>,
}

impl Faulty {
    /// Starts the proxy in front of the DynamoDB at `upstream`, and all instances of the pool. No faults happen until
    /// [`FaultMix::set`] is called. `more` is metadata in addition to the metadata that the component needs.
    pub(super) async fn start(
        file: &Path,
        upstream: &str,
        seed: u64,
        size: NonZeroUsize,
        time_limit: Duration,
        more: &[(&str, &str)],
    ) -> Result<Self> {
        let faults = Arc::new(FaultMix::new(seed));
        let proxy = FaultProxy::start(upstream, Arc::clone(&faults))?;
        let reach = Reach::plain(proxy.endpoint());
        let mut metadata = component::metadata(&reach.endpoint);
        let more = more.iter().map(|(name, value)| (*name, *value));
        metadata.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let plugin = component::load(file, false)?;
        let pool = InstancePool::builder(&plugin)
            .options(component::options(&reach)?.time_limit(time_limit))
            .state(metadata)
            .max_instances(size)
            // Tasks retry at once. The pool must not repeat a remembered failure, or one fault would count many times.
            .retry_pause(Duration::ZERO)
            .build();
        pool.warm_up(size.get()).await?;
        Ok(Self {
            pool,
            proxy,
            faults,
        })
    }
}

/// A fault: its share in ten thousandths of all requests, its name, and its effect.
pub(super) type Fault = (u32, &'static str, fn(&mut Rng) -> Action);

/// The sum of all shares.
const ALL_SHARES: u32 = 10_000;

/// Chooses for each request whether a fault happens, and which one.
pub(super) struct FaultMix(Mutex<Mix>);

struct Mix {
    die: Rng,
    faults: Vec<Fault>,
    happened: BTreeMap<&'static str, u64>,
}

impl FaultMix {
    fn new(seed: u64) -> Self {
        Self(Mutex::new(Mix {
            die: Rng::with_seed(seed),
            faults: Vec::new(),
            happened: BTreeMap::new(),
        }))
    }

    /// Makes these faults happen from now on. At the start there are none.
    pub(super) fn set(&self, faults: &[Fault]) {
        self.mix().faults = faults.to_vec();
    }

    /// Returns the number of times that each fault happened.
    pub(super) fn happened(&self) -> BTreeMap<&'static str, u64> {
        self.mix().happened.clone()
    }

    fn mix(&self) -> MutexGuard<'_, Mix> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mix {
    fn toss(&mut self) -> Action {
        if self.faults.is_empty() {
            return Action::pass();
        }
        let mut left = self.die.u32(..ALL_SHARES);
        for (share, name, fault) in &self.faults {
            if left < *share {
                *self.happened.entry(name).or_default() += 1;
                return fault(&mut self.die);
            }
            left -= share;
        }
        Action::pass()
    }
}

impl Director for FaultMix {
    fn decide<'a>(&'a self, _: &'a Arrived) -> Decision<'a, Action> {
        let action = self.mix().toss();
        Box::pin(async { action })
    }
}

/// Makes the action for the AWS error with this code.
pub(super) fn error(code: &str, action: fn(&AwsError) -> Action) -> Action {
    AwsError::named(code).map_or_else(Action::drop_request, |error| action(&error))
}
