//! Results go to standard output and everything else to standard error, so that a result can be
//! piped on. With `--json`, standard output is JSON and nothing else, one value a line.

use super::model::Failure;
use super::print::FailureJson;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::io::{self, Write};

/// The looks of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person or a pipe.
    Plain,
    /// For a program.
    Json,
}

/// The streams that answers go to.
pub struct Output<'a> {
    /// Plain or JSON.
    pub format: Format,
    /// Results.
    pub stdout: &'a mut dyn Write,
    /// Notes and errors.
    pub stderr: &'a mut dyn Write,
    /// True if a person reads standard output: then a value ends with a line break.
    pub stdout_is_terminal: bool,
    /// True if standard error takes colours.
    pub stderr_in_color: bool,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = Style::new().dimmed();

impl Output<'_> {
    /// Returns true if `--json` was asked for.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// A line of text.
    pub fn line(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.stdout, "{line}")
    }

    /// A value byte for byte.
    pub fn value(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes)?;
        if self.stdout_is_terminal && !bytes.ends_with(b"\n") {
            self.stdout.write_all(b"\n")?;
        }
        Ok(())
    }

    /// One line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self.stdout, value)?;
        self.stdout.write_all(b"\n")
    }

    /// Something worth knowing that is not the result.
    pub fn note(&mut self, sentence: impl std::fmt::Display) -> io::Result<()> {
        let (on, off) = self.styled(NOTE);
        writeln!(self.stderr, "{on}note:{off} {sentence}")
    }

    /// An error, for a person.
    pub fn error_line(&mut self, sentence: impl std::fmt::Display) -> io::Result<()> {
        let (on, off) = self.styled(ERROR);
        writeln!(self.stderr, "{on}error:{off} {sentence}")
    }

    /// The error that ended a call, for a person and, with `--json`, for a program.
    pub fn failure(&mut self, failure: &Failure) -> io::Result<()> {
        #[derive(Serialize)]
        struct Line<'f> {
            error: FailureJson<'f>,
        }
        self.error_line(failure)?;
        if self.is_json() {
            self.json(&Line {
                error: FailureJson::new(failure),
            })?;
        }
        Ok(())
    }

    fn styled(&self, style: Style) -> (String, String) {
        match self.stderr_in_color {
            true => (style.render().to_string(), style.render_reset().to_string()),
            false => (String::new(), String::new()),
        }
    }
}
