//! A command that serves ends when its time is over or when somebody interrupts it, and then cleans up.

use std::time::Duration;

/// When the time is over, or on SIGINT (Ctrl-C) or SIGTERM.
pub(super) async fn over(time: Option<Duration>) {
    match time {
        Some(time) => tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = interrupted() => {}
        },
        None => interrupted().await,
    }
}

async fn interrupted() {
    tokio::select! {
        () = ctrl_c() => {}
        () = terminated() => {}
    }
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Where nobody can interrupt, only the time ends it, or the system.
        std::future::pending::<()>().await;
    }
}

/// What `kill` sends. A shell without job control starts background jobs with SIGINT ignored, so that
/// scripts have no other way.
#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
