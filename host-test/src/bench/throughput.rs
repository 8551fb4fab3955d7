//! Calls per second when many tasks call at once, on one thread: bursts of the component and of the native SDK alternate.

use std::{num::NonZeroUsize, time::Instant};

use cpu_time::ThreadTime;
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    Plan, Subjects,
    cases::Case,
    contenders::{Component, Native},
    pairs::{nanoseconds, settle},
    statistics::{Block, Ratio, median, ratio_of_medians},
    store::Store,
    tls::Reach,
};
use crate::command_line::Failure;

/// How many tasks.
const TASKS: [usize; 3] = [1, 16, 64];
/// Calls of one burst, of all tasks together: about a tenth of a second.
const CALLS: usize = 640;
/// Bursts of each contender.
const BURSTS: usize = 30;

/// Reading an item of 1 KiB, by so many tasks.
#[derive(Debug, Serialize)]
pub struct ThroughputFigures {
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
}

/// One contender: medians of its bursts.
#[derive(Debug, Serialize)]
pub struct BurstFigures {
    /// Calls per second.
    pub per_second: f64,
    /// Processor time of the client's thread for one call, in nanoseconds.
    pub cpu: u64,
}

/// Measures each number of tasks.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    subjects: &Subjects,
    reach: &Reach,
) -> Result<Vec<ThroughputFigures>, Failure> {
    let native = Native::new(reach)?;
    let mut figures = Vec::new();
    for tasks in TASKS {
        plan.progress.now(format!("throughput of {tasks} tasks"));
        let size = plan.arguments.pool_size.or(NonZeroUsize::new(tasks));
        let size = size.unwrap_or(NonZeroUsize::MIN);
        let component = Component::new(&subjects.plugin, reach, size)?;
        let bursts = plan.arguments.repetitions(BURSTS);
        // The first ones start instances and open connections.
        burst(store, &component, tasks).await?;
        burst(store, &native, tasks).await?;
        let (mut ours, mut theirs) = (Series::default(), Series::default());
        for _ in 0..bursts {
            let ours_first = fastrand::bool();
            if ours_first {
                ours.push(burst(store, &component, tasks).await?);
            }
            theirs.push(burst(store, &native, tasks).await?);
            if !ours_first {
                ours.push(burst(store, &component, tasks).await?);
            }
        }
        figures.push(ThroughputFigures {
            tasks,
            pool_size: size.get(),
            calls: per_task(tasks) * tasks,
            bursts,
            over_native: over(&ours.wall, &theirs.wall),
            component: ours.figures(tasks),
            native: theirs.figures(tasks),
        });
        plan.progress.advance();
    }
    Ok(figures)
}

/// The times of all bursts of one contender, in nanoseconds.
#[derive(Default)]
struct Series {
    wall: Vec<u64>,
    cpu: Vec<u64>,
}

impl Series {
    fn push(&mut self, (wall, cpu): (u64, u64)) {
        self.wall.push(wall);
        self.cpu.push(cpu);
    }

    fn figures(&self, tasks: usize) -> BurstFigures {
        let calls = per_task(tasks) * tasks;
        BurstFigures {
            per_second: calls as f64 * 1e9 / (median(&self.wall).max(1) as f64),
            cpu: median(&self.cpu) / calls as u64,
        }
    }
}

/// The same number of calls in less time is a higher rate: theirs over ours. Each pair of bursts is a block.
fn over(ours: &[u64], theirs: &[u64]) -> Option<Ratio> {
    let pairs = theirs.chunks(1).zip(ours.chunks(1));
    let blocks: Vec<_> = pairs
        .map(|(theirs, ours)| Block {
            ours: theirs,
            theirs: ours,
        })
        .collect();
    ratio_of_medians(&blocks)
}

fn per_task(tasks: usize) -> usize {
    (CALLS / tasks).max(1)
}

/// Who can be called by many tasks.
trait Shared: Clone + Send + 'static {
    fn read(&self, store: &Store) -> impl Future<Output = Result<(), Failure>> + Send + 'static;
}

impl Shared for Component {
    fn read(&self, store: &Store) -> impl Future<Output = Result<(), Failure>> + Send + 'static {
        let (component, values) = (self.clone(), store.values.clone());
        async move {
            let task = values.task(Case::Get, 0, ("", ""));
            component.perform(&task).await.map(drop)
        }
    }
}

impl Shared for Native {
    fn read(&self, store: &Store) -> impl Future<Output = Result<(), Failure>> + Send + 'static {
        let (native, values) = (self.clone(), store.values.clone());
        async move {
            let task = values.task(Case::Get, 0, ("", ""));
            native.perform(&task).await.map(drop)
        }
    }
}

/// The time of a burst, and of the processor for it, in nanoseconds.
async fn burst(
    store: &Store,
    contender: &impl Shared,
    tasks: usize,
) -> Result<(u64, u64), Failure> {
    settle().await;
    let (cpu, begin) = (ThreadTime::now(), Instant::now());
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        let calls: Vec<_> = (0..per_task(tasks))
            .map(|_| contender.read(store))
            .collect();
        running.spawn(async move {
            for call in calls {
                call.await?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.map_err(Failure::here)??;
    }
    let wall = begin.elapsed();
    settle().await;
    Ok((nanoseconds(wall), nanoseconds(cpu.elapsed())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_time_is_twice_the_rate() {
        let ratio = over(&[50; 10], &[100; 10]).unwrap();
        assert_eq!(ratio.ratio, 2.0);
    }

    #[test]
    fn every_number_of_tasks_makes_the_same_number_of_calls() {
        assert!(TASKS.iter().all(|tasks| per_task(*tasks) * tasks == CALLS));
    }
}
