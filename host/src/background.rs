//! A background thread for work that several runtimes wait for.
//!
//! A task on the embedder's runtime makes no progress while nobody drives that runtime, and everyone who waits for the task
//! waits as long. So work that runtimes share, such as a DNS lookup or fetching credentials, runs here.

use std::sync::{Mutex, PoisonError};
use std::{io, thread};
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

/// The limit of threads that block at a time, in `getaddrinfo` for example. Further work waits for a free thread.
///
/// Each [`Egress`](crate::Egress) can block 32 threads on name servers that do not respond, and must not take the threads of
/// the others. A thread ends after it was idle for 10 s.
const BLOCKING_THREADS: usize = 512;

static BACKGROUND: Mutex<Option<Background>> = Mutex::new(None);

struct Background {
    runtime: Handle,
    /// The process that started the thread. Threads do not survive a fork, so a child process starts its own.
    process: u32,
}

/// Runs `work` to its end, even if the returned handle is dropped.
///
/// Errors: the operating system cannot start a thread.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Ok(runtime()?.spawn(work))
}

fn runtime() -> io::Result<Handle> {
    let process = std::process::id();
    let mut background = BACKGROUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(started) = &*background
        && started.process == process
    {
        return Ok(started.runtime.clone());
    }
    let runtime = start()?;
    *background = Some(Background {
        runtime: runtime.clone(),
        process,
    });
    Ok(runtime)
}

/// Starts the thread. It waits for work until the process ends.
fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("dapr-wasm-blocking")
        .build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("dapr-wasm-background".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_runs_without_a_runtime_of_the_embedder() {
        let (done, wait) = std::sync::mpsc::channel();
        drop(spawn(async move { done.send(()) }).unwrap());
        wait.recv().unwrap();
    }
}
