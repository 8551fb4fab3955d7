//! `bench soak`: many tasks write and read for a while through a bad network, and no acknowledged write may be lost.
//!
//! Each task is a [`worker`], which increments counters that all tasks share. Each [`counter`] checks the values that were
//! read and acknowledged. Requests meet faults. In addition, all connections are cut now and then, workers drop calls
//! midway, and the host cancels calls that take too long.
//!
//! At the end, the table and the pool are checked, and [`figures`] reports the result. `tests/histories` tests the results
//! of the other calls under faults.

mod counter;
mod faulty;
mod figures;
mod worker;

use self::faulty::{Fault, Faulty, error};
use self::figures::{Sample, SoakFigures};
use self::worker::{Tally, Worker, key, number_of};
use super::contenders::Native;
use super::process::progress_bar;
use super::store::{EngineProcess, PARTITION_KEY, TABLE};
use super::testbed::{Machine, Versions};
use super::tls::Reach;
use anyhow::{Result, anyhow, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Args;
use dapr_wasm_host::InstancePool;
use http::StatusCode;
use indicatif::ProgressBar;
use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use test_support::faults::{Action, Delivery, Reply};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{interval, sleep, timeout};

/// The faults of requests, with their shares.
const FAULTS: &[Fault] = &[
    (40, "throttled", |_| {
        error("ThrottlingException", Action::error)
    }),
    (30, "failed, not applied", |_| {
        error("InternalServerError", Action::error)
    }),
    (40, "failed, but applied", |_| {
        error("InternalServerError", Action::error_after_effect)
    }),
    (30, "request lost", |_| Action::drop_request()),
    (60, "response lost", |_| Action::drop_answer()),
    (30, "applied, then connection reset", |_| {
        Action::deliver(Delivery::Reset)
    }),
    (30, "response truncated", |_| {
        Action::deliver(Delivery::Truncated(10))
    }),
    (30, "response corrupted", |_| {
        Action::deliver(Delivery::Corrupted)
    }),
    (20, "answered with status 502", |_| {
        Action::answer(Reply::html(StatusCode::BAD_GATEWAY))
    }),
    (80, "delayed", |die| {
        Action::pass().delayed(Duration::from_millis(die.u64(1..50)))
    }),
    (5, "delayed for seconds", |die| {
        Action::pass().delayed(Duration::from_millis(die.u64(1_500..3_000)))
    }),
    (5, "response withheld", |_| {
        Action::deliver(Delivery::Withheld)
    }),
    (200, "batch partly unprocessed", |die| {
        Action::leave_unprocessed(die.usize(0..8))
    }),
];

/// The time limit after which the host cancels a call.
const TIME_LIMIT: Duration = Duration::from_millis(1_500);
/// Additional metadata. The request timeout is longer than [`TIME_LIMIT`], so that the host cancels a call before the
/// component gives up an attempt.
const METADATA: &[(&str, &str)] = &[("requestTimeout", "2s")];
/// The time limit of the last calls. It is far longer than a call and the start of its instance take on a busy machine.
const LONGEST_CALL: Duration = Duration::from_secs(60);
/// The minimum number of samples of a run. The time between two samples is at most one second.
const SAMPLES: u32 = 40;
/// The time between two cuts of all connections, in milliseconds. It is long enough that the host cancels some calls
/// before the next cut.
const CUTS: std::ops::Range<u64> = 500..4_000;

/// The arguments of `bench soak`.
#[derive(Clone, Debug, Args)]
pub(super) struct SoakArguments {
    /// Duration in seconds. Memory growth is checked from 30 seconds on
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Number of tasks that call. The pool has as many instances
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    tasks: u16,
    /// Seed of the calls and faults; random by default
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

pub(super) async fn run(
    component: PathBuf,
    arguments: SoakArguments,
    shows_progress: bool,
) -> Result<SoakFigures> {
    let progress = progress_bar(shows_progress, arguments.seconds as usize);
    // The tasks share their counters without locks, so they must stay on one thread.
    let tasks = LocalSet::new();
    let soak = soak(&component, &arguments, &progress);
    let figures = tasks.run_until(soak).await;
    progress.finish_and_clear();
    figures
}

async fn soak(
    component: &Path,
    arguments: &SoakArguments,
    progress: &ProgressBar,
) -> Result<SoakFigures> {
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    progress.set_message(format!("seed {seed}"));
    let size = NonZeroUsize::new(arguments.tasks.into()).unwrap_or(NonZeroUsize::MIN);
    let engine = EngineProcess::start().await?;
    let upstream = &engine.endpoint;
    let faulty = Faulty::start(component, upstream, seed, size, TIME_LIMIT, METADATA).await?;
    faulty.faults.set(FAULTS);

    let time = Duration::from_secs(arguments.seconds.into());
    let until = Instant::now() + time;
    let tally = Rc::new(Tally::new(size.get()));
    let mut running = JoinSet::new();
    for task in 0..size.get() {
        let worker = Worker::new(task, seed, faulty.pool.clone(), Rc::clone(&tally));
        running.spawn_local(worker.run(until));
    }
    let mut samples = Vec::new();
    let mut broken = Vec::new();
    let all_ended = tokio::select! {
        ended = timeout(time + LONGEST_CALL, gather(&mut running, &mut broken)) => ended.is_ok(),
        never = sample(&tally, time, progress, &mut samples) => match never {},
        never = cut(&faulty, &tally, seed) => match never {},
    };
    if !all_ended {
        broken.push(format!(
            "{} tasks did not finish their last call within {LONGEST_CALL:?}",
            running.len()
        ));
        running.shutdown().await;
    }
    faulty.faults.set(&[]);
    progress.set_message("checking the table and the pool");
    let closing = look(&engine, &faulty.pool, &tally).await?;
    broken.extend(closing.broken);
    let mut figures = SoakFigures {
        machine: Machine::of_this_process(),
        versions: Versions::with(component, None)?,
        seed,
        seconds: arguments.seconds,
        tasks: size.get(),
        counts: tally.counts(),
        requests: faulty.proxy.count_all().arrived,
        faults: faulty.faults.happened(),
        keys: closing.keys,
        instances_at_the_end: closing.instances,
        guests_at_the_end: closing.guests,
        memory: None,
        broken,
    };
    figures.judge(&samples);
    Ok(figures)
}

/// Waits until all tasks have ended. Adds the error of each task that failed to `broken`.
async fn gather(running: &mut JoinSet<Result<(), String>>, broken: &mut Vec<String>) {
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(sentence)) => broken.push(sentence),
            Err(panic) => broken.push(panic.to_string()),
        }
    }
}

