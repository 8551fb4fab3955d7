//! Measures calls per second when many tasks on one thread call at once. Bursts of the component and of the native SDK
//! alternate. In a burst, each task makes its calls one after the other.

use super::cases::{Case, Task, Values};
use super::contenders::{Component, Native};
use super::statistics::{Block, Ratio, median, ratio_of_medians};
use super::store::{OwnItem, Store};
use super::timing::{Took, alternate, timed};
use super::tls::Reach;
use super::{Plan, Subjects};
use anyhow::Result;
use serde::Serialize;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The numbers of tasks.
pub(super) const TASKS: [usize; 3] = [1, 16, 64];
/// The number of bursts of each contender.
const BURSTS: usize = 20;
/// The number of calls of all tasks in one burst of a short case. They take about a tenth of a second.
pub(super) const CALLS: usize = 640;
/// The minimum number of calls of one task in a burst. With fewer, the common start and end of all tasks would dominate.
const CALLS_OF_TASK: usize = 4;

/// The figures of one case with one number of tasks.
#[derive(Debug, Serialize)]
pub(super) struct ThroughputFigures {
    pub(super) case: Case,
    /// The number of tasks that call at the same time.
    pub(super) tasks: usize,
    /// The number of instances that the tasks share.
    pub(super) pool_size: usize,
    /// The number of calls in one burst.
    pub(super) calls: usize,
    /// The number of bursts of each contender.
    pub(super) bursts: usize,
    pub(super) component: BurstFigures,
    pub(super) native: BurstFigures,
    /// The component's calls per second divided by those of the native SDK.
    pub(super) over_native: Option<Ratio>,
    /// The component's processor time of a call divided by that of the native SDK.
    pub(super) cpu_over_native: Option<Ratio>,
}

/// The figures of one contender: medians of its bursts.
#[derive(Debug, Serialize)]
pub(super) struct BurstFigures {
    /// Calls per second.
    pub(super) per_second: f64,
    /// The processor time of the client's thread for one call, in nanoseconds.
    pub(super) cpu: u64,
}

/// Measures all chosen cases with each number of tasks.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    subjects: &Subjects,
    reach: &Reach,
) -> Result<Vec<ThroughputFigures>> {
    let mut figures = Vec::new();
    for case in plan.arguments.chosen_cases() {
        for tasks in TASKS {
            let load = Load::new(case, tasks, plan.arguments.repetitions(CALLS));
            let title = case.title();
            plan.progress.set_message(format!("{title}, {tasks} tasks"));
            let size = plan.arguments.pool_size(tasks);
            let component = Component::new(&subjects.plugin, reach, size)?;
            let native = Native::new(reach)?;
            // Warm up: these bursts start instances and open connections.
            for _ in 0..2 {
                load.burst(store, &component).await?;
                load.burst(store, &native).await?;
            }
            let bursts = alternate(
                plan.arguments.repetitions(BURSTS),
                async || load.burst(store, &component).await,
                async || load.burst(store, &native).await,
            )
            .await?;
            figures.push(compare(load, size.get(), &bursts));
            plan.progress.inc(1);
        }
    }
    Ok(figures)
}

