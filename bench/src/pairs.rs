//! Contenders are called in turn, one call each, in a new random order every round: what slows the machine down for a while
//! slows all of them down, and nobody always follows the same neighbour.
//!
//! So each finds the processor's caches as the others left them, as in a program that does something else between two
//! calls. Calls in a row, as `throughput` makes them with one task, take everyone less.

use std::time::Instant;

use cpu_time::ThreadTime;

use super::{cases::Case, contenders::Contender, own_item::OwnItem, store::Store};
use host_test::command_line::Failure;

/// Calls of each contender before the first that counts: connections are open then, and code is where the processor wants it.
const WARM_UP: usize = 50;

/// What one contender's calls took, in nanoseconds; call i of each belongs to the same round.
#[derive(Debug, Default)]
pub(super) struct Series {
    pub(super) wall: Vec<u64>,
    /// The processor time of the thread that everything but the engine runs on.
    pub(super) cpu: Vec<u64>,
}

/// Calls every contender `calls` times. The series are in the order of the contenders.
pub(super) async fn measure(
    store: &Store,
    case: Case,
    contenders: &mut [Contender],
    calls: usize,
) -> Result<Vec<Series>, Failure> {
    let mut own = Vec::new();
    for index in 0..contenders.len() {
        let key = format!("{}-of-{index}", case.name());
        own.push(OwnItem::new(store, key).await?);
    }
    let mut series: Vec<Series> = contenders.iter().map(|_| Series::default()).collect();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    let warm_up = WARM_UP.min(calls);
    for round in 0..warm_up + calls {
        fastrand::shuffle(&mut order);
        for index in order.iter().copied() {
            let (Some(contender), Some(own), Some(series)) = (
                contenders.get_mut(index),
                own.get_mut(index),
                series.get_mut(index),
            ) else {
                continue;
            };
            store.before(case, &own.key).await?;
            let (wall, cpu) = call(store, case, round, contender, own)
                .await
                .map_err(|failure| of(contender, case, &failure))?;
            if round >= warm_up {
                series.wall.push(wall);
                series.cpu.push(cpu);
            }
        }
    }
    Ok(series)
}

async fn call(
    store: &Store,
    case: Case,
    turn: usize,
    contender: &mut Contender,
    own: &mut OwnItem,
) -> Result<(u64, u64), Failure> {
    let task = own.task(&store.values, case, turn);
    contender.prepare(&task);
    settle().await;
    let (cpu, begin) = (ThreadTime::now(), Instant::now());
    let left = contender.perform(&task).await?;
    let wall = begin.elapsed();
    settle().await;
    let cpu = cpu.elapsed();
    own.left(left);
    Ok((nanoseconds(wall), nanoseconds(cpu)))
}

/// Lets the tasks of connections finish what a call left to do, so that it costs whom it belongs to.
pub(super) async fn settle() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

pub(super) fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn of(contender: &Contender, case: Case, failure: &Failure) -> Failure {
    let (who, case) = (contender.name.title(), case.name());
    Failure::here(format_args!("{who}, {case}: {failure}"))
}