/// Takes samples at regular intervals until it is dropped.
async fn sample(
    tally: &Tally,
    time: Duration,
    progress: &ProgressBar,
    samples: &mut Vec<Sample>,
) -> Infallible {
    let mut looks = interval((time / SAMPLES).min(Duration::from_secs(1)));
    let begin = Instant::now();
    loop {
        looks.tick().await;
        samples.push(Sample::now(tally.guests()));
        progress.set_position(begin.elapsed().as_secs());
    }
}

/// Cuts all connections now and then until it is dropped.
async fn cut(faulty: &Faulty, tally: &Tally, seed: u64) -> Infallible {
    let mut die = fastrand::Rng::with_seed(!seed);
    let mut pause = CUTS.start;
    loop {
        sleep(Duration::from_millis(pause)).await;
        pause = die.u64(CUTS);
        faulty.proxy.sever_connections();
        tally.count(|counts| counts.severed += 1);
    }
}

/// The attribute in which the component stores a value.
const VALUE: &str = "value";
/// The time limit for lending all instances. Some of them may have to be started.
const LENDING: Duration = Duration::from_secs(60);

/// The results of the checks at the end.
struct Closing {
    /// The number of keys whose final value was checked.
    keys: usize,
    /// The number of instances that were lent at once.
    instances: usize,
    /// The linear memory of these instances, in bytes.
    guests: u64,
    broken: Vec<String>,
}

/// Checks that every acknowledged write is in the table, which the SDK reads, and that the pool can lend all instances.
async fn look(engine: &EngineProcess, pool: &InstancePool, tally: &Tally) -> Result<Closing> {
    let mut broken = Vec::new();
    let stored = stored(engine).await?;
    let mut keys = 0;
    for (number, counter) in tally.counters.borrow().iter().enumerate() {
        keys += 1;
        let key = key(number);
        let end = stored.get(&key).copied().unwrap_or(0);
        if let Err(sentence) = counter.ended(end) {
            broken.push(format!("{key}: {sentence}"));
        }
    }
    let mut lent = Vec::new();
    let lending = async {
        for _ in 0..pool.max_instances().get() {
            match pool.acquire().await {
                Ok(instance) => lent.push(instance),
                Err(error) => broken.push(format!("the pool could not lend an instance: {error}")),
            }
        }
    };
    let in_time = timeout(LENDING, lending).await.is_ok();
    if !in_time {
        broken.push(format!(
            "the pool lent only {} of {} instances within {LENDING:?}",
            lent.len(),
            pool.max_instances()
        ));
    }
    Ok(Closing {
        keys,
        instances: lent.len(),
        guests: lent
            .iter()
            .map(|instance| instance.memory_size() as u64)
            .sum(),
        broken,
    })
}

/// Reads the number stored under each key.
async fn stored(engine: &EngineProcess) -> Result<HashMap<String, u64>> {
    let native = Native::new(&Reach::plain(&engine.endpoint))?;
    let scan = native
        .client()
        .scan()
        .table_name(TABLE)
        .consistent_read(true);
    let items = scan
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>();
    let mut stored = HashMap::new();
    for item in items.await.map_err(|error| anyhow!("{error:?}"))? {
        let text = |name| match item.get(name) {
            Some(AttributeValue::S(text)) => Some(text.as_str()),
            _ => None,
        };
        let number = text(VALUE).and_then(|value| number_of(value.as_bytes()));
        match (text(PARTITION_KEY), number) {
            (Some(key), Some(number)) => stored.insert(key.to_owned(), number),
            _ => bail!("unexpected item in the table, not written by this run: {item:?}"),
        };
    }
    Ok(stored)
}
