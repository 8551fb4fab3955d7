//! What may stand under a key that one task alone writes: what it was last told or has last seen, and each write since whose
//! outcome it was not told. Such a write may take effect late, after others, but not twice.

use std::time::{Duration, Instant};

/// What stands under a key: nothing, or the value of this number. No two values of a key have the same.
pub(super) type Content = Option<u64>;

/// After this long nothing is on its way any more: calls end after seconds, and the proxy holds requests back for less.
const LATEST: Duration = Duration::from_secs(60);

/// What a write asked to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    Nothing,
    /// The item with this ETag.
    Etag(String),
    /// No item.
    Absent,
}

/// How a write ended, as far as its caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It took effect, and left this ETag if it was a set.
    Done(Option<String>),
    /// What it asked to find was not there.
    Mismatch,
    /// It took no effect, for another reason.
    Refused,
    /// Nobody can tell.
    Unknown,
}

/// What is known of one key.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    known: Content,
    etag: Option<String>,
    late: Vec<(Content, Instant)>,
}

impl Ledger {
    /// What a set with an ETag may name.
    pub(super) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Whether it is sure that nothing stands there.
    pub(super) fn is_absent(&self) -> bool {
        self.known.is_none()
    }

    /// Whether this content may stand there.
    pub(super) fn allows(&self, content: Content) -> bool {
        content == self.known || self.late.iter().any(|(late, _)| *late == content)
    }

    /// A read that saw all that was written before it.
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

    /// A write that would leave `effect` has ended.
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

    /// Whether something else may stand there than a write asked to find.
    pub(super) fn may_differ(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Nothing => false,
            Guard::Etag(etag) => !self.late.is_empty() || self.etag.as_ref() != Some(etag),
            Guard::Absent => {
                self.known.is_some() || self.late.iter().any(|(late, _)| late.is_some())
            }
        }
    }

    /// What began long ago was seen or has been replaced, and comes no more.
    fn stands(&mut self, content: Content, etag: Option<String>, began: Instant) {
        self.known = content;
        self.etag = etag;
        self.late
            .retain(|(_, told)| began.duration_since(*told) < LATEST);
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
}
