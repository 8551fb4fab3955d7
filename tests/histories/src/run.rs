//! One seed after the other: play, check, and tell.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use dapr_wasm_host::Plugin;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Size, Stopped,
    broken::Fault,
    clients::Clients,
    play::{Played, play},
    tally::Tally,
    violation::{Violation, needs_repetitions, violation},
};

/// How many histories are played at a time. Most of their time they wait for a client that waits
/// before its next attempt.
const AT_A_TIME: usize = 16;

/// What is played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seeds.
    pub seeds: Range<u64>,
    /// Of each history.
    pub size: Size,
    /// What is wrong with the store, if anything is.
    pub fault: Option<Fault>,
    /// The component repeats writes of unknown outcome: `unconfirmedWrites: repeat`.
    pub repeat: bool,
    /// After so many violations no further history is begun.
    pub most_violations: usize,
}

/// What the histories came to.
#[derive(Debug, Default)]
pub struct Report {
    /// All of them together.
    pub tally: Tally,
    /// Those that cannot be, by their seeds.
    pub violations: Vec<Violation>,
}

/// Plays and checks all histories of a plan. `played` is told how many more are done.
pub async fn run(
    plugin: &Plugin,
    plan: &Plan,
    mut played: impl FnMut(u64),
) -> Result<Report, Stopped> {
    let next = Arc::new(AtomicU64::new(plan.seeds.start));
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut players = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let mut player = Player::new(plugin, plan.size, plan.fault, plan.repeat)?;
        let (next, end, tell) = (next.clone(), plan.seeds.end, tell.clone());
        players.spawn(async move {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end || tell.send(player.check(seed).await).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut report = Report::default();
    while let Some(checked) = told.recv().await {
        let (tally, violation) = checked?;
        report.tally += tally;
        report.violations.extend(violation);
        played(1);
        if report.violations.len() >= plan.most_violations {
            break;
        }
    }
    report.violations.sort_by_key(|violation| violation.seed);
    Ok(report)
}

/// Plays histories, one after the other.
pub struct Player {
    clients: Clients,
    size: Size,
    fault: Option<Fault>,
    repeat: bool,
}

impl Player {
    /// A player of histories of this size, on the engine or on one with a fault, by clients that `repeat` writes
    /// of unknown outcome or do not.
    pub fn new(
        plugin: &Plugin,
        size: Size,
        fault: Option<Fault>,
        repeat: bool,
    ) -> Result<Self, Stopped> {
        let clients = Clients::new(plugin, repeat)?;
        Ok(Self {
            clients,
            size,
            fault,
            repeat,
        })
    }

    /// Plays the history of a seed.
    pub async fn play(&mut self, seed: u64) -> Result<Played, Stopped> {
        play(seed, self.size, self.fault, &mut self.clients).await
    }

    /// Plays and checks the history of a seed.
    pub async fn check(&mut self, seed: u64) -> Result<(Tally, Option<Violation>), Stopped> {
        let played = self.play(seed).await?;
        let mut tally = Tally::of(&played);
        let violation = violation(seed, &played, self.repeat);
        if self.repeat && violation.is_none() && needs_repetitions(&played) {
            tally.repeated = 1;
        }
        Ok((tally, violation))
    }
}
