//! Measures the time of one call when no other call runs, for every case and contender.
//!
//! In each round, every contender makes one call, in a new random order.
//!
//! Each call finds the processor's caches as the other contenders left them. A program that does other work between two
//! calls is in the same situation. Consecutive calls of one contender, as in `throughput` with one task, are faster.

use super::cases::Case;
use super::contenders::{Contender, Name};
use super::statistics::{Ratio, blocks, median, quantile, ratio_of_medians};
use super::store::{OwnItem, Store};
use super::timing::{Took, in_turn, numbers, rival, timed};
use super::tls::Reach;
use super::{Plan, Subjects};
use anyhow::{Result, anyhow};
use serde::Serialize;

/// The number of calls of each contender before the first one that counts. They open connections and warm up the
/// processor's caches.
const WARM_UP: usize = 50;

/// The figures of one case.
#[derive(Debug, Serialize)]
pub(super) struct CaseFigures {
    pub(super) case: Case,
    /// The number of calls of each contender.
    pub(super) calls: usize,
    pub(super) contenders: Vec<ContenderFigures>,
}

/// The figures of one contender in one case. Times are in nanoseconds.
#[derive(Debug, Serialize)]
pub(super) struct ContenderFigures {
    pub(super) name: Name,
    /// The median time of a call.
    pub(super) p50: u64,
    /// The 99th percentile of the time of a call.
    pub(super) p99: u64,
    /// The median processor time of the client's thread.
    pub(super) cpu_p50: u64,
    /// The median time divided by that of the native SDK. Absent for the native SDK itself.
    pub(super) over_native: Option<Ratio>,
    /// The median time divided by that of the portable build. Present only for the hosted build.
    pub(super) over_component: Option<Ratio>,
    /// The median time divided by that of the portable build on wasmtime's default host. Present only for the two builds.
    pub(super) over_default_host: Option<Ratio>,
    /// The median time divided by that of the baseline. Present only for the two builds, and only with `--baseline`.
    pub(super) over_baseline: Option<Ratio>,
}

/// Measures all chosen cases, each called `calls(case)` times.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    subjects: &Subjects,
    reach: &Reach,
    calls: impl Fn(Case) -> usize,
) -> Result<Vec<CaseFigures>> {
    let mut contenders = subjects.contenders(reach).await?;
    let mut figures = Vec::new();
    for case in plan.arguments.chosen_cases() {
        plan.progress
            .set_message(format!("{}, {}", case.title(), reach.scheme()));
        let calls = calls(case);
        let took = call_in_turn(store, case, &mut contenders, calls).await;
        let took = took.map_err(|error| anyhow!("{}, {error}", case.name()))?;
        figures.push(CaseFigures {
            case,
            calls,
            contenders: compare(&took),
        });
        plan.progress.inc(1);
    }
    Ok(figures)
}

/// Calls every contender `calls` times.
async fn call_in_turn(
    store: &Store,
    case: Case,
    contenders: &mut [(Name, Contender)],
    calls: usize,
) -> Result<Vec<(Name, Vec<Took>)>> {
    let mut turns = Vec::new();
    for (index, (name, contender)) in contenders.iter_mut().enumerate() {
        let key = format!("{}-of-{index}", case.name());
        turns.push((*name, (contender, OwnItem::new(store, key).await?)));
    }
    let warm_up = WARM_UP.min(calls);
    in_turn(
        warm_up,
        calls,
        &mut turns,
        async |(contender, own), round| {
            if case == Case::Delete {
                store.put(&own.key).await?;
            }
            let task = own.task(&store.values, case, round);
            contender.prepare(&task);
            let (left, took) = timed(contender.perform(&task)).await?;
            own.left(left);
            Ok(took)
        },
    )
    .await
}

fn compare(all: &[(Name, Vec<Took>)]) -> Vec<ContenderFigures> {
    let figures = |(name, took): &(Name, Vec<Took>)| {
        let wall = numbers(took, |took| took.wall);
        let over = |other| {
            let theirs = numbers(rival(all, *name, other)?, |took| took.wall);
            ratio_of_medians(&blocks(&wall, &theirs))
        };
        ContenderFigures {
            name: *name,
            p50: median(&wall),
            p99: quantile(&wall, 0.99),
            cpu_p50: median(&numbers(took, |took| took.cpu)),
            over_native: over(Name::Native),
            over_component: over(Name::Component),
            over_default_host: over(Name::DefaultHost),
            over_baseline: over(Name::Baseline),
        }
    };
    all.iter().map(figures).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_builds_are_compared_with_the_baseline() {
        let all = [
            (Name::Component, 20),
            (Name::Hosted, 10),
            (Name::Baseline, 40),
            (Name::Native, 80),
        ];
        let figures = compare(&all.map(|(name, wall)| {
            let cpu = wall / 2;
            (name, vec![Took { wall, cpu }; 10])
        }));
        let ratios: Vec<_> = figures
            .iter()
            .map(|one| {
                [one.over_native, one.over_component, one.over_baseline]
                    .map(|ratio| ratio.map(|ratio| ratio.ratio))
            })
            .collect();
        assert_eq!(
            ratios,
            [
                [Some(0.25), None, Some(0.5)],
                [Some(0.125), Some(0.5), Some(0.25)],
                [Some(0.5), None, None],
                [None, None, None]
            ]
        );
        let hosted = &figures[1];
        assert_eq!((hosted.p50, hosted.p99, hosted.cpu_p50), (10, 10, 5));
        assert_eq!(hosted.over_default_host, None);
    }
}
