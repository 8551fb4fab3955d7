//! A counter that many raise, held against what they were told.

use std::collections::VecDeque;

/// ETags that are remembered: of the values that somebody may still read.
const REMEMBERED: usize = 100;

/// A counter that tasks raise by one, each time on the condition of the ETag that they have read: no step is acknowledged
/// to two of them, and the end is the number of acknowledged steps, and of those with unknown outcome as many as took effect.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// A bit for each value that was acknowledged to somebody.
    values: Vec<u64>,
    acknowledged: u64,
    unknown: u64,
    highest: u64,
    etags: VecDeque<(u64, String)>,
}

impl Counter {
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
                "it ends at {value}: {} steps were acknowledged, the highest to {}, and {} have an unknown outcome",
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
    fn it_ends_at_acknowledged_and_some_unknown_steps() {
        let mut counter = counter(100);
        assert!(counter.ended(100).is_ok() && counter.ended(101).is_err());
        counter.unknown();
        assert!(counter.ended(100).is_ok() && counter.ended(101).is_ok());
        assert!(counter.ended(99).is_err() && counter.ended(102).is_err());
    }

    #[test]
    fn a_step_that_two_were_told_of_is_a_lost_update() {
        let told = counter(100).acknowledged(64, "another".to_owned());
        assert!(told.unwrap_err().contains("64"));
    }

    #[test]
    fn two_values_have_two_etags_and_each_keeps_its_own() {
        let mut counter = counter(10);
        assert!(counter.read(7, Some("etag-7")).is_ok() && counter.read(11, None).is_ok());
        assert!(counter.read(7, Some("etag-6")).is_err());
        assert!(counter.acknowledged(11, "etag-10".to_owned()).is_err());
    }
}
