//! `bench soak`: many tasks write and read for a while through a bad network, and nothing is lost.
//!
//! Each task is a [`worker`]: it raises counters that all tasks share, and each [`counter`] says what may stand there. Beside
//! the faults of requests all connections are cut now and then, workers drop calls midway, and the host cancels those that
//! take too long. At the end the table and the pool are looked at, and [`figures`] judge and tell. The answers of all other
//! calls under faults are the subject of `tests/histories`.

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

/// The faults of a bad day.
const FAULTS: &[Fault] = &[
    (40, "throttled", |_| {
        error("ThrottlingException", Action::error)
    }),
    (30, "failed without effect", |_| {
        error("InternalServerError", Action::error)
    }),
    (40, "failed after its effect", |_| {
        error("InternalServerError", Action::error_after_effect)
    }),
    (30, "request lost", |_| Action::drop_request()),
    (60, "answer lost", |_| Action::drop_answer()),
    (30, "connection reset after its effect", |_| {
        Action::deliver(Delivery::Reset)
    }),
    (30, "answer cut off", |_| {
        Action::deliver(Delivery::Truncated(10))
    }),
    (30, "answer damaged", |_| {
        Action::deliver(Delivery::Corrupted)
    }),
    (20, "answered by a gateway", |_| {
        Action::answer(Reply::html(StatusCode::BAD_GATEWAY))
    }),
    (80, "delayed", |die| {
        Action::pass().delayed(Duration::from_millis(die.u64(1..50)))
    }),
    (5, "held back for seconds", |die| {
        Action::pass().delayed(Duration::from_millis(die.u64(1_500..3_000)))
    }),
    (5, "answer withheld", |_| {
        Action::deliver(Delivery::Withheld)
    }),
    (200, "batch left unprocessed in part", |die| {
        Action::leave_unprocessed(die.usize(0..8))
    }),
];

/// The host cancels a call after this long,
const TIME_LIMIT: Duration = Duration::from_millis(1_500);
/// which is before the component gives an attempt up.
const METADATA: &[(&str, &str)] = &[("requestTimeout", "2s")];
/// Far more than a call, the start of its instance and what a busy machine adds to both can take.
const LONGEST_CALL: Duration = Duration::from_secs(60);
/// Samples of a run; each stretch between them is a second at most.
const SAMPLES: u32 = 40;
/// Between two cuts of all connections, in milliseconds: rarely enough that some calls wait until the host cancels them.
const CUTS: std::ops::Range<u64> = 500..4_000;

/// The arguments of `bench soak`.
#[derive(Clone, Debug, Args)]
pub(super) struct SoakArguments {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Tasks that call, each with an instance in the pool
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
    // The tasks share what is theirs without locks.
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
            "{} tasks did not end within {LONGEST_CALL:?} after their last call began",
            running.len()
        ));
        running.shutdown().await;
    }
    faulty.faults.set(&[]);
    progress.set_message("looking at what is there");
    let closing = look(&engine, &faulty.pool, &tally).await?;
    broken.extend(closing.broken);
    let mut figures = SoakFigures {
        machine: Machine::of_this_process(),
        versions: Versions::with(component)?,
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

/// Waits until all tasks have ended; a task that ends early has found something.
async fn gather(running: &mut JoinSet<Result<(), String>>, broken: &mut Vec<String>) {
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(sentence)) => broken.push(sentence),
            Err(panic) => broken.push(panic.to_string()),
        }
    }
}

/// Takes samples.
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

/// Cuts all connections now and then.
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

/// The attribute that the component keeps a value in.
const VALUE: &str = "value";
/// The time for lending all instances, some of which have to be started.
const LENDING: Duration = Duration::from_secs(60);

/// The state at the end.
struct Closing {
    /// Keys that were held against what was acknowledged.
    keys: usize,
    /// Instances that were lent at once.
    instances: usize,
    /// Their linear memory, in bytes.
    guests: u64,
    broken: Vec<String>,
}

/// Looks if every acknowledged write is in the table, which the SDK reads, and if every instance of the pool can be lent.
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
                Err(error) => broken.push(format!("an instance was not lent: {error}")),
            }
        }
    };
    let in_time = timeout(LENDING, lending).await.is_ok();
    if !in_time {
        broken.push(format!(
            "the pool has lent {} of {} instances",
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

/// Reads the number of the value under each key.
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
            _ => bail!("an item that nobody wrote: {item:?}"),
        };
    }
    Ok(stored)
}
