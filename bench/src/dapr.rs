//! Dapr's own component, written in Go: a worker process calls it on the same DynamoDB, in bursts that alternate with ours.

mod worker;

use std::{path::Path, time::Instant};

use cpu_time::ThreadTime;
use serde::Serialize;

use super::{
    Plan, Subjects, bursts,
    cases::{Case, Task},
    contenders::Component,
    own_item::OwnItem,
    pairs::{nanoseconds, settle},
    statistics::{Block, Ratio, median, quantile, ratio_of_medians},
    store::Store,
    tls::Reach,
};
use host_test::command_line::Failure;

use self::worker::Worker;

/// Calls of one burst of a short case.
const CALLS: usize = 50;
/// Bursts of each, the first of which does not count.
const BURSTS: usize = 21;

/// One case.
#[derive(Debug, Serialize)]
pub struct DaprFigures {
    /// Which.
    pub case: Case,
    /// Calls of one burst.
    pub calls: usize,
    /// Bursts of each.
    pub bursts: usize,
    /// The component on `dapr-wasm-host`.
    pub component: SideFigures,
    /// Dapr's component.
    pub dapr: SideFigures,
    /// The component's median time over that of Dapr's.
    pub time_ratio: Option<Ratio>,
    /// Likewise of the processor time of a call.
    pub cpu_ratio: Option<Ratio>,
}

/// One of the two. Times are in nanoseconds.
#[derive(Debug, Serialize)]
pub struct SideFigures {
    /// The median time of a call.
    pub p50: u64,
    /// The time that 99 of 100 calls do not exceed.
    pub p99: u64,
    /// Processor time for a call: of the client's thread here, of the whole worker there; the median of the bursts.
    pub cpu: u64,
}

/// Measures all chosen cases.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    subjects: &Subjects,
    reach: &Reach,
    worker: &Path,
) -> Result<Vec<DaprFigures>, Failure> {
    let mut worker = Worker::start(worker, reach)?;
    let component = Component::new(&subjects.plugin, reach, std::num::NonZeroUsize::MIN)?;
    let mut figures = Vec::new();
    for case in plan.arguments.chosen_cases() {
        plan.progress.now(format!("{}, Dapr", case.title()));
        let calls = (CALLS / case.weight()).max(2);
        let bursts = plan.arguments.repetitions(BURSTS).max(3);
        let mut bursts = bursts::alternate(
            bursts,
            async || burst(store, &component, case, calls).await,
            async || worker.burst(case, calls).await,
        )
        .await?;
        // Connections were opened in the first one.
        bursts.remove(0);
        figures.push(compare(case, calls, &bursts));
        plan.progress.advance();
    }
    worker.end().await?;
    Ok(figures)
}

/// The calls of one contender in a row, in nanoseconds.
struct Burst {
    times: Vec<u64>,
    /// For one call.
    cpu: u64,
}

fn compare(case: Case, calls: usize, bursts: &[(Burst, Burst)]) -> DaprFigures {
    let times: Vec<_> = bursts
        .iter()
        .map(|(ours, theirs)| Block {
            ours: &ours.times,
            theirs: &theirs.times,
        })
        .collect();
    let cpu: Vec<_> = bursts
        .iter()
        .map(|(ours, theirs)| Block {
            ours: std::slice::from_ref(&ours.cpu),
            theirs: std::slice::from_ref(&theirs.cpu),
        })
        .collect();
    DaprFigures {
        case,
        calls,
        bursts: bursts.len(),
        component: side(bursts.iter().map(|(ours, _)| ours)),
        dapr: side(bursts.iter().map(|(_, theirs)| theirs)),
        time_ratio: ratio_of_medians(&times),
        cpu_ratio: ratio_of_medians(&cpu),
    }
}

fn side<'a>(bursts: impl Iterator<Item = &'a Burst> + Clone) -> SideFigures {
    let times: Vec<u64> = bursts
        .clone()
        .flat_map(|burst| burst.times.iter().copied())
        .collect();
    let cpu: Vec<u64> = bursts.map(|burst| burst.cpu).collect();
    SideFigures {
        p50: median(&times),
        p99: quantile(&times, 0.99),
        cpu: median(&cpu),
    }
}

async fn burst(
    store: &Store,
    component: &Component,
    case: Case,
    calls: usize,
) -> Result<Burst, Failure> {
    let key = format!("{}-against-dapr", case.name());
    let mut own = OwnItem::new(store, key).await?;
    let (mut times, mut cpu) = (Vec::with_capacity(calls), 0);
    for turn in 0..calls {
        if case == Case::Delete {
            // By who deletes, as the worker does.
            let (key, value) = (own.key.as_str(), store.values.value.as_str());
            let etag = None;
            component.perform(&Task::Set { key, value, etag }).await?;
        }
        let task = own.task(&store.values, case, turn);
        settle().await;
        let (cpu_begin, begin) = (ThreadTime::now(), Instant::now());
        let left = component.perform(&task).await?;
        times.push(nanoseconds(begin.elapsed()));
        settle().await;
        cpu += nanoseconds(cpu_begin.elapsed());
        own.left(left);
    }
    let cpu = cpu / calls as u64;
    Ok(Burst { times, cpu })
}
