//! Tests of the ticker thread: it counts while calls run, rests, and ends.

use super::*;
use crate::engine::{self, Settings};
use crate::instance::TimeLimit;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use wasmtime::{Instance, Module};

/// A time limit for work that takes some milliseconds, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn engine() -> Engine {
    engine::compiling(Settings::default()).unwrap()
}

impl Ticker {
    fn has_thread(&self) -> bool {
        self.0.ticked().running
    }

    fn rests(&self) -> bool {
        self.0.begun.load(Ordering::Acquire) & RESTING != 0
    }

    pub(crate) fn wait_until_it_rests(&self) {
        while !self.rests() {
            thread::sleep(SLICE);
        }
    }

    fn slices(&self) -> u64 {
        self.0.ticked().slices
    }

    fn calls(&self) -> usize {
        let (begun, ended) = (&self.0.begun, &self.0.ended);
        (begun.load(Ordering::Acquire) - ended.load(Ordering::Acquire)) / CALL
    }
}

#[test]
fn thread_ends_with_the_last_engine_and_starts_again() {
    let ticker = Ticker::default();
    for _ in 0..2 {
        let engines = [(); 3].map(|()| engine());
        engines
            .iter()
            .for_each(|engine| ticker.add(engine).unwrap());
        assert!(ticker.has_thread());
        let _counting = ticker.run_call();
        drop(engines);
        while ticker.has_thread() {
            thread::sleep(SLICE);
        }
    }
}

#[test]
fn thread_rests_while_no_call_runs() {
    let (ticker, engine) = (Ticker::default(), engine());
    ticker.add(&engine).unwrap();
    ticker.wait_until_it_rests();
    let slices = ticker.slices();
    thread::sleep(10 * SLICE);
    assert_eq!(ticker.slices(), slices);
    assert!(ticker.has_thread());
}

#[test]
fn thread_counts_for_as_long_as_a_call_runs() {
    let (ticker, engine) = (Ticker::default(), engine());
    ticker.add(&engine).unwrap();
    ticker.wait_until_it_rests();
    let (slices, call) = (ticker.slices(), ticker.run_call());
    while ticker.slices() < slices + 2 * u64::from(QUIET_SLICES) {
        assert!(!ticker.rests());
        thread::sleep(SLICE);
    }
    drop(call);
    ticker.wait_until_it_rests();
}

#[test]
fn component_is_interrupted_after_a_rest() {
    let (ticker, engine) = (Ticker::default(), engine());
    ticker.add(&engine).unwrap();
    let spins = wat::parse_str("(module (func $spin (loop (br 0))) (start $spin))").unwrap();
    let spins = Module::new(&engine, spins).unwrap();
    for _ in 0..3 {
        ticker.wait_until_it_rests();
        let (ticker, engine, spins) = (ticker.clone(), engine.clone(), spins.clone());
        let (done, interrupted) = mpsc::channel();
        thread::spawn(move || {
            let mut store = Store::new(&engine, ());
            begin(&mut store);
            store.epoch_deadline_trap();
            let _call = ticker.run_call();
            let trapped = Instance::new(&mut store, &spins, &[]).is_err();
            let _ = done.send(trapped);
        });
        assert!(interrupted.recv_timeout(PATIENCE).unwrap());
    }
}

#[test]
fn no_wake_up_is_lost_as_the_thread_goes_to_rest() {
    let (ticker, engine) = (Ticker::default(), engine());
    ticker.add(&engine).unwrap();
    for _ in 0..20 {
        ticker.wait_until_it_rests();
        let slices = ticker.slices();
        let call = ticker.run_call();
        while ticker.slices() == slices {
            thread::sleep(SLICE);
        }
        drop(call);
    }
}

#[test]
fn call_is_counted_until_its_future_is_done_or_dropped() {
    let ticker = Ticker::default();
    let limit = TimeLimit::new(None);
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut abandoned = pin!(limit.run(
            Some(&ticker),
            std::future::pending::<wasmtime::Result<()>>()
        ));
        assert!(abandoned.as_mut().poll(&mut context).is_pending());
        assert_eq!(ticker.calls(), 1);
    }
    assert_eq!(ticker.calls(), 0);
    let mut done = pin!(limit.run(Some(&ticker), std::future::ready(wasmtime::Result::Ok(()))));
    assert!(done.as_mut().poll(&mut context).is_ready());
    assert_eq!(ticker.calls(), 0);
}
