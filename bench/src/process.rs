//! Prepares the process that measures: a dedicated thread, a raised limit of open files, and a progress bar.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Runs `work` on a dedicated thread with its own runtime, so that the work of the caller's runtime is not counted.
pub(super) async fn on_own_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    allow_open_files();
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("bench".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let result = match runtime {
                Ok(runtime) => runtime.block_on(work()),
                Err(error) => Err(error.into()),
            };
            // Sending fails only if the caller no longer waits for the result.
            let _ = done.send(result);
        })?;
    result.await.ok().context("the benchmark panicked")?
}

/// Raises the soft limit of open files to the hard limit. Without this, calls may fail with "too many open files".
///
/// 64 tasks that each write four batches have 256 connections. Both ends of each are in this process, and the idle
/// connections of the previous contender are still open. The default soft limit of many systems is 1,024.
#[cfg(unix)]
pub(super) fn allow_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(unix))]
pub(super) fn allow_open_files() {}

/// The template of the progress bar, which is as wide as the terminal.
const TEMPLATE: &str = "{wide_bar} {pos} of {len}  {elapsed}  {msg}";
/// The time between two redraws of the progress bar. Drawing takes processor time on the machine that is measured.
const TICK: Duration = Duration::from_secs(1);

/// Makes a progress bar on standard error. It is hidden unless standard error is a terminal.
pub(super) fn progress_bar(is_terminal: bool, steps: usize) -> ProgressBar {
    let target = match is_terminal {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    // If the template did not parse, the bar would keep its default style.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    if is_terminal {
        bar.enable_steady_tick(TICK);
    }
    bar
}
