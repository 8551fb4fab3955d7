//! The figures of a run, and the judgement if anything is as it should not be.

use super::worker::Counts;
use crate::statistics::median;
use crate::testbed::{Machine, Versions};
use memory_stats::memory_stats;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// A shorter run starts instances and fills tables for most of its time: what grows in it tells nothing.
const JUDGED_FROM: u32 = 30;

/// The figures of a run.
#[derive(Debug, Serialize)]
pub(crate) struct SoakFigures {
    pub(super) machine: Machine,
    pub(super) versions: Versions,
    pub(super) seed: u64,
    pub(super) seconds: u32,
    pub(super) tasks: usize,
    pub(super) counts: Counts,
    /// Requests that arrived at the proxy.
    pub(super) requests: u64,
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// Keys that were held against what was acknowledged.
    pub(super) keys: usize,
    /// Instances that could be lent at once.
    pub(super) instances_at_the_end: usize,
    /// Their linear memory, in bytes.
    pub(super) guests_at_the_end: u64,
    /// Absent where there are too few samples.
    pub(super) memory: Option<Memory>,
    /// Sentences about what should not be so.
    pub(crate) broken: Vec<String>,
}

/// The growth of what this process holds.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    /// Resident memory of this process, in bytes.
    host: Growth,
    /// Linear memory of its instances, in bytes.
    guests: Growth,
    /// Open files and connections.
    files: Growth,
}

impl SoakFigures {
    /// Judges if anything grows.
    pub(super) fn judge(&mut self, samples: &[Sample]) {
        if samples.len() < 4 * ENOUGH {
            return;
        }
        let memory = Memory {
            host: Growth::of(samples, |sample| sample.host),
            guests: Growth::of(samples, |sample| sample.guests),
            files: Growth::of(samples, |sample| sample.files),
        };
        let judged = [
            ("the memory of the host", memory.host, BYTES),
            ("the memory of the guests", memory.guests, BYTES),
            ("the number of open files", memory.files, FILES),
        ];
        if self.seconds >= JUDGED_FROM {
            for (what, growth, more) in judged {
                if !growth.is_flat(more) {
                    self.broken.push(format!(
                        "{what} grows: {} in the third quarter of the time, {} in the last",
                        growth.half, growth.end
                    ));
                }
            }
        }
        self.memory = Some(memory);
    }

    /// Returns the text for people.
    pub(crate) fn text(&self) -> String {
        let counts = &self.counts;
        let mut text = format!(
            "{} tasks, an instance each, {} s, seed {}\n\n",
            self.tasks, self.seconds, self.seed
        );
        let rows = [
            ("calls", counts.calls),
            ("  dropped midway", counts.kills),
            ("  cancelled by the host", counts.cancelled),
            ("  without an instance", counts.not_begun),
            ("requests", self.requests),
            ("reads answered", counts.reads),
            ("writes acknowledged", counts.acknowledged),
            ("  of unknown outcome", counts.unknown),
            ("  refused for their condition", counts.mismatches),
            ("  refused for load or conflict", counts.refused),
            ("cuts of all connections", counts.severed),
        ];
        let faults = self.faults.iter().map(|(name, count)| (*name, *count));
        let held = [
            ("keys held against what was acknowledged", self.keys as u64),
            ("instances lent at once", self.instances_at_the_end as u64),
        ];
        for (name, count) in rows.into_iter().chain(faults).chain(held) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:<40}{count:>10}");
        }
        if let Some(memory) = &self.memory {
            let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
            let _ = writeln!(
                text,
                "\n{:<40}{:>10}{:>10}",
                "medians of quarters", "third", "last"
            );
            for (name, growth) in [("MB, host", memory.host), ("MB, guests", memory.guests)] {
                let (half, end) = (megabytes(growth.half), megabytes(growth.end));
                let _ = writeln!(text, "{name:<40}{half:>10}{end:>10}");
            }
            let files = memory.files;
            let _ = writeln!(
                text,
                "{:<40}{:>10}{:>10}",
                "open files", files.half, files.end
            );
            if self.seconds < JUDGED_FROM {
                let _ = writeln!(text, "(not judged: less than {JUDGED_FROM} s)");
            }
        }
        text
    }
}

/// The last median may be above the third by this part of it,
const PART: u64 = 50;
/// and so many bytes,
const BYTES: u64 = 2_000_000;
/// or so many files.
const FILES: u64 = 16;

/// Looks that make a median worth the name, in a quarter.
const ENOUGH: usize = 5;

/// One look at what this process holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Resident memory of this process, in bytes: its instances included.
    host: u64,
    /// Linear memory of the instances, in bytes.
    guests: u64,
    /// Open files, connections among them; 0 where the system does not tell.
    files: u64,
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

/// The medians of the third quarter of the time and of the last: of many looks, so that no single moment decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Growth {
    half: u64,
    end: u64,
}

impl Growth {
    fn of(samples: &[Sample], one: impl Fn(&Sample) -> u64) -> Self {
        let samples: Vec<u64> = samples.iter().map(one).collect();
        let quarter = samples.len() / 4;
        let last = samples.len() - quarter;
        Self {
            half: median(&samples[last - quarter..last]),
            end: median(&samples[last..]),
        }
    }

    /// Returns true if it does not grow by more than a part and `more`.
    fn is_flat(self, more: u64) -> bool {
        self.end <= self.half + self.half / PART + more
    }
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
    fn growth_of_50_kilobytes_a_second_is_not_flat() {
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
