//! Prints one line per case, as text or, with `--json`, as JSON.

use crate::case::{Case, Group};
use crate::{Outcome, Ran, Tally};
use anstyle::{AnsiColor, Style};
use host_test::command_line::output::Output;
use host_test::program::Status;
use serde::Serialize;
use std::fmt::Display;
use std::io;

/// The width of the longest outcome.
const OUTCOME_WIDTH: usize = "not applicable".len();
/// The number of lines of the component's standard error that are shown for a failed case.
const MOST_LINES_HEARD: usize = 20;

const PASSED: Style = AnsiColor::Green.on_default();
const FAILED: Style = AnsiColor::Red.on_default().bold();
const NOT_APPLICABLE: Style = Style::new().dimmed();

/// The output of the results, and their tally so far.
pub(super) struct Report<'r> {
    pub(super) output: Output<'r>,
    color: bool,
    tally: Tally,
}

impl<'r> Report<'r> {
    /// Creates a report. `color` is for the outcomes.
    pub(super) fn new(output: Output<'r>, color: bool) -> Self {
        Self {
            output,
            color,
            tally: Tally::default(),
        }
    }

    /// Lists the cases and their requirements.
    pub(super) fn list(&mut self, cases: &[(&'static Group, &'static Case)]) -> io::Result<Status> {
        for (group, case) in cases {
            let needs: Vec<String> = case.needs.iter().map(ToString::to_string).collect();
            if self.output.is_json() {
                self.output.json(&Listed {
                    interface: group.interface.to_string(),
                    group: group.name,
                    case: case.name(),
                    needs,
                })?;
                continue;
            }
            let needs = match needs.is_empty() {
                true => String::new(),
                false => format!(" ({})", needs.join(", ")),
            };
            let line = format_args!("{}: {}{needs}", group.name, case.name());
            self.output.line(line)?;
        }
        Ok(Status::Success)
    }

    /// Prints the outcome of a case and, if it failed, the component's standard error.
    pub(super) fn ran(&mut self, ran: &Ran) -> io::Result<()> {
        self.tally.count(&ran.outcome);
        self.outcome(ran)?;
        // Flush, so a waiting user sees each case at once.
        self.output.stdout.flush()?;
        if let Outcome::Failed(_) = ran.outcome {
            for line in ran.heard.iter().take(MOST_LINES_HEARD) {
                let said = format_args!("{}: the component says: {line}", ran.case);
                self.output.note(said)?;
            }
        }
        Ok(())
    }

    fn outcome(&mut self, ran: &Ran) -> io::Result<()> {
        let Ran {
            group,
            case,
            outcome,
            heard: _,
        } = ran;
        if self.output.is_json() {
            return self.output.json(&Line {
                group,
                case,
                outcome: outcome.name(),
                reason: outcome.reason(),
            });
        }
        let (on, off) = self.styled(outcome);
        let name = outcome.name();
        let reason = match outcome.reason() {
            Some(reason) => format!(": {}", one_line(reason)),
            None => String::new(),
        };
        self.output.line(format_args!(
            "{on}{name:OUTCOME_WIDTH$}{off}  {group}: {case}{reason}"
        ))
    }

    /// Prints the summary.
    pub(super) fn end(&mut self) -> io::Result<Status> {
        match self.output.is_json() {
            true => self.output.json(&self.tally)?,
            false => self.output.line(self.tally)?,
        }
        Ok(match self.tally.failed {
            0 => Status::Success,
            _ => Status::Failure,
        })
    }

    /// Prints an error that prevents the run.
    pub(super) fn failure(&mut self, sentence: impl Display) -> io::Result<Status> {
        self.output.error_line(sentence)?;
        Ok(Status::Failure)
    }

    fn styled(&self, outcome: &Outcome) -> (String, String) {
        let style = match outcome {
            Outcome::Passed => PASSED,
            Outcome::Failed(_) => FAILED,
            Outcome::NotApplicable(_) => NOT_APPLICABLE,
        };
        match self.color {
            true => (style.render().to_string(), style.render_reset().to_string()),
            false => (String::new(), String::new()),
        }
    }
}

/// Joins a reason into one line. It may contain an error of the component or a trap, which
/// may have several lines.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

#[derive(Serialize)]
struct Listed {
    interface: String,
    group: &'static str,
    case: String,
    needs: Vec<String>,
}

#[derive(Serialize)]
struct Line<'r> {
    group: &'r str,
    case: &'r str,
    outcome: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'r str>,
}
