//! A burst: so many tasks, each of which makes its calls in a row.

use std::{sync::Arc, time::Instant};

use cpu_time::ThreadTime;
use tokio::task::JoinSet;

use crate::{
    cases::{Case, Task, Values},
    contenders::{Component, Native},
    own_item::OwnItem,
    pairs::{nanoseconds, settle},
    store::Store,
};
use host_test::command_line::Failure;

/// Calls of one burst of a short case, of all tasks together: about a tenth of a second.
pub(super) const CALLS: usize = 640;
/// Calls of one task in a burst, at least: the tasks begin and end together, which is not what is to be measured.
const CALLS_OF_TASK: usize = 4;

/// What is called in a burst.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) case: Case,
    pub(super) tasks: usize,
    calls_of_task: usize,
}

impl Load {
    /// `calls` of a short case, of all tasks together; of a long one fewer.
    pub(super) fn new(case: Case, tasks: usize, calls: usize) -> Self {
        let calls_of_task = (calls / case.weight() / tasks).max(CALLS_OF_TASK);
        Self {
            case,
            tasks,
            calls_of_task,
        }
    }

    /// Of all tasks together.
    pub(super) fn calls(self) -> usize {
        self.calls_of_task * self.tasks
    }

    /// All tasks begin, and the last one ends.
    pub(super) async fn burst(
        self,
        store: &Store,
        contender: &impl Shared,
    ) -> Result<Burst, Failure> {
        let mut chains = Vec::with_capacity(self.tasks);
        for task in 0..self.tasks {
            chains.push(Chain::new(store, self, task).await?);
        }
        settle().await;
        let (cpu, begin) = (ThreadTime::now(), Instant::now());
        let mut running: JoinSet<_> = chains
            .into_iter()
            .map(|chain| chain.run(contender.clone()))
            .collect();
        while let Some(ended) = running.join_next().await {
            ended.map_err(Failure::here)??;
        }
        let wall = nanoseconds(begin.elapsed());
        settle().await;
        let cpu = nanoseconds(cpu.elapsed());
        Ok(Burst { wall, cpu })
    }
}

/// What a burst took, in nanoseconds.
pub(super) struct Burst {
    pub(super) wall: u64,
    pub(super) cpu: u64,
}

/// Who can be called by many tasks.
pub(super) trait Shared: Clone + Send + 'static {
    fn perform(
        &self,
        task: &Task<'_>,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send;
}

impl Shared for Component {
    fn perform(
        &self,
        task: &Task<'_>,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send {
        self.perform(task)
    }
}

impl Shared for Native {
    fn perform(
        &self,
        task: &Task<'_>,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send {
        self.perform(task)
    }
}

/// The calls of one task, in a row.
struct Chain {
    values: Arc<Values>,
    load: Load,
    /// The number of the first call, among those of all tasks.
    first: usize,
    /// For each call the next one, over and over; there is one at least.
    own: Vec<OwnItem>,
}

impl Chain {
    /// Writes what the calls need to find.
    async fn new(store: &Store, load: Load, task: usize) -> Result<Self, Failure> {
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

    async fn run(mut self, contender: impl Shared) -> Result<(), Failure> {
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
    fn long_cases_have_shorter_bursts_and_every_task_makes_some_calls() {
        let calls = |case, tasks| Load::new(case, tasks, CALLS).calls_of_task;
        assert_eq!(calls(Case::Get, 64) * 64, CALLS);
        assert!(calls(Case::BulkSet, 1) < CALLS / 10);
        assert_eq!(calls(Case::BulkSet, 64), CALLS_OF_TASK);
    }
}
