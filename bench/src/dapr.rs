//! Compares with Dapr's own component, written in Go. A worker process calls it on the same DynamoDB. It and both builds
//! make bursts of calls in turn.
//!
//! The worker, `bench/dapr-worker`, reads one request per line, such as `{"case":"get","calls":50}`. It answers each
//! with one line: the time of every call, and the processor time of all calls together.

use super::cases::{Case, Task};
use super::contenders::{Component, Name};
use super::statistics::{Block, Ratio, median, quantile, ratio_of_medians};
use super::store::{ACCESS_KEY, OwnItem, REGION, SECRET_KEY, Store, TABLE};
use super::timing::{in_turn, numbers, rival, timed};
use super::tls::Reach;
use super::{Plan, Subjects};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Stdio;
use std::slice;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The number of calls in one burst of a short case.
const CALLS: usize = 50;
/// The number of bursts of each contender that count.
const BURSTS: usize = 20;
/// The number of bursts before them. They open connections.
const WARM_UP: usize = 1;

/// The figures of one case.
#[derive(Debug, Serialize)]
pub(super) struct DaprFigures {
    pub(super) case: Case,
    /// The number of calls in one burst.
    pub(super) calls: usize,
    /// The number of bursts of each contender.
    pub(super) bursts: usize,
    pub(super) contenders: Vec<SideFigures>,
}

/// The figures of one contender, in nanoseconds.
#[derive(Debug, Serialize)]
pub(super) struct SideFigures {
    pub(super) name: Name,
    /// The median time of a call.
    pub(super) p50: u64,
    /// The 99th percentile of the time of a call.
    pub(super) p99: u64,
    /// The processor time of one call, as the median of all bursts. For our component it is that of the client's
    /// thread, for Dapr's that of the whole worker process.
    pub(super) cpu: u64,
    /// The median time divided by that of Dapr's component. Absent for Dapr's component itself.
    pub(super) over_dapr: Option<Ratio>,
    /// The processor time of a call divided by that of Dapr's component. Absent for Dapr's component itself.
    pub(super) cpu_over_dapr: Option<Ratio>,
    /// The median time divided by that of the portable build. Present only for the hosted build.
    pub(super) over_component: Option<Ratio>,
}

/// Measures all chosen cases.
pub(super) async fn measure(
    plan: &Plan,
    store: &Store,
    subjects: &Subjects,
    reach: &Reach,
    worker: &Path,
) -> Result<Vec<DaprFigures>> {
    let mut worker = Worker::start(worker, reach)?;
    let mut sides = subjects.components(reach, NonZeroUsize::MIN, Side::Component)?;
    sides.push((Name::Dapr, Side::Dapr(&mut worker)));
    let mut figures = Vec::new();
    let bursts = plan.arguments.repetitions(BURSTS);
    for case in plan.arguments.chosen_cases() {
        plan.progress.set_message(format!("{}, Dapr", case.title()));
        let calls = (CALLS / case.weight()).max(2);
        let measured = in_turn(WARM_UP, bursts, &mut sides, async |side, _| {
            side.burst(store, case, calls).await
        })
        .await?;
        figures.push(DaprFigures {
            case,
            calls,
            bursts,
            contenders: compare(&measured),
        });
        plan.progress.inc(1);
    }
    drop(sides);
    worker.end().await?;
    Ok(figures)
}

/// One contender.
enum Side<'a> {
    Component(Component),
    Dapr(&'a mut Worker),
}

impl Side<'_> {
    async fn burst(&mut self, store: &Store, case: Case, calls: usize) -> Result<Burst> {
        match self {
            Self::Component(component) => burst(store, component, case, calls).await,
            Self::Dapr(worker) => worker.burst(case, calls).await,
        }
    }
}

/// The times of consecutive calls of one contender, in nanoseconds.
struct Burst {
    times: Vec<u64>,
    /// The processor time of one call.
    cpu: u64,
}

fn compare(all: &[(Name, Vec<Burst>)]) -> Vec<SideFigures> {
    let figures = |(name, bursts): &(Name, Vec<Burst>)| {
        let times = bursts.iter().flat_map(|burst| burst.times.iter().copied());
        let times: Vec<u64> = times.collect();
        let over = |other, samples: fn(&Burst) -> &[u64]| {
            let pairs = bursts.iter().zip(rival(all, *name, other)?);
            let blocks: Vec<_> = pairs
                .map(|(ours, theirs)| Block {
                    ours: samples(ours),
                    theirs: samples(theirs),
                })
                .collect();
            ratio_of_medians(&blocks)
        };
        SideFigures {
            name: *name,
            p50: median(&times),
            p99: quantile(&times, 0.99),
            cpu: median(&numbers(bursts, |burst| burst.cpu)),
            over_dapr: over(Name::Dapr, |burst| burst.times.as_slice()),
            cpu_over_dapr: over(Name::Dapr, |burst| slice::from_ref(&burst.cpu)),
            over_component: over(Name::Component, |burst| burst.times.as_slice()),
        }
    };
    all.iter().map(figures).collect()
}

async fn burst(store: &Store, component: &Component, case: Case, calls: usize) -> Result<Burst> {
    let key = format!("{}-against-dapr", case.name());
    let mut own = OwnItem::new(store, key).await?;
    let (mut times, mut cpu) = (Vec::with_capacity(calls), 0);
    for turn in 0..calls {
        if case == Case::Delete {
            // The contender writes the item itself, as the worker does.
            let (key, value) = (own.key.as_str(), store.values.value.as_str());
            let etag = None;
            component.perform(&Task::Set { key, value, etag }).await?;
        }
        let task = own.task(&store.values, case, turn);
        let (left, took) = timed(component.perform(&task)).await?;
        times.push(took.wall);
        cpu += took.cpu;
        own.left(left);
    }
    let cpu = cpu / calls as u64;
    Ok(Burst { times, cpu })
}

/// The worker process. It is killed on drop.
struct Worker {
    process: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused {
        error: String,
    },
    Measured {
        nanoseconds: Vec<u64>,
        cpu_nanoseconds: u64,
    },
}

impl Worker {
    fn start(program: &Path, reach: &Reach) -> Result<Self> {
        let mut process = Command::new(program)
            .args(["--endpoint", &reach.endpoint, "--table", TABLE])
            .args(["--region", REGION])
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| anyhow!("{}: {error}", program.display()))?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("the Dapr worker started without standard input or output");
        };
        Ok(Self {
            process,
            requests,
            answers: BufReader::new(answers).lines(),
        })
    }

    async fn burst(&mut self, case: Case, calls: usize) -> Result<Burst> {
        let request = json!({ "case": case.name(), "calls": calls });
        let request = format!("{request}\n");
        self.requests.write_all(request.as_bytes()).await?;
        self.requests.flush().await?;
        let answer = self.answers.next_line().await?;
        let answer = answer.context("the Dapr worker exited; its own error is above")?;
        match serde_json::from_str(&answer)? {
            Answer::Refused { error } => bail!("the Dapr worker: {error}"),
            Answer::Measured {
                nanoseconds,
                cpu_nanoseconds,
            } => Ok(Burst {
                times: nanoseconds,
                cpu: cpu_nanoseconds / calls as u64,
            }),
        }
    }

    /// Closes the worker's input and waits until it exits.
    async fn end(mut self) -> Result<()> {
        drop(self.requests);
        let status = self.process.wait().await?;
        ensure!(status.success(), "the Dapr worker: {status}");
        Ok(())
    }
}
