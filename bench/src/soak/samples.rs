//! What this process holds, looked at from time to time. Flat is what does not grow between the third quarter of the time and
//! the last: medians of many looks, so that no single moment decides.

use std::fs;

use memory_stats::memory_stats;
use serde::Serialize;

use crate::statistics::median;

/// What a median may be above the other: this part of it,
const PART: u64 = 50;
/// and so many bytes,
pub(super) const BYTES: u64 = 2_000_000;
/// or so many files.
pub(super) const FILES: u64 = 16;

/// Looks that make a median worth the name, in a quarter.
const ENOUGH: usize = 5;

/// One look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Resident memory of this process, in bytes: its instances included.
    pub(super) host: u64,
    /// Linear memory of the instances, in bytes.
    pub(super) guests: u64,
    /// Open files, connections among them; 0 where the system does not tell.
    pub(super) files: u64,
}

impl Sample {
    pub(super) fn now(guests: u64) -> Self {
        Self {
            host: memory_stats().map_or(0, |stats| stats.physical_mem as u64),
            guests,
            files: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64),
        }
    }
}

/// What the medians of the third and of the last quarter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Growth {
    pub(super) half: u64,
    pub(super) end: u64,
}

impl Growth {
    pub(super) fn of(samples: &[Sample], one: impl Fn(&Sample) -> u64) -> Self {
        let samples: Vec<u64> = samples.iter().map(one).collect();
        let quarter = samples.len() / 4;
        let last = samples.len() - quarter;
        Self {
            half: median(&samples[last - quarter..last]),
            end: median(&samples[last..]),
        }
    }

    /// Whether it does not grow by more than a part and `more`.
    pub(super) fn is_flat(self, more: u64) -> bool {
        self.end <= self.half + self.half / PART + more
    }
}

/// Whether there are so many that growth shows.
pub(super) fn enough(samples: &[Sample]) -> bool {
    samples.len() >= 4 * ENOUGH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(of_second: impl Fn(u64) -> u64) -> Growth {
        let sample = |second| Sample {
            host: of_second(second),
            guests: 0,
            files: 0,
        };
        let samples: Vec<_> = (0..300).map(sample).collect();
        Growth::of(&samples, |sample| sample.host)
    }

    #[test]
    fn what_grows_by_50_kilobytes_a_second_is_not_flat_after_five_minutes() {
        let leak = growth(|second| 50_000_000 + 50_000 * second);
        assert!(!leak.is_flat(BYTES), "{leak:?}");
    }

    #[test]
    fn warming_up_is_no_growth_and_neither_is_a_peak_at_the_end() {
        let warm = growth(|second| 50_000_000 + 1_000_000 * second.min(100));
        assert!(warm.is_flat(0), "{warm:?}");
        let peak = growth(|second| match second {
            295.. => 500_000_000,
            _ => 50_000_000,
        });
        assert_eq!(peak.half, peak.end);
    }
}
