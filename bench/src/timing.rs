//! Measures the wall-clock time of work, and the processor time of the thread that runs everything except the engine.
//! Lets contenders work in turn.

use super::contenders::Name;
use anyhow::{Result, anyhow};
use cpu_time::ThreadTime;
use std::time::{Duration, Instant};

/// The wall-clock time and the processor time of some work, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    pub(super) wall: u64,
    pub(super) cpu: u64,
}

/// Runs the work and measures it.
pub(super) async fn timed<T>(work: impl Future<Output = Result<T>>) -> Result<(T, Took)> {
    settle().await;
    let (cpu, begin) = (ThreadTime::now(), Instant::now());
    let done = work.await?;
    let wall = nanoseconds(begin.elapsed());
    settle().await;
    let cpu = nanoseconds(cpu.elapsed());
    Ok((done, Took { wall, cpu }))
}

/// Lets background tasks of connections finish their work for a call, so that it counts for that call and not the next.
pub(super) async fn settle() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Calls `work` once per round for every contender, in a new random order. So a slow spell of the machine affects all
/// contenders alike, and no contender always follows the same other one.
///
/// `work` also receives the number of the round. Returns the results of each contender, one per round, without the first
/// `warm_up` rounds.
pub(super) async fn in_turn<C, T>(
    warm_up: usize,
    rounds: usize,
    contenders: &mut [(Name, C)],
    mut work: impl AsyncFnMut(&mut C, usize) -> Result<T>,
) -> Result<Vec<(Name, Vec<T>)>> {
    let mut all: Vec<_> = contenders
        .iter()
        .map(|(name, _)| (*name, Vec::with_capacity(rounds)))
        .collect();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    for round in 0..warm_up + rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            let (name, contender) = &mut contenders[*index];
            let result = work(contender, round).await;
            let result = result.map_err(|error| anyhow!("{}: {error}", name.title()))?;
            if round >= warm_up {
                all[*index].1.push(result);
            }
        }
    }
    Ok(all)
}

/// Returns the results of `other` for a ratio of `name` over it, or `None` if the report has no such ratio.
pub(super) fn rival<T>(all: &[(Name, Vec<T>)], name: Name, other: Name) -> Option<&[T]> {
    let found = all.iter().find(|(found, _)| *found == other);
    found
        .filter(|_| name.is_compared_with(other))
        .map(|(_, results)| results.as_slice())
}

/// Returns one number of each result.
pub(super) fn numbers<T>(results: &[T], number: impl Fn(&T) -> u64) -> Vec<u64> {
    results.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_contender_works_once_per_round() {
        let mut contenders = [(Name::Component, 0_usize), (Name::Native, 100)];
        let all = in_turn(2, 3, &mut contenders, async |calls, round| {
            *calls += 1;
            Ok((*calls, round))
        });
        assert_eq!(
            all.await.unwrap(),
            [
                (Name::Component, vec![(3, 2), (4, 3), (5, 4)]),
                (Name::Native, vec![(103, 2), (104, 3), (105, 4)]),
            ]
        );
    }

    #[test]
    fn only_builds_are_compared_with_more_than_the_native_sdk() {
        let names = [Name::Component, Name::Hosted, Name::Baseline, Name::Native];
        let all = names.map(|name| (name, vec![name]));
        let rivals = |name| names.map(|other| rival(&all, name, other).map(|found| found[0]));
        let [component, _, baseline, native] = names.map(Some);
        assert_eq!(rivals(Name::Hosted), [component, None, baseline, native]);
        assert_eq!(rivals(Name::Baseline), [None, None, None, native]);
        assert_eq!(rivals(Name::Native), [None; 4]);
        assert_eq!(rival(&all, Name::Hosted, Name::DefaultHost), None);
    }
}
