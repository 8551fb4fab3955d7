//! What a run came to: its figures, and whether anything is as it should not be.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

use super::{
    samples::{self, Growth, Sample},
    tally::Counts,
};
use crate::{command::Outcome, machine::Machine, report::Versions};
use host_test::command_line::Failure;

/// A shorter run starts instances and fills tables for most of its time: what grows in it tells nothing.
const JUDGED_FROM: u32 = 30;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct SoakFigures {
    pub(super) machine: Machine,
    pub(super) versions: Versions,
    pub(super) seed: u64,
    pub(super) seconds: u32,
    pub(super) tasks: usize,
    pub(super) counts: Counts,
    /// That arrived at the proxy.
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
    pub(super) broken: Vec<String>,
}

/// Medians of the third quarter of the time and of the last.
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
    /// Holds the samples against each other.
    pub(super) fn judge(&mut self, samples: &[Sample]) {
        if !samples::enough(samples) {
            return;
        }
        let memory = Memory {
            host: Growth::of(samples, |sample| sample.host),
            guests: Growth::of(samples, |sample| sample.guests),
            files: Growth::of(samples, |sample| sample.files),
        };
        let judged = [
            ("the memory of the host", memory.host, samples::BYTES),
            ("the memory of the guests", memory.guests, samples::BYTES),
            ("the number of open files", memory.files, samples::FILES),
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

    pub(super) fn outcome(self) -> Result<Outcome, Failure> {
        Ok(Outcome {
            text: self.text(),
            json: serde_json::to_value(&self).map_err(Failure::here)?,
            broken: self.broken,
        })
    }

    fn text(&self) -> String {
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
