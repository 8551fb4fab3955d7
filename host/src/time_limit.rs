//! How long a component may take for one call: past its limit the call is over, whatever the component does.

use crate::epoch::Ticker;
use crate::error::EngineError;
use std::time::Duration;
use tokio::time::timeout;

/// The limit of one call, where there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit(Option<Duration>);

/// Why the component gave nothing.
pub(crate) enum Failure {
    Trapped(EngineError),
    TookLonger { limit: Duration },
}

impl TimeLimit {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self(limit)
    }

    /// The limit, where it leaves no time at all.
    pub(crate) fn is_over(self) -> Option<Duration> {
        self.0.filter(Duration::is_zero)
    }

    /// `ticker` has the component give way while it computes; `None` where it cannot be interrupted.
    pub(crate) fn timed(self, ticker: Option<&Ticker>) -> Timed<'_> {
        Timed {
            limit: self,
            ticker,
        }
    }
}

/// One call that is about to run.
pub(crate) struct Timed<'a> {
    limit: TimeLimit,
    ticker: Option<&'a Ticker>,
}

impl Timed<'_> {
    /// Runs the component, which [gives way](crate::epoch) while it computes, until it is done or its time is over.
    pub(crate) async fn hold<T>(
        self,
        running: impl Future<Output = wasmtime::Result<T>>,
    ) -> Result<T, Failure> {
        // Dropped with the future of a call that is abandoned, too.
        let _counted = self.ticker.map(Ticker::run_call);
        let Some(limit) = self.limit.0 else {
            return running.await.map_err(trapped);
        };
        match timeout(limit, running).await {
            Ok(done) => done.map_err(trapped),
            Err(_elapsed) => Err(Failure::TookLonger { limit }),
        }
    }
}

fn trapped(error: wasmtime::Error) -> Failure {
    Failure::Trapped(EngineError::new(error))
}
