//! Measures the time of one call when no other call runs, for every case and contender.
//!
//! In each round, every contender makes one call, in a new random order. So a slow spell of the machine affects all
//! contenders alike, and no contender always follows the same other one.
//!
//! Each call finds the processor's caches as the other contenders left them. A program that does other work between two
//! calls is in the same situation. Consecutive calls of one contender, as in `throughput` with one task, are faster.

use super::cases::Case;
use super::contenders::{Contender, Name};
use super::statistics::{Ratio, blocks, median, quantile, ratio_of_medians};
use super::store::{OwnItem, Store};
use super::timing::{Took, timed};
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
    /// The median time divided by that of the same component on wasmtime's default host. Present only for the component.
    pub(super) over_default_host: Option<Ratio>,
    /// The median time divided by that of the baseline. Present only for the component, and only with `--baseline`.
    pub(super) over_baseline: Option<Ratio>,
}

/// The times of one contender's calls, in nanoseconds. Entry i of each list belongs to round i.
#[derive(Debug, Default)]
struct Series {
    wall: Vec<u64>,
    cpu: Vec<u64>,
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
    let names: Vec<Name> = contenders.iter().map(|contender| contender.name).collect();
    let mut figures = Vec::new();
    for case in plan.arguments.chosen_cases() {
        plan.progress
            .set_message(format!("{}, {}", case.title(), reach.scheme()));
        let calls = calls(case);
        let series = in_turn(store, case, &mut contenders, calls).await?;
        figures.push(CaseFigures {
            case,
            calls,
            contenders: compare(&names, &series),
        });
        plan.progress.inc(1);
    }
    Ok(figures)
}

/// Calls every contender `calls` times. Returns one series for each contender, in the same order.
async fn in_turn(
    store: &Store,
    case: Case,
    contenders: &mut [Contender],
    calls: usize,
) -> Result<Vec<Series>> {
    let mut turns = Vec::new();
    for (index, contender) in contenders.iter_mut().enumerate() {
        let key = format!("{}-of-{index}", case.name());
        let own = OwnItem::new(store, key).await?;
        turns.push((contender, own, Series::default()));
    }
    let mut order: Vec<usize> = (0..turns.len()).collect();
    let warm_up = WARM_UP.min(calls);
    for round in 0..warm_up + calls {
        fastrand::shuffle(&mut order);
        for index in &order {
            let (contender, own, series) = &mut turns[*index];
            if case == Case::Delete {
                store.put(&own.key).await?;
            }
            let took = call(store, case, round, contender, own).await;
            let who = contender.name.title();
            let took = took.map_err(|error| anyhow!("{who}, {}: {error}", case.name()))?;
            if round >= warm_up {
                series.wall.push(took.wall);
                series.cpu.push(took.cpu);
            }
        }
    }
    Ok(turns.into_iter().map(|(.., series)| series).collect())
}

async fn call(
    store: &Store,
    case: Case,
    turn: usize,
    contender: &mut Contender,
    own: &mut OwnItem,
) -> Result<Took> {
    let task = own.task(&store.values, case, turn);
    contender.prepare(&task);
    let (left, took) = timed(contender.perform(&task)).await?;
    own.left(left);
    Ok(took)
}

fn compare(names: &[Name], series: &[Series]) -> Vec<ContenderFigures> {
    let of = |wanted: Name| {
        let index = names.iter().position(|name| *name == wanted)?;
        series.get(index).map(|series| series.wall.as_slice())
    };
    let over = |wall: &[u64], name: Name, other: Name| {
        let other = of(other).filter(|_| name != other)?;
        ratio_of_medians(&blocks(wall, other))
    };
    names
        .iter()
        .copied()
        .zip(series)
        .map(|(name, Series { wall, cpu })| {
            let of_component = |other| {
                (name == Name::Component)
                    .then(|| over(wall, name, other))
                    .flatten()
            };
            ContenderFigures {
                name,
                p50: median(wall),
                p99: quantile(wall, 0.99),
                cpu_p50: median(cpu),
                over_native: over(wall, name, Name::Native),
                over_default_host: of_component(Name::DefaultHost),
                over_baseline: of_component(Name::Baseline),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_component_is_compared_with_its_other_builds() {
        let names = [Name::Component, Name::Baseline, Name::Native];
        let series = [10, 20, 40].map(|time| Series {
            wall: vec![time; 10],
            cpu: vec![time / 2; 10],
        });
        let figures = compare(&names, &series);
        let ratios: Vec<_> = figures
            .iter()
            .map(|one| {
                [one.over_native, one.over_baseline, one.over_default_host]
                    .map(|ratio| ratio.map(|ratio| ratio.ratio))
            })
            .collect();
        assert_eq!(
            ratios,
            [
                [Some(0.25), Some(0.5), None],
                [Some(0.5), None, None],
                [None, None, None]
            ]
        );
        assert_eq!(
            (figures[0].p50, figures[0].p99, figures[0].cpu_p50),
            (10, 10, 5)
        );
    }
}
