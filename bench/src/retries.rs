//! `bench retries`: what retries add to the load of a DynamoDB that refuses, and how soon throughput is back when it
//! does not any more.
//!
//! No request is throttled at first, then half of them, then all, then none again. Meanwhile tasks call at a steady pace, so
//! that throughput tells how many of them are not waiting. The figures are counted by the tasks and by the proxy.

use std::{
    fmt::Write,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use clap::Args;
use dapr_wasm_host::{CallError, InstancePool, types::Error};
use serde::Serialize;
use test_support::faults::Action;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, sleep_until},
};

use super::{
    cases::GET_KEY,
    faulty::{Faulty, error},
    process::progress_bar,
    program::Outcome,
    report::columns,
    statistics::median,
    store::Store,
    testbed::{Machine, Versions},
};

/// The length of the stretches whose throughput is told.
const WINDOW: Duration = Duration::from_millis(500);

/// The phases: how many of a hundred requests are throttled, and for how many twelfths of the time.
const PHASES: [(&str, u32, u32); 4] = [
    ("healthy", 0, 2),
    ("half throttled", 50, 3),
    ("all throttled", 100, 3),
    ("healthy again", 0, 4),
];

/// From one call of a task to its next: 64 tasks leave a processor some rest, so that throughput is not what it can do at most.
const PACE: Duration = Duration::from_millis(100);

/// The part of the throughput, and of the tasks, that is to be back.
const BACK: f64 = 0.9;

/// The arguments of `bench retries`.
#[derive(Clone, Debug, Args)]
pub(super) struct RetriesArguments {
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
    component: PathBuf,
    arguments: RetriesArguments,
    shows_progress: bool,
) -> Result<Outcome> {
    let size = NonZeroUsize::new(arguments.tasks.into()).unwrap_or(NonZeroUsize::MIN);
    let seed = arguments.seed;
    let progress = progress_bar(shows_progress, PHASES.len());
    let store = Store::start().await?;
    let upstream = store.plain().endpoint;
    let faulty = Faulty::start(&component, &upstream, seed, size, |usual| usual, &[]).await?;
    let callers = Callers::start(&faulty.pool, size.get());
    let mut phases = Vec::with_capacity(PHASES.len());
    for (name, percent, twelfths) in PHASES {
        progress.set_message(name);
        faulty.faults.set(&[(percent * 100, "throttled", |_| {
            error("ThrottlingException", Action::error)
        })]);
        if phases.len() + 1 == PHASES.len() {
            callers.all_is_well();
        }
        let before = now(&callers, &faulty);
        let begin = Instant::now();
        let end = begin + Duration::from_secs(arguments.seconds.into()) * twelfths / 12;
        let windows = windows(&callers, begin, end).await;
        let counts = now(&callers, &faulty).since(before);
        let time = begin.elapsed();
        phases.push(PhaseFigures::new(name, percent, time, counts, windows));
        progress.inc(1);
    }
    progress.finish_and_clear();
    let back = callers.end().await?;
    let figures = RetriesFigures {
        machine: Machine::of_this_process(),
        versions: Versions::with(&component)?,
        tasks: size.get(),
        seed,
        recovery: RecoveryFigures::new(&phases, back, size.get()),
        phases,
    };
    // Measured, not judged.
    Ok(Outcome {
        text: figures.text(),
        json: serde_json::to_value(&figures)?,
        broken: Vec::new(),
    })
}

fn now(callers: &Callers, faulty: &Faulty) -> Counts {
    Counts {
        requests: faulty.proxy.count_all().arrived,
        ..callers.counts()
    }
}

/// Returns the calls per second that succeeded, window by window.
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

/// Calls and requests so far.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    begun: u64,
    succeeded: u64,
    throttled: u64,
    /// At the proxy.
    requests: u64,
}

impl Counts {
    fn since(self, before: Self) -> Self {
        Self {
            begun: self.begun - before.begun,
            succeeded: self.succeeded - before.succeeded,
            throttled: self.throttled - before.throttled,
            requests: self.requests - before.requests,
        }
    }
}

