//! Random histories of many instances: with any fault, their results are those of a single store
//! that does one operation at a time.

use crate::fixture::plugin;
use ::histories::{Fault, Plan, Player, Report, Size, run};
use std::ops::Range;

/// The number of instances and of calls per instance, as in the program `histories`.
const SIZE: Size = Size {
    clients: 8,
    calls: 12,
};

/// The environment variable with the first seed, for seeds other than the default ones.
const FIRST_SEED: &str = "HISTORIES_FIRST_SEED";

async fn played(seeds: Range<u64>, fault: Option<Fault>, repeat: bool) -> Report {
    let plan = Plan {
        seeds,
        size: SIZE,
        fault,
        repeat,
        most_violations: 1,
    };
    let report = run(&plugin(), &plan, |_| ()).await;
    report.expect("the histories come to their ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_with_faults_are_linearizable() {
    let first = std::env::var(FIRST_SEED).map_or(0, |seed| seed.parse().expect("a number"));
    let seeds = first..first + 300;
    println!("seeds {seeds:?}; set {FIRST_SEED} to use others");
    let report = played(seeds, None, false).await;
    println!("{}", report.tally);
    if let Some(violation) = report.violations.first() {
        panic!("{violation}");
    }
    assert!(report.tally.unknown > 1000, "{}", report.tally);
    assert!(report.tally.faults > 10_000, "{}", report.tally);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn same_seed_plays_the_same_history() {
    let mut one = Player::new(&plugin(), SIZE, None, false).unwrap();
    let mut other = Player::new(&plugin(), SIZE, None, false).unwrap();
    for seed in 0..5 {
        let first = one.play(seed).await.unwrap();
        let again = other.play(seed).await.unwrap();
        assert_eq!(first.events, again.events, "seed {seed}");
        assert!(first.events.len() > 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_that_breaks_its_promises_is_detected() {
    for fault in Fault::all() {
        let report = played(0..40, Some(*fault), false).await;
        let violation = report.violations.first().map(ToString::to_string);
        let told = violation.expect("a violation within 40 histories");
        assert!(
            told.contains("no order of these calls"),
            "{fault:?}: {told}"
        );
    }
}

/// Only the documented anomaly happens, and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_writes_only_take_effect_twice() {
    let report = played(0..60, None, true).await;
    println!("{}", report.tally);
    if let Some(violation) = report.violations.first() {
        panic!("{violation}");
    }
    assert!(report.tally.repeated > 0, "{}", report.tally);
}
