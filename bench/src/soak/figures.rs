//! The figures of a soak run, and the check that memory does not grow.

use super::worker::Counts;
use crate::statistics::median;
use crate::testbed::{Machine, Versions};
use memory_stats::memory_stats;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// The shortest run whose memory is checked, in seconds. A shorter run spends most of its time on starting instances and
/// filling tables, so growth says nothing about leaks.
const JUDGED_FROM: u32 = 30;

/// The figures of a soak run.
#[derive(Debug, Serialize)]
pub(crate) struct SoakFigures {
    pub(super) machine: Machine,
    pub(super) versions: Versions,
    pub(super) seed: u64,
    pub(super) seconds: u32,
    pub(super) tasks: usize,
    pub(super) counts: Counts,
    /// The number of requests that arrived at the proxy.
    pub(super) requests: u64,
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// The number of keys whose final value was checked.
    pub(super) keys: usize,
    /// The number of instances that the pool could lend at once.
    pub(super) instances_at_the_end: usize,
    /// The linear memory of these instances, in bytes.
    pub(super) guests_at_the_end: u64,
    /// Absent if there are too few samples.
    pub(super) memory: Option<Memory>,
    /// Descriptions of the checks that failed.
    pub(crate) broken: Vec<String>,
}

/// The growth of the memory and open files of this process.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    /// Resident memory of this process, in bytes.
    host: Growth,
    /// Linear memory of the instances, in bytes.
    guests: Growth,
    /// The number of open files and connections.
    files: Growth,
}

impl SoakFigures {
    /// Checks that memory and open files do not grow. Adds a sentence to `broken` for each that does.
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
            ("resident memory of the process", memory.host, BYTES),
            ("linear memory of the instances", memory.guests, BYTES),
            ("number of open files", memory.files, FILES),
        ];
        if self.seconds >= JUDGED_FROM {
            for (what, growth, more) in judged {
                if !growth.is_flat(more) {
                    self.broken.push(format!(
                        "the {what} grows: median {} in the third quarter of the run, {} in the last quarter",
                        growth.half, growth.end
                    ));
                }
            }
        }
        self.memory = Some(memory);
    }

    /// Formats the figures as text.
    pub(crate) fn text(&self) -> String {
        let counts = &self.counts;
        let mut text = format!(
            "{} tasks, one instance each, {} s, seed {}\n\n",
            self.tasks, self.seconds, self.seed
        );
        let rows = [
            ("calls", counts.calls),
            ("  dropped midway", counts.kills),
            ("  cancelled by the host", counts.cancelled),
            ("  failed to get an instance", counts.not_begun),
            ("requests", self.requests),
            ("successful reads", counts.reads),
            ("acknowledged writes", counts.acknowledged),
            ("  with unknown outcome", counts.unknown),
            ("  failed with an ETag mismatch", counts.mismatches),
            ("  throttled or in conflict", counts.refused),
            ("times all connections were cut", counts.severed),
        ];
        let faults = self.faults.iter().map(|(name, count)| (*name, *count));
        let held = [
            ("keys with checked final value", self.keys as u64),
            (
                "instances lent at the end",
                self.instances_at_the_end as u64,
            ),
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
                "median of a quarter of the run", "third", "last"
            );
            for (name, growth) in [
                ("resident memory, MB", memory.host),
                ("linear memory of instances, MB", memory.guests),
            ] {
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
                let _ = writeln!(
                    text,
                    "(growth not checked: run shorter than {JUDGED_FROM} s)"
                );
            }
        }
        text
    }
}

/// The median of the last quarter may exceed that of the third by one part in this many,
const PART: u64 = 50;
/// plus this many bytes,
const BYTES: u64 = 2_000_000;
/// or this many files.
const FILES: u64 = 16;

/// The minimum number of samples in a quarter of the run. With fewer, a median means little.
const ENOUGH: usize = 5;

/// One sample of the memory and open files of this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Resident memory of this process in bytes, including its instances.
    host: u64,
    /// Linear memory of the instances, in bytes.
    guests: u64,
    /// The number of open files and connections. 0 if the system does not report it.
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

/// The medians of the third and of the last quarter of the run. Each is of many samples, so that no single moment decides.
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

    /// Returns true if the median does not grow by more than 1/[`PART`] plus `more`.
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
    fn growth_of_50_kilobytes_per_second_is_a_leak() {
        let leak = growth(|second| 50_000_000 + 50_000 * second);
        assert!(!leak.is_flat(BYTES), "{leak:?}");
    }

    #[test]
    fn warm_up_and_a_peak_at_the_end_are_not_growth() {
        let warm = growth(|second| 50_000_000 + 1_000_000 * second.min(100));
        assert!(warm.is_flat(0), "{warm:?}");
        let peak = growth(|second| match second {
            295.. => 500_000_000,
            _ => 50_000_000,
        });
        assert_eq!(peak.half, peak.end);
    }
}
