//! Measures calls per second when many tasks on one thread call at once. Both builds and the native SDK make bursts of
//! calls in turn. In a burst, each task makes its calls one after the other.

use super::cases::{Case, Task, Values};
use super::contenders::{Component, Name, Native};
use super::statistics::{Block, Ratio, median, ratio_of_medians};
use super::store::{OwnItem, Store};
use super::timing::{Took, in_turn, numbers, rival, timed};
use super::tls::Reach;
use super::{Plan, Subjects};
use anyhow::Result;
use futures_util::future::Either;
use serde::Serialize;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The numbers of tasks.
pub(super) const TASKS: [usize; 3] = [1, 16, 64];
/// The number of bursts of each contender that count.
const BURSTS: usize = 20;
/// The number of bursts before them. They start instances and open connections.
const WARM_UP: usize = 2;
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
    pub(super) contenders: Vec<BurstFigures>,
}

/// The figures of one contender: medians of its bursts.
#[derive(Debug, Serialize)]
pub(super) struct BurstFigures {
    pub(super) name: Name,
    /// Calls per second.
    pub(super) per_second: f64,
    /// The processor time of the client's thread for one call, in nanoseconds.
    pub(super) cpu: u64,
    /// The calls per second divided by those of the native SDK. Absent for the native SDK itself.
    pub(super) over_native: Option<Ratio>,
    /// The processor time of a call divided by that of the native SDK. Absent for the native SDK itself.
    pub(super) cpu_over_native: Option<Ratio>,
    /// The calls per second divided by those of the portable build. Present only for the hosted build.
    pub(super) over_component: Option<Ratio>,
    /// The processor time of a call divided by that of the portable build. Present only for the hosted build.
    pub(super) cpu_over_component: Option<Ratio>,
}

/// Measures all chosen cases with each number of tasks.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    subjects: &Subjects,
    reach: &Reach,
) -> Result<Vec<ThroughputFigures>> {
    let mut figures = Vec::new();
    let bursts = plan.arguments.repetitions(BURSTS);
    for case in plan.arguments.chosen_cases() {
        for tasks in TASKS {
            let load = Load::new(case, tasks, plan.arguments.repetitions(CALLS));
            let title = case.title();
            plan.progress.set_message(format!("{title}, {tasks} tasks"));
            let size = plan.arguments.pool_size(tasks);
            let mut contenders = subjects.components(reach, size, Shared::Component)?;
            contenders.push((Name::Native, Shared::Native(Native::new(reach)?)));
            let took = in_turn(WARM_UP, bursts, &mut contenders, async |contender, _| {
                load.burst(store, contender).await
            })
            .await?;
            figures.push(ThroughputFigures {
                case,
                tasks,
                pool_size: size.get(),
                calls: load.calls(),
                bursts,
                contenders: compare(load.calls(), &took),
            });
            plan.progress.inc(1);
        }
    }
    Ok(figures)
}

/// Compares bursts of `calls` calls.
fn compare(calls: usize, all: &[(Name, Vec<Took>)]) -> Vec<BurstFigures> {
    let figures = |(name, bursts): &(Name, Vec<Took>)| {
        let wall = numbers(bursts, |took| took.wall);
        let cpu = numbers(bursts, |took| took.cpu);
        let rate_over = |other| {
            let theirs = numbers(rival(all, *name, other)?, |took| took.wall);
            // The same number of calls in less time is a higher rate.
            over(&theirs, &wall)
        };
        let cpu_over = |other| {
            let theirs = numbers(rival(all, *name, other)?, |took| took.cpu);
            over(&cpu, &theirs)
        };
        BurstFigures {
            name: *name,
            per_second: calls as f64 * 1e9 / (median(&wall).max(1) as f64),
            cpu: median(&cpu) / calls as u64,
            over_native: rate_over(Name::Native),
            cpu_over_native: cpu_over(Name::Native),
            over_component: rate_over(Name::Component),
            cpu_over_component: cpu_over(Name::Component),
        }
    };
    all.iter().map(figures).collect()
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
    async fn burst(self, store: &Store, contender: &Shared) -> Result<Took> {
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
#[derive(Clone)]
enum Shared {
    Component(Component),
    Native(Native),
}

impl Shared {
    fn perform(&self, task: &Task<'_>) -> impl Future<Output = Result<Option<String>>> + Send {
        match self {
            Self::Component(component) => Either::Left(component.perform(task)),
            Self::Native(native) => Either::Right(native.perform(task)),
        }
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

    async fn run(mut self, contender: Shared) -> Result<()> {
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
        let all = [
            (Name::Component, 50),
            (Name::Hosted, 25),
            (Name::Native, 100),
        ];
        let all = all.map(|(name, time)| {
            let took = Took {
                wall: time,
                cpu: time,
            };
            (name, vec![took; 10])
        });
        let ratios = |one: &BurstFigures| {
            [
                one.over_native,
                one.cpu_over_native,
                one.over_component,
                one.cpu_over_component,
            ]
            .map(|ratio| ratio.map(|ratio| ratio.ratio))
        };
        let figures = compare(1, &all);
        let ratios: Vec<_> = figures.iter().map(ratios).collect();
        assert_eq!(
            ratios,
            [
                [Some(2.0), Some(0.5), None, None],
                [Some(4.0), Some(0.25), Some(2.0), Some(0.5)],
                [None; 4]
            ]
        );
    }

    #[test]
    fn long_cases_have_shorter_bursts() {
        let calls = |case, tasks| Load::new(case, tasks, CALLS).calls_of_task;
        assert_eq!(calls(Case::Get, 64) * 64, CALLS);
        assert!(calls(Case::BulkSet, 1) < CALLS / 10);
        assert_eq!(calls(Case::BulkSet, 64), CALLS_OF_TASK);
    }
}
