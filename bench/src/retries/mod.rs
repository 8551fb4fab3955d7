//! `bench retries`: what retries add to the load of a DynamoDB that refuses, and how soon throughput is back when it
//! does not any more.
//!
//! By the `fault_mix` no request is throttled at first, then half of them, then all, then none again. Meanwhile `callers` call at
//! a steady pace, so that throughput tells how many of them are not waiting; `figures` are what they and the proxy counted.

mod callers;
mod fault_mix;
mod figures;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::time::{Instant, sleep_until};

use self::{
    callers::{Callers, Counts},
    fault_mix::FaultMix,
    figures::{PhaseFigures, RecoveryFigures, RetriesFigures},
};
use super::{
    command::Outcome, faulty::Faulty, machine::Machine, progress::Progress, report::Versions,
    store::Store,
};
use host_test::command_line::Failure;

/// Throughput is told of each stretch of this length.
const WINDOW: Duration = Duration::from_millis(500);

/// How many of a hundred requests are throttled, and for how many twelfths of the time.
const PHASES: [(&str, u32, u32); 4] = [
    ("healthy", 0, 2),
    ("half throttled", 50, 3),
    ("all throttled", 100, 3),
    ("healthy again", 0, 4),
];

/// What can be asked of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct RetriesArguments {
    /// How long all of it takes
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(6..=3600))]
    seconds: u32,
    /// Tasks that call, each with an instance in the pool
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    tasks: u16,
    /// Which requests are throttled
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

pub(super) async fn run(
    component: &Path,
    arguments: &RetriesArguments,
    shows_progress: bool,
) -> Result<Outcome, Failure> {
    let size = NonZeroUsize::new(arguments.tasks.into()).unwrap_or(NonZeroUsize::MIN);
    let progress = Progress::new(shows_progress, PHASES.len());
    let store = Store::start().await?;
    let faults = Arc::new(FaultMix::new(arguments.seed));
    let upstream = store.plain().endpoint;
    let faulty = Faulty::start(
        component,
        &upstream,
        faults.clone(),
        size,
        |usual| usual,
        &[],
    )?;
    faulty.fill().await?;
    let callers = Callers::start(&faulty.pool, size.get());
    let mut phases = Vec::with_capacity(PHASES.len());
    for (name, percent, twelfths) in PHASES {
        progress.now(name);
        faults.throttle(percent);
        if phases.len() + 1 == PHASES.len() {
            callers.all_is_well();
        }
        let before = now(&callers, &faulty);
        let begin = Instant::now();
        let end = begin + Duration::from_secs(arguments.seconds.into()) * twelfths / 12;
        let windows = windows(&callers, begin, end).await;
        let counts = now(&callers, &faulty).since(before);
        phases.push(PhaseFigures::new(
            name,
            percent,
            begin.elapsed(),
            counts,
            windows,
        ));
        progress.advance();
    }
    progress.end();
    let back = callers.end().await?;
    let figures = RetriesFigures {
        machine: Machine::of_this_process(),
        versions: Versions::with(component)?,
        tasks: size.get(),
        seed: arguments.seed,
        recovery: RecoveryFigures::new(&phases, back, size.get()),
        phases,
    };
    figures.outcome()
}

fn now(callers: &Callers, faulty: &Faulty) -> Counts {
    Counts {
        requests: faulty.proxy.count_all().arrived,
        ..callers.counts()
    }
}

/// Calls per second that succeeded, window by window.
async fn windows(callers: &Callers, begin: Instant, end: Instant) -> Vec<f64> {
    let mut windows = Vec::new();
    let mut before = callers.counts().succeeded;
    let mut next = begin + WINDOW;
    while next <= end {
        sleep_until(next).await;
        let succeeded = callers.counts().succeeded;
        windows.push((succeeded - before) as f64 / WINDOW.as_secs_f64());
        before = succeeded;
        next += WINDOW;
    }
    sleep_until(end).await;
    windows
}
