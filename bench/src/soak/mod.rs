//! `bench soak`: many tasks write and read for a while through a bad network, and nothing is lost.
//!
//! Each task is a [`worker`]: it makes calls ([`ask`]) about [`own_keys`], of which a [`ledger`] says what may stand there, and
//! about counters that all tasks raise, of which a [`chain`] says so. The [`fault_mix`] does to requests what a bad day does;
//! beside it all connections are cut now and then, workers drop calls midway, and the host cancels those that take too long. [`samples`] of memory are taken meanwhile,
//! [`closing`] looks at the table and the pool at the end, and [`figures`] judge and tell.

mod ask;
mod chain;
mod closing;
mod fault_mix;
mod figures;
mod ledger;
mod own_keys;
mod samples;
mod tally;
mod value;
mod worker;

use std::{
    convert::Infallible,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use dapr_wasm_host::InstanceOptions;
use tokio::{
    task::{JoinSet, LocalSet},
    time::{interval, sleep, timeout},
};

use self::{
    fault_mix::FaultMix, figures::SoakFigures, samples::Sample, tally::Tally, worker::Worker,
};
use super::{
    command::Outcome, engine_process::EngineProcess, faulty::Faulty, machine::Machine,
    progress::Progress, report::Versions,
};
use host_test::command_line::Failure;

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

/// What can be asked of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct SoakArguments {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Tasks that call, each with an instance in the pool
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    tasks: u16,
    /// What is called, and which faults happen; at random where none is given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

pub(super) async fn run(
    component: &Path,
    arguments: &SoakArguments,
    shows_progress: bool,
) -> Result<Outcome, Failure> {
    let progress = Progress::new(shows_progress, arguments.seconds as usize);
    // The tasks share what is theirs without locks.
    let tasks = LocalSet::new();
    let soak = soak(component, arguments, &progress);
    let figures = tasks.run_until(soak).await;
    progress.end();
    figures?.outcome()
}

async fn soak(
    component: &Path,
    arguments: &SoakArguments,
    progress: &Progress,
) -> Result<SoakFigures, Failure> {
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    progress.now(format!("seed {seed}"));
    let size = NonZeroUsize::new(arguments.tasks.into()).unwrap_or(NonZeroUsize::MIN);
    let engine = EngineProcess::start().await?;
    let faults = Arc::new(FaultMix::new(seed));
    let limited = |options: InstanceOptions| options.time_limit(TIME_LIMIT);
    let faulty = Faulty::start(
        component,
        engine.endpoint(),
        faults.clone(),
        size,
        limited,
        METADATA,
    )?;
    faulty.fill().await?;
    faults.set_fair(false);

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
    let mut workers = Vec::new();
    let all_ended = tokio::select! {
        ended = timeout(time + LONGEST_CALL, gather(&mut running, &mut workers, &mut broken)) => ended.is_ok(),
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
    faults.set_fair(true);
    progress.now("looking at what is there");
    let closing = closing::look(&engine, &faulty.pool, &workers, &tally).await?;
    broken.extend(closing.broken);
    let mut figures = SoakFigures {
        machine: Machine::of_this_process(),
        versions: Versions::with(component)?,
        seed,
        seconds: arguments.seconds,
        tasks: size.get(),
        counts: tally.counts(),
        requests: faulty.proxy.count_all().arrived,
        faults: faults.happened(),
        keys: closing.keys,
        instances_at_the_end: closing.instances,
        guests_at_the_end: closing.guests,
        memory: None,
        broken,
    };
    figures.judge(&samples);
    Ok(figures)
}

/// Until all tasks have ended; a task that ends early has found something.
async fn gather(
    running: &mut JoinSet<Result<Worker, String>>,
    workers: &mut Vec<Worker>,
    broken: &mut Vec<String>,
) {
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(Ok(worker)) => workers.push(worker),
            Ok(Err(sentence)) => broken.push(sentence),
            Err(panic) => broken.push(panic.to_string()),
        }
    }
}

/// Takes samples.
async fn sample(
    tally: &Tally,
    time: Duration,
    progress: &Progress,
    samples: &mut Vec<Sample>,
) -> Infallible {
    let mut looks = interval((time / SAMPLES).min(Duration::from_secs(1)));
    let begin = Instant::now();
    loop {
        looks.tick().await;
        samples.push(Sample::now(tally.guests()));
        progress.reach(begin.elapsed().as_secs() as usize);
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
