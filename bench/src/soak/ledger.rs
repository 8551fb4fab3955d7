//! Compares what a task was told with what may be stored after that: under a key that one task alone writes, and in a counter that all
//! tasks raise.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The content of a key: nothing, or the value of this number. No two values of a key have the same.
pub(super) type Content = Option<u64>;

/// After this long nothing is on its way any more: calls end after seconds, and the proxy holds requests back for less.
const LATEST: Duration = Duration::from_secs(60);

/// The condition of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    Nothing,
    /// The item with this ETag.
    Etag(String),
    /// No item.
    Absent,
}

/// The ending of a write, as far as its caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It took effect, and left this ETag if it was a set.
    Done(Option<String>),
    /// Its condition did not hold.
    Mismatch,
    /// It took no effect, for another reason.
    Refused,
    /// Nobody can tell.
    Unknown,
}

/// The possible contents of a key that one task alone writes: what it was last told or has last seen, and each write since whose
/// outcome it was not told. Such a write may take effect late, after others, but not twice.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    known: Content,
    etag: Option<String>,
    late: Vec<(Content, Instant)>,
}

impl Ledger {
    /// Returns the ETag that a set may name.
    pub(super) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Returns true if it is sure that nothing stands there.
    pub(super) fn is_absent(&self) -> bool {
        self.known.is_none()
    }

    /// Returns true if this content may stand there.
    pub(super) fn allows(&self, content: Content) -> bool {
        content == self.known || self.late.iter().any(|(late, _)| *late == content)
    }

    /// Checks a read that saw all that was written before it.
    pub(super) fn read(
        &mut self,
        content: Content,
        etag: Option<String>,
        began: Instant,
    ) -> Result<(), String> {
        if !self.allows(content) {
            return Err(format!("{content:?} was read, and {self:?}"));
        }
        if content == self.known && self.etag.is_some() && etag != self.etag {
            return Err(format!("the ETag {etag:?} was read, and {self:?}"));
        }
        if content.is_some() {
            // It took effect, and cannot again.
            self.late.retain(|(late, _)| *late != content);
        }
        self.stands(content, etag, began);
        Ok(())
    }

    /// Checks the ending of a write that would leave `effect`.
    pub(super) fn wrote(
        &mut self,
        effect: Content,
        guard: &Guard,
        ending: Ending,
        began: Instant,
    ) -> Result<(), String> {
        match ending {
            Ending::Done(etag) => {
                if *guard == Guard::Absent && !self.allows(None) {
                    return Err(format!("a first write {effect:?} succeeded, and {self:?}"));
                }
                self.stands(effect, etag, began);
            }
            Ending::Mismatch if !self.may_differ(guard) => {
                return Err(format!(
                    "a write guarded by {guard:?} was refused, and {self:?}"
                ));
            }
            Ending::Mismatch | Ending::Refused => {}
            Ending::Unknown => self.late.push((effect, Instant::now())),
        }
        Ok(())
    }

    /// Returns true if the condition of a write may not hold.
    pub(super) fn may_differ(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Nothing => false,
            Guard::Etag(etag) => !self.late.is_empty() || self.etag.as_ref() != Some(etag),
            Guard::Absent => {
                self.known.is_some() || self.late.iter().any(|(late, _)| late.is_some())
            }
        }
    }

    /// Notes what stands there now. A write of long ago was seen or has been replaced, and comes no more.
    fn stands(&mut self, content: Content, etag: Option<String>, began: Instant) {
        self.known = content;
        self.etag = etag;
        self.late
            .retain(|(_, told)| began.duration_since(*told) < LATEST);
    }
}

/// ETags that are remembered: of the values that somebody may still read.
const REMEMBERED: usize = 1000;

/// A counter that all tasks raise by one, each time on the condition of the ETag that they have read: no step is acknowledged
/// to two of them, and the end is the number of acknowledged steps, and of those with unknown outcome as many as took effect.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// A bit for each value that was acknowledged to somebody.
    values: Vec<u64>,
    acknowledged: u64,
    unknown: u64,
    highest: u64,
    etags: VecDeque<(u64, String)>,
}

impl Chain {
    /// Notes that the step to `value` was acknowledged, with this ETag.
    pub(super) fn acknowledged(&mut self, value: u64, etag: String) -> Result<(), String> {
        let (word, bit) = ((value / 64) as usize, 1 << (value % 64));
        if self.values.len() <= word {
            self.values.resize(word + 1, 0);
        }
        let word = &mut self.values[word];
        if *word & bit != 0 {
            return Err(format!("the step to {value} was acknowledged twice"));
        }
        *word |= bit;
        if let Some((known, _)) = self.etags.iter().find(|(_, known)| *known == etag) {
            return Err(format!("{value} has the ETag of {known}"));
        }
        self.acknowledged += 1;
        self.highest = self.highest.max(value);
        self.etags.push_back((value, etag));
        if self.etags.len() > REMEMBERED {
            self.etags.pop_front();
        }
        Ok(())
    }

    /// Notes a step of which nobody can tell if it took effect.
    pub(super) fn unknown(&mut self) {
        self.unknown += 1;
    }

