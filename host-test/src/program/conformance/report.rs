//! One line a case: for a person, or with `--json` for a program.

use std::{
    fmt::Display,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    conformance::{
        Outcome, Ran, Tally,
        case::{Case, Group},
    },
    program::{Status, Surroundings},
};

/// As wide as the longest outcome.
const OUTCOME_WIDTH: usize = "not applicable".len();
/// Of what the component says, so many lines are enough to look at.
const MOST_LINES_HEARD: usize = 20;

const PASSED: Style = AnsiColor::Green.on_default();
const FAILED: Style = AnsiColor::Red.on_default().bold();
const NOT_APPLICABLE: Style = Style::new().dimmed();

/// Where the results go, and what they have come to so far.
pub(super) struct Report<'r> {
    stdout: &'r mut dyn Write,
    stderr: &'r mut dyn Write,
    json: bool,
    color: bool,
    tally: Tally,
}

impl<'r> Report<'r> {
    pub(super) fn new(json: bool, surroundings: &'r mut Surroundings<'_>) -> Self {
        Self {
            stdout: surroundings.stdout,
            stderr: surroundings.stderr,
            json,
            color: surroundings.terminal.color_on_stdout,
            tally: Tally::default(),
        }
    }

    /// The cases, and what each of them needs.
    pub(super) fn list(&mut self, cases: &[(&'static Group, &'static Case)]) -> io::Result<Status> {
        for (group, case) in cases {
            let needs: Vec<String> = case.needs.iter().map(ToString::to_string).collect();
            if self.json {
                self.line(&Listed {
                    interface: group.interface.to_string(),
                    group: group.name,
                    case: case.name(),
                    needs,
                })?;
                continue;
            }
            write!(self.stdout, "{}: {}", group.name, case.name())?;
            match needs.is_empty() {
                true => writeln!(self.stdout)?,
                false => writeln!(self.stdout, " ({})", needs.join(", "))?,
            }
        }
        Ok(Status::Success)
    }

    /// What came of a case and, where it failed, what the component had to say.
    pub(super) fn ran(&mut self, ran: &Ran) -> io::Result<()> {
        self.tally.count(&ran.outcome);
        self.outcome(ran)?;
        // Somebody may be waiting for it.
        self.stdout.flush()?;
        if let Outcome::Failed(_) = ran.outcome {
            for line in ran.heard.iter().take(MOST_LINES_HEARD) {
                self.note(format_args!("{}: the component says: {line}", ran.case))?;
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
        if self.json {
            return self.line(&Line {
                group,
                case,
                outcome: outcome.name(),
                reason: outcome.reason(),
            });
        }
        let (on, off) = self.styled(outcome);
        let name = outcome.name();
        write!(
            self.stdout,
            "{on}{name:OUTCOME_WIDTH$}{off}  {group}: {case}"
        )?;
        match outcome.reason() {
            Some(reason) => writeln!(self.stdout, ": {}", one_line(reason)),
            None => writeln!(self.stdout),
        }
    }

    /// What all of it came to.
    pub(super) fn end(&mut self) -> io::Result<Status> {
        let Tally {
            passed,
            failed,
            not_applicable,
        } = self.tally;
        match self.json {
            true => self.line(&Summary {
                passed,
                failed,
                not_applicable,
            })?,
            false => writeln!(self.stdout, "{}", self.tally)?,
        }
        Ok(match failed {
            0 => Status::Success,
            _ => Status::Failure,
        })
    }

    /// Something worth knowing that is no result.
    pub(super) fn note(&mut self, sentence: impl Display) -> io::Result<()> {
        writeln!(self.stderr, "note: {sentence}")
    }

    /// Why there is nothing to report.
    pub(super) fn failure(&mut self, sentence: impl Display) -> io::Result<Status> {
        writeln!(self.stderr, "error: {sentence}")?;
        Ok(Status::Failure)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self.stdout, value)?;
        self.stdout.write_all(b"\n")
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

/// A trap tells its whole stack.
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    passed: usize,
    failed: usize,
    not_applicable: usize,
}
