//! Calls per second when many tasks call at once, on one thread: bursts of the component and of the native SDK alternate.

mod load;

use serde::Serialize;

use self::load::{Burst, CALLS, Load};
use super::{
    Plan, Subjects, bursts,
    cases::Case,
    contenders::{Component, Native},
    statistics::{Block, Ratio, median, ratio_of_medians},
    store::Store,
    tls::Reach,
};
use host_test::command_line::Failure;

/// How many tasks.
pub(super) const TASKS: [usize; 3] = [1, 16, 64];
/// Bursts of each contender.
const BURSTS: usize = 20;

/// One case, called by so many tasks.
#[derive(Debug, Serialize)]
pub struct ThroughputFigures {
    /// Which.
    pub case: Case,
    /// Tasks that call at the same time.
    pub tasks: usize,
    /// Instances that they share.
    pub pool_size: usize,
    /// Calls of one burst.
    pub calls: usize,
    /// Bursts of each.
    pub bursts: usize,
    /// The component on `dapr-wasm-host`.
    pub component: BurstFigures,
    /// The AWS SDK for Rust.
    pub native: BurstFigures,
    /// The component's calls per second over those of the native SDK.
    pub over_native: Option<Ratio>,
    /// The component's processor time of a call over that of the native SDK.
    pub cpu_over_native: Option<Ratio>,
}

/// One contender: medians of its bursts.
#[derive(Debug, Serialize)]
pub struct BurstFigures {
    /// Calls per second.
    pub per_second: f64,
    /// Processor time of the client's thread for one call, in nanoseconds.
    pub cpu: u64,
}

/// Measures all chosen cases with each number of tasks.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    subjects: &Subjects,
    reach: &Reach,
) -> Result<Vec<ThroughputFigures>, Failure> {
    let mut figures = Vec::new();
    for case in plan.arguments.chosen_cases() {
        for tasks in TASKS {
            let load = Load::new(case, tasks, plan.arguments.repetitions(CALLS));
            let title = case.title();
            plan.progress.now(format!("{title}, {tasks} tasks"));
            let size = plan.arguments.pool_size(tasks);
            let component = Component::new(&subjects.plugin, reach, size)?;
            let native = Native::new(reach)?;
            // The first ones start instances and open connections.
            for _ in 0..2 {
                load.burst(store, &component).await?;
                load.burst(store, &native).await?;
            }
            let bursts = bursts::alternate(
                plan.arguments.repetitions(BURSTS),
                async || load.burst(store, &component).await,
                async || load.burst(store, &native).await,
            )
            .await?;
            figures.push(compare(load, size.get(), &bursts));
            plan.progress.advance();
        }
    }
    Ok(figures)
}

fn compare(load: Load, pool_size: usize, bursts: &[(Burst, Burst)]) -> ThroughputFigures {
    let calls = load.calls();
    let times = |one: fn(&(Burst, Burst)) -> &Burst| -> (Vec<u64>, Vec<u64>) {
        let bursts = bursts.iter().map(one);
        bursts.map(|burst| (burst.wall, burst.cpu)).unzip()
    };
    let (ours, our_cpu) = times(|(ours, _)| ours);
    let (theirs, their_cpu) = times(|(_, theirs)| theirs);
    let figures = |wall: &[u64], cpu: &[u64]| BurstFigures {
        per_second: calls as f64 * 1e9 / (median(wall).max(1) as f64),
        cpu: median(cpu) / calls as u64,
    };
    ThroughputFigures {
        case: load.case,
        tasks: load.tasks,
        pool_size,
        calls,
        bursts: bursts.len(),
        component: figures(&ours, &our_cpu),
        native: figures(&theirs, &their_cpu),
        // The same number of calls in less time is a higher rate.
        over_native: over(&theirs, &ours),
        cpu_over_native: over(&our_cpu, &their_cpu),
    }
}

/// Each pair of bursts is a block.
fn over(ones: &[u64], others: &[u64]) -> Option<Ratio> {
    let blocks: Vec<_> = ones
        .chunks(1)
        .zip(others.chunks(1))
        .map(|(ours, theirs)| Block { ours, theirs })
        .collect();
    ratio_of_medians(&blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_time_is_twice_the_rate_and_half_the_processor_time_half_of_it() {
        let burst = |time| Burst {
            wall: time,
            cpu: time,
        };
        let bursts: Vec<_> = (0..10).map(|_| (burst(50), burst(100))).collect();
        let figures = compare(Load::new(Case::Get, 1, CALLS), 1, &bursts);
        assert_eq!(figures.over_native.unwrap().ratio, 2.0);
        assert_eq!(figures.cpu_over_native.unwrap().ratio, 0.5);
    }
}