    /// Checks what was read.
    pub(super) fn read(&self, value: u64, etag: Option<&str>) -> Result<(), String> {
        match self.etags.iter().find(|(known, _)| *known == value) {
            Some((_, known)) if etag != Some(known) => Err(format!(
                "{value} was read with the ETag {etag:?}, and acknowledged with {known}"
            )),
            _ => Ok(()),
        }
    }

    /// Checks the value at the end.
    pub(super) fn ended(&self, value: u64) -> Result<(), String> {
        let most = self.acknowledged + self.unknown;
        match value >= self.acknowledged.max(self.highest) && value <= most {
            true => Ok(()),
            false => Err(format!(
                "a counter ends at {value}: {} steps were acknowledged, the highest to {}, and {} have an unknown outcome",
                self.acknowledged, self.highest, self.unknown
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etag(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    /// A key under which value 1 stands, with the ETag `a`.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        let done = Ending::Done(etag("a"));
        ledger
            .wrote(Some(1), &Guard::Absent, done, Instant::now())
            .unwrap();
        ledger
    }

    #[test]
    fn an_acknowledged_write_is_read_until_another_is_acknowledged() {
        let mut ledger = ledger();
        let now = Instant::now();
        ledger.read(Some(1), etag("a"), now).unwrap();
        ledger.read(None, None, now).unwrap_err();
        ledger.read(Some(1), etag("b"), now).unwrap_err();
        ledger
            .wrote(None, &Guard::Nothing, Ending::Done(None), now)
            .unwrap();
        ledger.read(Some(1), etag("a"), now).unwrap_err();
        ledger.read(None, None, now).unwrap();
    }

    #[test]
    fn a_write_of_unknown_outcome_may_be_read_or_not_and_takes_effect_once() {
        let mut ledger = ledger();
        let now = Instant::now();
        ledger
            .wrote(Some(2), &Guard::Nothing, Ending::Unknown, now)
            .unwrap();
        ledger.read(Some(1), etag("a"), now).unwrap();
        ledger.read(Some(2), etag("b"), now).unwrap();
        ledger.read(Some(1), etag("a"), now).unwrap_err();
        let done = Ending::Done(etag("c"));
        ledger.wrote(Some(3), &Guard::Nothing, done, now).unwrap();
        ledger.read(Some(2), etag("b"), now).unwrap_err();
    }

    #[test]
    fn a_write_of_unknown_outcome_may_take_effect_after_an_acknowledged_one_but_not_for_ever() {
        let mut ledger = ledger();
        let now = Instant::now();
        ledger
            .wrote(None, &Guard::Nothing, Ending::Unknown, now)
            .unwrap();
        let done = || Ending::Done(etag("c"));
        ledger.wrote(Some(3), &Guard::Nothing, done(), now).unwrap();
        assert!(ledger.allows(None));
        let later = Instant::now() + LATEST;
        ledger
            .wrote(Some(4), &Guard::Nothing, done(), later)
            .unwrap();
        assert!(!ledger.allows(None));
    }

    #[test]
    fn a_mismatch_is_false_where_nothing_else_can_stand() {
        let mut ledger = ledger();
        let now = Instant::now();
        let guard = Guard::Etag("a".to_owned());
        ledger
            .wrote(Some(2), &guard, Ending::Mismatch, now)
            .unwrap_err();
        ledger
            .wrote(Some(2), &Guard::Absent, Ending::Mismatch, now)
            .unwrap();
        ledger
            .wrote(None, &Guard::Nothing, Ending::Unknown, now)
            .unwrap();
        ledger
            .wrote(Some(2), &guard, Ending::Mismatch, now)
            .unwrap();
    }

    #[test]
    fn a_first_write_over_an_item_is_not_to_be() {
        let mut ledger = ledger();
        let done = Ending::Done(etag("b"));
        ledger
            .wrote(Some(2), &Guard::Absent, done, Instant::now())
            .unwrap_err();
    }

    fn chain(steps: u64) -> Chain {
        let mut chain = Chain::default();
        for value in 1..=steps {
            chain.acknowledged(value, format!("etag-{value}")).unwrap();
        }
        chain
    }

    #[test]
    fn chain_ends_at_acknowledged_and_some_unknown_steps() {
        let mut chain = chain(100);
        assert!(chain.ended(100).is_ok() && chain.ended(101).is_err());
        chain.unknown();
        assert!(chain.ended(100).is_ok() && chain.ended(101).is_ok());
        assert!(chain.ended(99).is_err() && chain.ended(102).is_err());
    }

    #[test]
    fn a_step_that_two_were_told_of_is_a_lost_update() {
        let told = chain(100).acknowledged(64, "another".to_owned());
        assert!(told.unwrap_err().contains("64"));
    }

    #[test]
    fn two_values_have_two_etags_and_each_keeps_its_own() {
        let mut chain = chain(10);
        assert!(chain.read(7, Some("etag-7")).is_ok() && chain.read(11, None).is_ok());
        assert!(chain.read(7, Some("etag-6")).is_err());
        assert!(chain.acknowledged(11, "etag-10".to_owned()).is_err());
    }
}
