//! Measures the wall-clock time of work, and the processor time of the thread that runs everything except the engine.

use anyhow::Result;
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

/// Alternates bursts of calls of two contenders. Used where single calls cannot alternate.
///
/// Each contender starts half of the pairs of bursts. The order of the pairs is random.
pub(super) async fn alternate<Ours, Theirs>(
    bursts: usize,
    mut ours: impl AsyncFnMut() -> Result<Ours>,
    mut theirs: impl AsyncFnMut() -> Result<Theirs>,
) -> Result<Vec<(Ours, Theirs)>> {
    let mut ours_begins: Vec<bool> = (0..bursts).map(|pair| pair % 2 == 0).collect();
    fastrand::shuffle(&mut ours_begins);
    let mut pairs = Vec::with_capacity(bursts);
    for ours_begins in ours_begins {
        pairs.push(if ours_begins {
            let first = ours().await?;
            (first, theirs().await?)
        } else {
            let first = theirs().await?;
            (ours().await?, first)
        });
    }
    Ok(pairs)
}
