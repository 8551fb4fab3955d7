//! The keys that one task alone writes, what it does to them next, and what it makes of the answers.

use std::time::Instant;

use dapr_wasm_host::types::{
    Concurrency, DeleteOptions, DeleteRequest, Error, Item, Operation, SetOptions, SetRequest,
};
use fastrand::Rng;

use super::{
    ledger::{Content, Ending, Guard, Ledger},
    worker::Ask,
};

/// Keys of a task.
const KEYS: usize = 16;
/// Keys of a bulk call or a transaction.
const MANY: usize = 6;

pub(super) struct OwnKeys {
    task: usize,
    ledgers: Vec<Ledger>,
    /// The number of the last value.
    last: u64,
}

/// One write of a call.
#[derive(Debug)]
pub(super) struct Step {
    slot: usize,
    effect: Content,
    guard: Guard,
}

/// The next call of a task.
pub(super) enum Next {
    Read(Vec<usize>),
    /// Each by itself: all of them sets, or all deletes.
    Write(Vec<Step>),
    /// All or none.
    Transact(Vec<Step>),
}

impl OwnKeys {
    pub(super) fn new(task: usize) -> Self {
        Self {
            task,
            ledgers: std::iter::repeat_with(Ledger::default).take(KEYS).collect(),
            last: 0,
        }
    }

    /// Returns all keys, each with what is known of it.
    pub(super) fn ledgers(&self) -> impl Iterator<Item = (String, &Ledger)> {
        let slots = self.ledgers.iter().enumerate();
        slots.map(|(slot, ledger)| (self.key(slot), ledger))
    }

    fn key(&self, slot: usize) -> String {
        format!("task-{}-{slot}", self.task)
    }

    /// Tosses a die for the next call.
    pub(super) fn next(&mut self, die: &mut Rng) -> Next {
        let slots = |die: &mut Rng, count| {
            let mut slots: Vec<usize> = (0..KEYS).collect();
            die.shuffle(&mut slots);
            slots.truncate(count);
            slots
        };
        let many = die.u8(..5) == 0;
        let slots = slots(die, if many { MANY } else { 1 });
        match die.u8(..10) {
            0..3 => Next::Read(slots),
            3..8 => Next::Write(self.steps(die, &slots, true)),
            8 => Next::Write(self.steps(die, &slots, false)),
            _ => {
                let half = slots.len() / 2;
                let mut steps = self.steps(die, &slots[half..], true);
                steps.extend(self.steps(die, &slots[..half], false));
                Next::Transact(steps)
            }
        }
    }

    fn steps(&mut self, die: &mut Rng, slots: &[usize], set: bool) -> Vec<Step> {
        let steps = slots.iter().map(|slot| {
            let guard = match (die.u8(..3), self.ledgers[*slot].etag()) {
                (0, Some(etag)) => Guard::Etag(etag.to_owned()),
                (1, _) if set && (self.ledgers[*slot].is_absent() || die.u8(..4) == 0) => {
                    Guard::Absent
                }
                _ => Guard::Nothing,
            };
            self.last += 1;
            Step {
                slot: *slot,
                effect: set.then_some(self.last),
                guard,
            }
        });
        steps.collect()
    }

    /// Makes the call.
    pub(super) fn ask(&self, next: &Next, die: &mut Rng) -> Ask {
        match next {
            Next::Read(slots) => Ask::Get(slots.iter().map(|slot| self.key(*slot)).collect()),
            Next::Transact(steps) => {
                let operations = steps.iter().map(|step| self.operation(step, die));
                Ask::Transact(operations.collect())
            }
            Next::Write(steps) => {
                let (mut sets, mut deletes) = (Vec::new(), Vec::new());
                for step in steps {
                    match self.operation(step, die) {
                        Operation::Set(request) => sets.push(request),
                        Operation::Delete(request) => deletes.push(request),
                    }
                }
                match sets.is_empty() {
                    true => Ask::Delete(deletes),
                    false => Ask::Set(sets),
                }
            }
        }
    }

    fn operation(&self, step: &Step, die: &mut Rng) -> Operation {
        let key = self.key(step.slot);
        let etag = match &step.guard {
            Guard::Etag(etag) => Some(etag.clone()),
            Guard::Nothing | Guard::Absent => None,
        };
        let Some(number) = step.effect else {
            let options = etag.map(|etag| DeleteOptions {
                etag: Some(etag),
                concurrency: None,
            });
            return Operation::Delete(DeleteRequest { key, options });
        };
        let concurrency = (step.guard == Guard::Absent).then_some(Concurrency::FirstWrite);
        Operation::Set(SetRequest {
            key,
            value: value_of(number, die),
            options: Some(SetOptions {
                etag,
                concurrency,
                ..SetOptions::default()
            }),
        })
    }

    /// Notes what was read; the first of the reads began then.
    pub(super) fn read(
        &mut self,
        slots: &[usize],
        items: Vec<Result<Option<Item>, Error>>,
        began: Instant,
    ) -> Result<(), String> {
        for (slot, item) in slots.iter().zip(items) {
            // A read that failed says nothing.
            let Ok(item) = item else { continue };
            let told = match item {
                Some(item) => match number_of(&item.value) {
                    Some(number) => self.ledgers[*slot].read(Some(number), item.etag, began),
                    None => Err("a value was read that nobody wrote".to_owned()),
                },
                None => self.ledgers[*slot].read(None, None, began),
            };
            told.map_err(|sentence| format!("{}: {sentence}", self.key(*slot)))?;
        }
        Ok(())
    }

    /// Notes how writes ended, each by itself.
    pub(super) fn wrote(
        &mut self,
        steps: &[Step],
        endings: &[Ending],
        began: Instant,
    ) -> Result<(), String> {
        for (step, ending) in steps.iter().zip(endings) {
            let ledger = &mut self.ledgers[step.slot];
            let told = ledger.wrote(step.effect, &step.guard, ending.clone(), began);
            told.map_err(|sentence| format!("{}: {sentence}", self.key(step.slot)))?;
        }
        Ok(())
    }

    /// Notes how the writes of a transaction ended, all alike.
    pub(super) fn transacted(
        &mut self,
        steps: &[Step],
        endings: &[Ending],
        began: Instant,
    ) -> Result<(), String> {
        if endings.first() != Some(&Ending::Mismatch) {
            return self.wrote(steps, endings, began);
        }
        // One of them is why.
        let differs = |step: &Step| self.ledgers[step.slot].may_differ(&step.guard);
        match steps.iter().any(differs) {
            true => Ok(()),
            false => Err(format!(
                "a transaction found a mismatch where none can be: {steps:?}"
            )),
        }
    }
}

/// The longest padding, in bytes.
const PADDING: usize = 1000;
const END: char = ':';

/// Makes a value: a number that tells it from all others, and padding, so that values differ in length.
pub(super) fn value_of(number: u64, die: &mut Rng) -> Vec<u8> {
    let padding = die.usize(..PADDING);
    format!("{number}{END}{:x<padding$}", "").into_bytes()
}

/// Reads the number of a value.
pub(super) fn number_of(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let (number, padding) = text.split_once(END)?;
    let is_padding = padding.len() < PADDING && padding.bytes().all(|byte| byte == b'x');
    number.parse().ok().filter(|_| is_padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_its_value_and_from_nothing_else() {
        let mut die = Rng::with_seed(1);
        assert_eq!(number_of(&value_of(42, &mut die)), Some(42));
        assert_eq!(number_of(b"42"), None);
        assert_eq!(number_of(b"42:xxoxx"), None);
    }
}
