//! A bar on standard error for whoever waits, where that is a terminal.

use std::{borrow::Cow, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// As wide as the terminal.
const TEMPLATE: &str = "{wide_bar} {pos} of {len}  {elapsed}  {msg}";
/// How often the time is drawn anew: rarely, since drawing is work on the machine that is measured.
const TICK: Duration = Duration::from_secs(1);

/// How far the benchmark is. A clone moves the same bar.
#[derive(Clone, Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// `steps` in all.
    pub(super) fn new(is_terminal: bool, steps: usize) -> Self {
        let target = match is_terminal {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        // A template that does not parse would leave the bar in its default looks.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        if is_terminal {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }

    /// Says what is measured now.
    pub(super) fn now(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }

    /// One step is done.
    pub(super) fn advance(&self) {
        self.0.inc(1);
    }

    /// So many steps are done.
    pub(super) fn reach(&self, steps: usize) {
        self.0.set_position(steps as u64);
    }

    /// Wipes the bar away.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