#[derive(Default)]
struct Shared {
    begun: AtomicU64,
    succeeded: AtomicU64,
    throttled: AtomicU64,
    well: OnceLock<Instant>,
    /// The time of each task from then to its next success.
    back: Mutex<Vec<Duration>>,
}

/// Tasks that call at a steady pace: one that waits for a retry misses its turns.
struct Callers {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<()>>,
}

impl Callers {
    /// Starts the tasks, each at another moment.
    fn start(pool: &InstancePool, tasks: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let begin = Instant::now();
        let tasks = (0..tasks)
            .map(|task| {
                let first = begin + PACE * task as u32 / tasks as u32;
                Arc::clone(&shared).call(pool.clone(), first)
            })
            .collect();
        Self { shared, tasks }
    }

    fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            begun: read(&self.shared.begun),
            succeeded: read(&self.shared.succeeded),
            throttled: read(&self.shared.throttled),
            requests: 0,
        }
    }

    /// Tells the tasks that from now on no request is refused.
    fn all_is_well(&self) {
        self.shared.well.get_or_init(Instant::now);
    }

    /// Ends the tasks; gives the time in which each of those that came back did.
    async fn end(mut self) -> Result<Vec<Duration>> {
        // A task ends by itself only where something is wrong.
        if let Some(ended) = self.tasks.try_join_next() {
            ended??;
        }
        self.tasks.shutdown().await;
        let back = self.shared.back.lock();
        Ok(back.unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Shared {
    async fn call(self: Arc<Self>, pool: InstancePool, first: Instant) -> Result<()> {
        let mut turns = interval_at(first, PACE);
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut is_back = false;
        loop {
            turns.tick().await;
            self.begun.fetch_add(1, Ordering::Relaxed);
            let mut instance = pool.acquire().await?;
            let mut state = instance.state()?;
            let outcome = state.get(GET_KEY, None).await;
            match outcome {
                Ok(_) => {
                    self.succeeded.fetch_add(1, Ordering::Relaxed);
                    if let (false, Some(well)) = (is_back, self.well.get()) {
                        is_back = true;
                        let back = self.back.lock();
                        let mut back = back.unwrap_or_else(PoisonError::into_inner);
                        back.push(well.elapsed());
                    }
                }
                Err(CallError::Component(Error::Throttled(_))) => {
                    self.throttled.fetch_add(1, Ordering::Relaxed);
                }
                Err(other) => return Err(other.into()),
            }
        }
    }
}

/// The figures of a run.
#[derive(Debug, Serialize)]
struct RetriesFigures {
    machine: Machine,
    versions: Versions,
    tasks: usize,
    seed: u64,
    phases: Vec<PhaseFigures>,
    recovery: RecoveryFigures,
}

/// The figures of one phase.
#[derive(Debug, Serialize)]
struct PhaseFigures {
    name: &'static str,
    /// Requests of a hundred that were throttled.
    percent: u32,
    seconds: f64,
    /// Calls that began.
    calls: u64,
    succeeded: u64,
    throttled: u64,
    /// Requests that arrived.
    requests: u64,
    /// Requests for a call. Those of a call that goes on into the next phase are counted there.
    amplification: f64,
    requests_per_second: f64,
    /// Calls per second that succeeded, for each half second.
    windows: Vec<f64>,
}

impl PhaseFigures {
    fn new(
        name: &'static str,
        percent: u32,
        time: Duration,
        counts: Counts,
        windows: Vec<f64>,
    ) -> Self {
        let seconds = time.as_secs_f64();
        Self {
            name,
            percent,
            seconds,
            calls: counts.begun,
            succeeded: counts.succeeded,
            throttled: counts.throttled,
            requests: counts.requests,
            amplification: counts.requests as f64 / counts.begun.max(1) as f64,
            requests_per_second: counts.requests as f64 / seconds,
            windows,
        }
    }
}

/// The way back after the outage.
#[derive(Debug, Serialize)]
struct RecoveryFigures {
    /// Calls per second in the healthy phase: the median of its windows.
    healthy: f64,
    /// When the first half second ended with nine tenths of that; absent where none did.
    throughput_after: Option<f64>,
    /// When nine tenths of the tasks had had a success, in seconds.
    most_tasks_after: Option<f64>,
    /// When the last one had.
    last_task_after: Option<f64>,
}

impl RecoveryFigures {
    /// `back`: the time in which each task that came back did.
    fn new(phases: &[PhaseFigures], mut back: Vec<Duration>, tasks: usize) -> Self {
        let windows = |phase: Option<&PhaseFigures>| -> Vec<f64> {
            phase.map_or_else(Vec::new, |phase| phase.windows.clone())
        };
        let before: Vec<u64> = windows(phases.first())
            .iter()
            .map(|rate| *rate as u64)
            .collect();
        let healthy = median(&before) as f64;
        let after = windows(phases.last());
        let window = after.iter().position(|rate| *rate >= BACK * healthy);
        back.sort();
        let nth = |count: usize| back.get(count.max(1) - 1).map(Duration::as_secs_f64);
        Self {
            healthy,
            throughput_after: window.map(|index| (index + 1) as f64 * WINDOW.as_secs_f64()),
            most_tasks_after: nth((tasks as f64 * BACK).ceil() as usize),
            last_task_after: nth(tasks),
        }
    }
}

impl RetriesFigures {
    fn text(&self) -> String {
        let heads = "phase|seconds|calls|ok|throttled|requests|requests/call|requests/s";
        let rows = self.phases.iter().map(|phase| {
            vec![
                phase.name.to_owned(),
                format!("{:.1}", phase.seconds),
                phase.calls.to_string(),
                phase.succeeded.to_string(),
                phase.throttled.to_string(),
                phase.requests.to_string(),
                format!("{:.3}", phase.amplification),
                format!("{:.0}", phase.requests_per_second),
            ]
        });
        let mut text = format!(
            "{} tasks, an instance each, seed {}\n\n",
            self.tasks, self.seed
        );
        text.push_str(&columns(heads, rows, 1));
        let recovery = &self.recovery;
        let seconds = |time: Option<f64>| match time {
            Some(time) => format!("after {time:.1} s"),
            None => "not within this phase".to_owned(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "\nback to 90 % of {:.0} calls/s: {}; to 90 % of the tasks: {}; the last task: {}",
            recovery.healthy,
            seconds(recovery.throughput_after),
            seconds(recovery.most_tasks_after),
            seconds(recovery.last_task_after),
        );
        let last = self.phases.last().map_or(&[][..], |phase| &phase.windows);
        let windows: Vec<String> = last.iter().map(|rate| format!("{rate:.0}")).collect();
        let _ = writeln!(text, "calls/s by half seconds: {}", windows.join(" "));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(windows: &[f64]) -> PhaseFigures {
        let counts = Counts {
            begun: 100,
            requests: 187,
            ..Counts::default()
        };
        PhaseFigures::new("a", 50, Duration::from_secs(2), counts, windows.to_vec())
    }

    #[test]
    fn amplification_is_requests_for_a_call() {
        let phase = phase(&[]);
        assert_eq!(
            (phase.amplification, phase.requests_per_second),
            (1.87, 93.5)
        );
    }

    #[test]
    fn throughput_is_back_in_the_first_window_of_nine_tenths() {
        let phases = [
            phase(&[100.0, 90.0, 110.0]),
            phase(&[10.0, 89.0, 90.0, 20.0]),
        ];
        let back = vec![Duration::from_secs(3), Duration::from_secs(1)];
        let recovery = RecoveryFigures::new(&phases, back, 2);
        assert_eq!(
            (recovery.healthy, recovery.throughput_after),
            (100.0, Some(1.5))
        );
        assert_eq!(recovery.most_tasks_after, Some(3.0));
        let never = RecoveryFigures::new(&[phase(&[100.0]), phase(&[89.0])], vec![], 2);
        assert_eq!(
            (never.throughput_after, never.last_task_after),
            (None, None)
        );
    }
}
