//! A progress bar on standard error. It is shown only on a terminal and only for long
//! work.

use crate::command_line::progress::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::OnceCell;

/// The smallest total that gets a bar. A bar for less would vanish before anyone could
/// read it.
const WORTH_SHOWING: u64 = 1000;
/// The template, as wide as the terminal.
const TEMPLATE: &str = "{wide_bar} {human_pos} of {human_len}  {per_sec}  {eta} left";

/// A progress bar that draws only on a terminal.
pub struct Bar {
    is_terminal: bool,
    target: Box<dyn Fn() -> ProgressDrawTarget>,
    bar: OnceCell<ProgressBar>,
}

impl Bar {
    /// Returns a bar on the standard error of the process.
    pub fn on_stderr(is_terminal: bool) -> Self {
        Self::new(is_terminal, ProgressDrawTarget::stderr)
    }

    fn new(is_terminal: bool, target: impl Fn() -> ProgressDrawTarget + 'static) -> Self {
        Self {
            is_terminal,
            target: Box::new(target),
            bar: OnceCell::new(),
        }
    }
}

impl Progress for Bar {
    fn begin(&self, total: u64) {
        if !self.is_terminal || total < WORTH_SHOWING {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(total), (self.target)());
        // An invalid template would leave the default style.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        self.bar.get_or_init(|| bar).tick();
    }

    fn advance(&self, done: u64) {
        if let Some(bar) = self.bar.get() {
            bar.inc(done);
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::InMemoryTerm;

    const COLUMNS: u16 = 80;

    /// Returns the screen of a terminal at the beginning, after each step, and at the end.
    fn shown(is_terminal: bool, total: u64, steps: &[u64]) -> Vec<String> {
        let terminal = InMemoryTerm::new(5, COLUMNS);
        let screen = terminal.clone();
        let bar = Bar::new(is_terminal, move || {
            ProgressDrawTarget::term_like(Box::new(terminal.clone()))
        });
        bar.begin(total);
        let mut shown = vec![screen.contents()];
        for step in steps {
            bar.advance(*step);
            shown.push(screen.contents());
        }
        bar.end();
        shown.push(screen.contents());
        shown
    }

    #[test]
    fn bar_shows_every_step_and_then_disappears() {
        let shown = shown(true, 2500, &[1000, 1000, 500]);
        let steps = ["0 of 2,500", "1,000 of 2,500", "2,000 of 2,500"];
        let steps = steps.into_iter().chain(["2,500 of 2,500"]);
        for (step, shown) in steps.zip(&shown) {
            assert!(shown.contains(&format!(" {step}  ")), "{shown}");
            assert!(shown.ends_with(" left"), "{shown}");
            assert_eq!(shown.lines().count(), 1, "{shown}");
        }
        let filled = |shown: &String| shown.chars().filter(|cell| *cell == '█').count();
        let filled: Vec<usize> = shown.iter().map(filled).collect();
        assert!(filled.is_sorted_by(|a, b| a < b || *b == 0), "{filled:?}");
        assert!(!shown[3].contains('░'), "{}", shown[3]);
        assert_eq!(shown.last().map(String::as_str), Some(""));
    }

    #[test]
    fn pipe_and_short_work_get_no_bar() {
        for (is_terminal, total) in [(false, 2500), (true, WORTH_SHOWING - 1)] {
            let shown = shown(is_terminal, total, &[total]);
            assert!(shown.iter().all(String::is_empty), "{shown:?}");
        }
        assert_ne!(shown(true, WORTH_SHOWING, &[])[0], "");
    }
}
