//! A counter that many tasks increment, and the checks of the results that they got.

use std::collections::VecDeque;

/// The number of ETags that are remembered. These are the ETags of the latest values, which tasks may still read.
const REMEMBERED: usize = 100;

/// A counter that tasks increment by one, on condition that the ETag is still the one they read.
///
/// - No increment is acknowledged to two tasks.
/// - The final value is the number of acknowledged increments, plus those of unknown outcome that took effect.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// A bit for each value that was acknowledged to a task.
    values: Vec<u64>,
    acknowledged: u64,
    unknown: u64,
    highest: u64,
    etags: VecDeque<(u64, String)>,
}

impl Counter {
    /// Records that the increment to `value` was acknowledged with this ETag.
    pub(super) fn acknowledged(&mut self, value: u64, etag: String) -> Result<(), String> {
        let (word, bit) = ((value / 64) as usize, 1 << (value % 64));
        if self.values.len() <= word {
            self.values.resize(word + 1, 0);
        }
        let word = &mut self.values[word];
        if *word & bit != 0 {
            return Err(format!("the increment to {value} was acknowledged twice"));
        }
        *word |= bit;
        if let Some((known, _)) = self.etags.iter().find(|(_, known)| *known == etag) {
            return Err(format!("{value} has the same ETag as {known}"));
        }
        self.acknowledged += 1;
        self.highest = self.highest.max(value);
        self.etags.push_back((value, etag));
        if self.etags.len() > REMEMBERED {
            self.etags.pop_front();
        }
        Ok(())
    }

    /// Records an increment that may or may not have taken effect.
    pub(super) fn unknown(&mut self) {
        self.unknown += 1;
    }

    /// Checks a value that was read, and its ETag.
    pub(super) fn read(&self, value: u64, etag: Option<&str>) -> Result<(), String> {
        match self.etags.iter().find(|(known, _)| *known == value) {
            Some((_, known)) if etag != Some(known) => Err(format!(
                "{value} was read with the ETag {etag:?}, but acknowledged with {known}"
            )),
            _ => Ok(()),
        }
    }

    /// Checks the final value.
    pub(super) fn ended(&self, value: u64) -> Result<(), String> {
        let most = self.acknowledged + self.unknown;
        match value >= self.acknowledged.max(self.highest) && value <= most {
            true => Ok(()),
            false => Err(format!(
                "wrong final value {value}: {} increments were acknowledged, the highest to {}, and {} have an unknown outcome",
                self.acknowledged, self.highest, self.unknown
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(steps: u64) -> Counter {
        let mut counter = Counter::default();
        for value in 1..=steps {
            counter
                .acknowledged(value, format!("etag-{value}"))
                .unwrap();
        }
        counter
    }

    #[test]
    fn final_value_counts_unknown_steps_that_took_effect() {
        let mut counter = counter(100);
        assert!(counter.ended(100).is_ok() && counter.ended(101).is_err());
        counter.unknown();
        assert!(counter.ended(100).is_ok() && counter.ended(101).is_ok());
        assert!(counter.ended(99).is_err() && counter.ended(102).is_err());
    }

    #[test]
    fn increment_acknowledged_twice_is_a_lost_update() {
        let told = counter(100).acknowledged(64, "another".to_owned());
        assert!(told.unwrap_err().contains("64"));
    }

    #[test]
    fn each_value_has_its_own_constant_etag() {
        let mut counter = counter(10);
        assert!(counter.read(7, Some("etag-7")).is_ok() && counter.read(11, None).is_ok());
        assert!(counter.read(7, Some("etag-6")).is_err());
        assert!(counter.acknowledged(11, "etag-10".to_owned()).is_err());
    }
}
