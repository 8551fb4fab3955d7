//! The process that measures: a thread of its own, as many open files as it may have, and a progress bar.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Runs `work` on one thread with a runtime of its own, so that the work of the caller's runtime is not counted.
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
            // Nobody waits any more: then there is nobody to tell.
            let _ = done.send(result);
        })?;
    result.await.ok().context("the benchmark panicked")?
}

/// Raises the limit of open files as far as this process may; beyond it, a call says that too many files are open.
///
/// 64 tasks that write four batches each have 256 connections, of which both ends are here, and those of the contender before
/// are still kept. Many systems allow 1,024 unless they are asked for more.
#[cfg(unix)]
pub(super) fn allow_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(unix))]
pub(super) fn allow_open_files() {}

/// As wide as the terminal.
const TEMPLATE: &str = "{wide_bar} {pos} of {len}  {elapsed}  {msg}";
/// The time between two drawings: rarely, since drawing is work on the machine that is measured.
const TICK: Duration = Duration::from_secs(1);

/// Makes a progress bar on standard error, which is seen if that is a terminal.
pub(super) fn progress_bar(is_terminal: bool, steps: usize) -> ProgressBar {
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
    bar
}
