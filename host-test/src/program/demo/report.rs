//! Prints one line per call: a mark for the verdict, the call, its time and its result. A result
//! that does not fit on the line of a terminal is wrapped below it.

use super::super::{Status, Terminal};
use anstyle::{AnsiColor, Style};
use dapr_wasm_host::CallError;
use std::future::Future;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// The width of the column for the call. With it, most results fit beside it in 80 columns.
const CALL_WIDTH: usize = 32;
/// The width of the column for the time.
const TIME_WIDTH: usize = 9;
/// The space before the first column and between columns; `BENEATH` indents a wrapped result.
const GAP: &str = "  ";
const BENEATH: &str = "      ";

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

/// The verdict on a call.
pub(super) enum Verdict {
    /// The result is as the contract promises.
    AsPromised(String),
    /// The result is different.
    Otherwise(String),
}

/// Prints the lines and counts the calls.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    in_color: bool,
    columns: Option<usize>,
    began: Instant,
    calls: usize,
    otherwise: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write, terminal: Terminal) -> Self {
        Self {
            out,
            in_color: terminal.color_on_stdout,
            columns: terminal.columns_of_stdout,
            began: Instant::now(),
            calls: 0,
            otherwise: 0,
        }
    }

    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        let heading = self.paint(HEADING, text);
        writeln!(self.out, "\n{heading}")?;
        self.out.flush()
    }

    /// Prints a step of the harness itself.
    pub(super) fn fact(&mut self, what: &str, took: Duration, told: &str) -> io::Result<()> {
        self.line((FAINT, "·"), what, took, (PLAIN, told))
    }

    /// Makes a call, judges its result, and prints both. Returns the result, if there is one, for
    /// the calls that build on it.
    pub(super) async fn call<T>(
        &mut self,
        what: &str,
        call: impl Future<Output = Result<T, CallError>>,
        judge: impl FnOnce(&Result<T, CallError>) -> Verdict,
    ) -> io::Result<Option<T>> {
        let began = Instant::now();
        let answer = call.await;
        let took = began.elapsed();
        self.calls += 1;
        match judge(&answer) {
            Verdict::AsPromised(told) => {
                self.line((GOOD, "✓"), what, took, (PLAIN, &told))?;
            }
            Verdict::Otherwise(told) => {
                self.otherwise += 1;
                self.line((BAD, "✗"), what, took, (BAD, &told))?;
            }
        }
        Ok(answer.ok())
    }

    /// Prints the summary.
    pub(super) fn end(&mut self) -> io::Result<Status> {
        let (calls, took) = (self.calls, self.began.elapsed());
        let (sum, status) = match self.otherwise {
            0 => {
                let sum = format!("All {calls} calls behaved as promised, in {took:.1?}.");
                (self.paint(GOOD, &sum), Status::Success)
            }
            otherwise => {
                let sum = format!("{otherwise} of {calls} calls did not behave as promised.");
                (self.paint(BAD, &sum), Status::Failure)
            }
        };
        writeln!(self.out, "\n{sum}")?;
        self.out.flush()?;
        Ok(status)
    }

    fn line(
        &mut self,
        (mark_style, mark): (Style, &str),
        what: &str,
        took: Duration,
        (told_style, told): (Style, &str),
    ) -> io::Result<()> {
        let time = format!("{:>TIME_WIDTH$}", milliseconds(took));
        let told = told.replace('\n', " ");
        let width = |text: &str| textwrap::core::display_width(text);
        let before = 3 * GAP.len() + width(what).max(CALL_WIDTH) + width(&time);
        let fits = |columns| before + width(mark) + 1 + width(&told) <= columns;
        let (beside, beneath) = match self.columns {
            Some(columns) if !fits(columns) => {
                let room = columns.saturating_sub(BENEATH.len());
                ("", textwrap::wrap(&told, room.max(CALL_WIDTH)))
            }
            _ => (told.as_str(), Vec::new()),
        };
        let (mark, time) = (self.paint(mark_style, mark), self.paint(FAINT, &time));
        write!(self.out, "{GAP}{mark} {what:<CALL_WIDTH$}{GAP}{time}")?;
        if !beside.is_empty() {
            write!(self.out, "{GAP}{}", self.paint(told_style, beside))?;
        }
        for line in beneath {
            write!(self.out, "\n{BENEATH}{}", self.paint(told_style, &line))?;
        }
        writeln!(self.out)?;
        self.out.flush()
    }

    fn paint(&self, style: Style, text: &str) -> String {
        match self.in_color {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }
}

/// Expects success. `tell` describes the result.
pub(super) fn goes_well<T>(
    tell: impl FnOnce(&T) -> String,
) -> impl FnOnce(&Result<T, CallError>) -> Verdict {
    holds(|_| true, tell)
}

/// Expects success with a result that `is_right` accepts.
pub(super) fn holds<T>(
    is_right: impl FnOnce(&T) -> bool,
    tell: impl FnOnce(&T) -> String,
) -> impl FnOnce(&Result<T, CallError>) -> Verdict {
    move |answer| match answer {
        Ok(answer) if is_right(answer) => Verdict::AsPromised(tell(answer)),
        Ok(answer) => Verdict::Otherwise(format!("unexpected: {}", tell(answer))),
        Err(error) => Verdict::Otherwise(error.to_string()),
    }
}

/// Expects the component to refuse with this case.
pub(super) fn is_refused<T>(case: &'static str) -> impl FnOnce(&Result<T, CallError>) -> Verdict {
    move |answer| match answer {
        Ok(_) => Verdict::Otherwise(format!("not refused; expected {case}")),
        Err(error) => match error.component() {
            Some(of_component) if of_component.case() == case => {
                Verdict::AsPromised(format!("refused, as expected: {of_component}"))
            }
            _ => Verdict::Otherwise(error.to_string()),
        },
    }
}

fn milliseconds(took: Duration) -> String {
    let digits = match took.as_secs() {
        0 => 2,
        _ => 1,
    };
    format!("{:.digits$} ms", took.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "refused, as expected: etag-mismatch: there is none under the key \"k\"";

    fn printed(columns: Option<usize>, told: &str) -> String {
        let mut out = Vec::new();
        let terminal = Terminal {
            columns_of_stdout: columns,
            ..Terminal::default()
        };
        let mut report = Report::new(&mut out, terminal);
        let took = Duration::from_micros(1500);
        report.fact("set k", took, told).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn long_result_wraps_below_its_call() {
        let beside = format!("  · {:<32}    1.50 ms  ", "set k");
        let room = 80 - beside.chars().count();
        let (fits, too_long) = ("x".repeat(room), "x".repeat(room + 1));
        assert_eq!(printed(Some(80), &fits), format!("{beside}{fits}\n"));
        let beneath = printed(Some(80), &too_long);
        assert_eq!(
            beneath,
            format!("{}\n      {too_long}\n", beside.trim_end())
        );
        let wrapped = printed(Some(60), LONG);
        assert!(wrapped.lines().all(|line| line.chars().count() <= 60));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let (wrapped, whole): (Vec<_>, Vec<_>) = (words(&wrapped), words(LONG));
        assert!(wrapped.ends_with(&whole), "{wrapped:?}");
    }

    #[test]
    fn pipe_gets_one_line_per_call_of_any_length() {
        let told = LONG.repeat(5);
        assert!(printed(None, &told).ends_with(&format!("  {told}\n")));
        assert_eq!(printed(None, "a\nb").lines().count(), 1);
    }
}
