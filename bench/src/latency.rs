//! How long one call takes when there is no other: every case, every contender, in pairs.

use serde::Serialize;

use super::{
    Plan, Subjects,
    cases::Case,
    contenders::Name,
    pairs::{self, Series},
    statistics::{Ratio, blocks, median, quantile, ratio_of_medians},
    store::Store,
    tls::Reach,
};
use host_test::command_line::Failure;

/// One case.
#[derive(Debug, Serialize)]
pub struct CaseFigures {
    /// Which.
    pub case: Case,
    /// How often each contender was called.
    pub calls: usize,
    /// Each of them.
    pub contenders: Vec<ContenderFigures>,
}

/// One contender in one case. Times are in nanoseconds.
#[derive(Debug, Serialize)]
pub struct ContenderFigures {
    /// Who.
    pub name: Name,
    /// The median time of a call.
    pub p50: u64,
    /// The time that 99 of 100 calls do not exceed.
    pub p99: u64,
    /// The median processor time of the client's thread.
    pub cpu_p50: u64,
    /// Median time over that of the native SDK; absent for the native SDK itself.
    pub over_native: Option<Ratio>,
    /// Median time over that of the same component on wasmtime's default host; absent for all but the component.
    pub over_default_host: Option<Ratio>,
    /// Median time over that of the baseline; absent for all but the component, and where there is no baseline.
    pub over_baseline: Option<Ratio>,
}

/// Measures all chosen cases, each called `calls(case)` times.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    subjects: &Subjects,
    reach: &Reach,
    calls: impl Fn(Case) -> usize,
) -> Result<Vec<CaseFigures>, Failure> {
    let mut contenders = subjects.contenders(reach).await?;
    let names: Vec<Name> = contenders.iter().map(|contender| contender.name).collect();
    let mut figures = Vec::new();
    for case in plan.arguments.chosen_cases() {
        plan.progress
            .now(format!("{}, {}", case.title(), reach.scheme()));
        let calls = calls(case);
        let series = pairs::measure(store, case, &mut contenders, calls).await?;
        figures.push(CaseFigures {
            case,
            calls,
            contenders: compare(&names, &series),
        });
        plan.progress.advance();
    }
    Ok(figures)
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
    fn each_is_compared_with_the_native_sdk_and_the_component_with_its_other_forms() {
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