fn compare(load: Load, pool_size: usize, bursts: &[(Took, Took)]) -> ThroughputFigures {
    let calls = load.calls();
    let times = |one: fn(&(Took, Took)) -> &Took| -> (Vec<u64>, Vec<u64>) {
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

/// Returns the ratio of the medians. Each pair of bursts is a block.
fn over(ones: &[u64], others: &[u64]) -> Option<Ratio> {
    let blocks: Vec<_> = ones
        .chunks(1)
        .zip(others.chunks(1))
        .map(|(ours, theirs)| Block { ours, theirs })
        .collect();
    ratio_of_medians(&blocks)
}

/// The calls of a burst.
#[derive(Clone, Copy)]
struct Load {
    case: Case,
    tasks: usize,
    calls_of_task: usize,
}

impl Load {
    /// Plans a burst. `calls` is the number of calls of all tasks for a short case. Long cases make fewer.
    fn new(case: Case, tasks: usize, calls: usize) -> Self {
        let calls_of_task = (calls / case.weight() / tasks).max(CALLS_OF_TASK);
        Self {
            case,
            tasks,
            calls_of_task,
        }
    }

    /// Returns the number of calls of all tasks together.
    fn calls(self) -> usize {
        self.calls_of_task * self.tasks
    }

    /// Measures from the start of all tasks to the end of the last one.
    async fn burst(self, store: &Store, contender: &impl Shared) -> Result<Took> {
        let mut chains = Vec::with_capacity(self.tasks);
        for task in 0..self.tasks {
            chains.push(Chain::new(store, self, task).await?);
        }
        let all_tasks = async {
            let runs = chains.into_iter().map(|chain| chain.run(contender.clone()));
            let mut running: JoinSet<_> = runs.collect();
            while let Some(ended) = running.join_next().await {
                ended??;
            }
            Ok(())
        };
        let ((), took) = timed(all_tasks).await?;
        Ok(took)
    }
}

/// A contender that many tasks can call.
trait Shared: Clone + Send + 'static {
    fn perform(&self, task: &Task<'_>) -> impl Future<Output = Result<Option<String>>> + Send;
}

impl Shared for Component {
    fn perform(&self, task: &Task<'_>) -> impl Future<Output = Result<Option<String>>> + Send {
        self.perform(task)
    }
}

impl Shared for Native {
    fn perform(&self, task: &Task<'_>) -> impl Future<Output = Result<Option<String>>> + Send {
        self.perform(task)
    }
}

/// The calls of one task, made one after the other.
struct Chain {
    values: Arc<Values>,
    load: Load,
    /// The number of the first call, counted over all tasks.
    first: usize,
    /// The items that the calls use in turn. There is at least one.
    own: Vec<OwnItem>,
}

impl Chain {
    /// Writes the items that the calls need.
    async fn new(store: &Store, load: Load, task: usize) -> Result<Self> {
        let items = match load.case {
            Case::Delete => load.calls_of_task,
            _ => 1,
        };
        let mut own = Vec::with_capacity(items);
        for item in 0..items {
            let key = format!("{}-{item}-of-task-{task}", load.case.name());
            own.push(OwnItem::new(store, key).await?);
        }
        Ok(Self {
            values: Arc::clone(&store.values),
            load,
            first: task * load.calls_of_task,
            own,
        })
    }

    async fn run(mut self, contender: impl Shared) -> Result<()> {
        let turns: Vec<usize> = (self.first..self.first + self.load.calls_of_task).collect();
        for turns in turns.chunks(self.own.len()) {
            for (turn, own) in turns.iter().zip(&mut self.own) {
                let task = own.task(&self.values, self.load.case, *turn);
                let left = contender.perform(&task).await?;
                own.left(left);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_time_gives_twice_the_rate() {
        let burst = |time| Took {
            wall: time,
            cpu: time,
        };
        let bursts: Vec<_> = (0..10).map(|_| (burst(50), burst(100))).collect();
        let figures = compare(Load::new(Case::Get, 1, CALLS), 1, &bursts);
        assert_eq!(figures.over_native.unwrap().ratio, 2.0);
        assert_eq!(figures.cpu_over_native.unwrap().ratio, 0.5);
    }

    #[test]
    fn long_cases_have_shorter_bursts() {
        let calls = |case, tasks| Load::new(case, tasks, CALLS).calls_of_task;
        assert_eq!(calls(Case::Get, 64) * 64, CALLS);
        assert!(calls(Case::BulkSet, 1) < CALLS / 10);
        assert_eq!(calls(Case::BulkSet, 64), CALLS_OF_TASK);
    }
}
