//! Requests for a call, calls per second, and how soon they are as many as before.

use std::{fmt::Write, time::Duration};

use serde::Serialize;

use super::{WINDOW, callers::Counts};
use crate::{
    command::Outcome,
    machine::Machine,
    report::{Versions, columns},
    statistics::quantile,
};
use host_test::command_line::Failure;

/// The part of the throughput, and of the tasks, that is to be back.
const BACK: f64 = 0.9;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct RetriesFigures {
    pub(super) machine: Machine,
    pub(super) versions: Versions,
    pub(super) tasks: usize,
    pub(super) seed: u64,
    pub(super) phases: Vec<PhaseFigures>,
    pub(super) recovery: RecoveryFigures,
}

/// One phase.
#[derive(Debug, Serialize)]
pub(super) struct PhaseFigures {
    pub(super) name: &'static str,
    /// Requests of a hundred that were throttled.
    pub(super) percent: u32,
    pub(super) seconds: f64,
    /// Calls that began.
    pub(super) calls: u64,
    pub(super) succeeded: u64,
    pub(super) throttled: u64,
    /// Requests that arrived.
    pub(super) requests: u64,
    /// Requests for a call. Those of a call that goes on into the next phase are counted there.
    pub(super) amplification: f64,
    pub(super) requests_per_second: f64,
    /// Calls per second that succeeded, for each half second.
    pub(super) windows: Vec<f64>,
}

impl PhaseFigures {
    pub(super) fn new(
        name: &'static str,
        percent: u32,
        time: Duration,
        counts: Counts,
        windows: Vec<f64>,
    ) -> Self {
        let seconds = time.as_secs_f64();
        Self {
            name,
            percent,
            seconds,
            calls: counts.begun,
            succeeded: counts.succeeded,
            throttled: counts.throttled,
            requests: counts.requests,
            amplification: counts.requests as f64 / counts.begun.max(1) as f64,
            requests_per_second: counts.requests as f64 / seconds,
            windows,
        }
    }
}

/// The way back after the outage.
#[derive(Debug, Serialize)]
pub(super) struct RecoveryFigures {
    /// Calls per second in the healthy phase: the median of its windows.
    pub(super) healthy: f64,
    /// When the first half second ended with nine tenths of that; absent where none did.
    pub(super) throughput_after: Option<f64>,
    /// When nine tenths of the tasks had had a success, in seconds.
    pub(super) most_tasks_after: Option<f64>,
    /// When the last one had.
    pub(super) last_task_after: Option<f64>,
}

impl RecoveryFigures {
    /// `back`: the time in which each task that came back did.
    pub(super) fn new(phases: &[PhaseFigures], mut back: Vec<Duration>, tasks: usize) -> Self {
        let windows = |phase: Option<&PhaseFigures>| -> Vec<f64> {
            phase.map_or_else(Vec::new, |phase| phase.windows.clone())
        };
        let before: Vec<u64> = windows(phases.first())
            .iter()
            .map(|rate| *rate as u64)
            .collect();
        let healthy = quantile(&before, 0.5) as f64;
        let after = windows(phases.last());
        let window = after.iter().position(|rate| *rate >= BACK * healthy);
        back.sort();
        let nth = |count: usize| back.get(count.max(1) - 1).map(Duration::as_secs_f64);
        Self {
            healthy,
            throughput_after: window.map(|index| (index + 1) as f64 * WINDOW.as_secs_f64()),
            most_tasks_after: nth((tasks as f64 * BACK).ceil() as usize),
            last_task_after: nth(tasks),
        }
    }
}

impl RetriesFigures {
    /// Measured, not judged.
    pub(super) fn outcome(&self) -> Result<Outcome, Failure> {
        Ok(Outcome {
            text: self.text(),
            json: serde_json::to_value(self).map_err(Failure::here)?,
            broken: Vec::new(),
        })
    }

    fn text(&self) -> String {
        let heads = [
            "phase",
            "seconds",
            "calls",
            "ok",
            "throttled",
            "requests",
            "requests/call",
            "requests/s",
        ];
        let mut rows = vec![heads.map(str::to_owned)];
        rows.extend(self.phases.iter().map(|phase| {
            [
                phase.name.to_owned(),
                format!("{:.1}", phase.seconds),
                phase.calls.to_string(),
                phase.succeeded.to_string(),
                phase.throttled.to_string(),
                phase.requests.to_string(),
                format!("{:.3}", phase.amplification),
                format!("{:.0}", phase.requests_per_second),
            ]
        }));
        let mut text = format!(
            "{} tasks, an instance each, seed {}\n\n",
            self.tasks, self.seed
        );
        text.push_str(&columns(&rows, 1));
        let recovery = &self.recovery;
        let seconds = |time: Option<f64>| match time {
            Some(time) => format!("after {time:.1} s"),
            None => "not within this phase".to_owned(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "\nback to 90 % of {:.0} calls/s: {}; to 90 % of the tasks: {}; the last task: {}",
            recovery.healthy,
            seconds(recovery.throughput_after),
            seconds(recovery.most_tasks_after),
            seconds(recovery.last_task_after),
        );
        let last = self.phases.last().map_or(&[][..], |phase| &phase.windows);
        let windows: Vec<String> = last.iter().map(|rate| format!("{rate:.0}")).collect();
        let _ = writeln!(text, "calls/s by half seconds: {}", windows.join(" "));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(windows: &[f64]) -> PhaseFigures {
        let counts = Counts {
            begun: 100,
            requests: 187,
            ..Counts::default()
        };
        PhaseFigures::new("a", 50, Duration::from_secs(2), counts, windows.to_vec())
    }

    #[test]
    fn amplification_is_requests_for_a_call() {
        let phase = phase(&[]);
        assert_eq!(
            (phase.amplification, phase.requests_per_second),
            (1.87, 93.5)
        );
    }

    #[test]
    fn throughput_is_back_at_the_end_of_the_first_window_with_nine_tenths_of_it() {
        let phases = [
            phase(&[100.0, 90.0, 110.0]),
            phase(&[10.0, 89.0, 90.0, 20.0]),
        ];
        let back = vec![Duration::from_secs(3), Duration::from_secs(1)];
        let recovery = RecoveryFigures::new(&phases, back, 2);
        assert_eq!(
            (recovery.healthy, recovery.throughput_after),
            (100.0, Some(1.5))
        );
        assert_eq!(recovery.most_tasks_after, Some(3.0));
        let never = RecoveryFigures::new(&[phase(&[100.0]), phase(&[89.0])], vec![], 2);
        assert_eq!(
            (never.throughput_after, never.last_task_after),
            (None, None)
        );
    }
}
