//! Writes results to standard output and everything else to standard error, so results can be
//! piped. With `--json`, standard output is only JSON, one value per line.

use super::model::Failure;
use super::print::FailureJson;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::io::{self, Write};

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text for a user or a pipe.
    Plain,
    /// JSON for a program.
    Json,
}

/// The output streams and their settings.
pub struct Output<'a> {
    /// Plain or JSON.
    pub format: Format,
    /// Results.
    pub stdout: &'a mut dyn Write,
    /// Notes and errors.
    pub stderr: &'a mut dyn Write,
    /// True if standard output is a terminal. Then a value ends with a line break.
    pub stdout_is_terminal: bool,
    /// True if standard error shows colours.
    pub stderr_in_color: bool,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = Style::new().dimmed();

impl Output<'_> {
    /// Returns true if `--json` was given.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a line of text.
    pub fn line(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.stdout, "{line}")
    }

    /// Prints a value byte for byte.
    pub fn value(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes)?;
        if self.stdout_is_terminal && !bytes.ends_with(b"\n") {
            self.stdout.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Prints one line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self.stdout, value)?;
        self.stdout.write_all(b"\n")
    }

    /// Prints a note, which is not part of the result.
    pub fn note(&mut self, sentence: impl std::fmt::Display) -> io::Result<()> {
        let (on, off) = self.styled(NOTE);
        writeln!(self.stderr, "{on}note:{off} {sentence}")
    }

    /// Prints an error for the user.
    pub fn error_line(&mut self, sentence: impl std::fmt::Display) -> io::Result<()> {
        let (on, off) = self.styled(ERROR);
        writeln!(self.stderr, "{on}error:{off} {sentence}")
    }

    /// Prints the error that ended a call, for the user and, with `--json`, also as JSON.
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
