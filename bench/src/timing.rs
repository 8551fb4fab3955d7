//! Measures work: the time on the clock, and the processor time of the thread that everything but the engine runs on.

use anyhow::Result;
use cpu_time::ThreadTime;
use std::time::{Duration, Instant};

/// The time that work took, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    pub(super) wall: u64,
    pub(super) cpu: u64,
}

/// Does the work, and measures it.
pub(super) async fn timed<T>(work: impl Future<Output = Result<T>>) -> Result<(T, Took)> {
    settle().await;
    let (cpu, begin) = (ThreadTime::now(), Instant::now());
    let done = work.await?;
    let wall = nanoseconds(begin.elapsed());
    settle().await;
    let cpu = nanoseconds(cpu.elapsed());
    Ok((done, Took { wall, cpu }))
}

/// Lets the tasks of connections finish what a call left to do, so that it costs whom it belongs to.
pub(super) async fn settle() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Calls in a row, of one contender and of another in alternation, where the two cannot be called one call each. In half of
/// the pairs of bursts the one begins, in half the other, in a random order.
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
