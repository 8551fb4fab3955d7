//! The common part of commands that serve: a port, and a clean end. A reader of the endpoint may
//! end the command at once, so the command listens for signals before it prints the endpoint.

use clap::Args;
use std::io;
use std::time::Duration;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Status, Surroundings};

/// `--port` and `--for`
#[derive(Debug, Args)]
pub struct Serving {
    /// Listen on this port of 127.0.0.1; by default a free one
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub port: u16,
    /// Stop after this time, such as 30s; by default, run until interrupted
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
}

impl Serving {
    /// Prints the endpoint and waits for the end.
    pub async fn serve(
        &self,
        endpoint: &str,
        surroundings: &mut Surroundings<'_>,
    ) -> io::Result<Status> {
        let interruption = Interruption::listen();
        writeln!(surroundings.stdout, "{endpoint}")?;
        surroundings.stdout.flush()?;
        self.over(interruption).await;
        Ok(Status::Success)
    }

    /// Returns when the time is over or a signal arrives.
    pub async fn over(&self, mut interruption: Interruption) {
        match self.time {
            Some(time) => tokio::select! {
                () = tokio::time::sleep(time) => {}
                () = interruption.came() => {}
            },
            None => interruption.came().await,
        }
    }
}

/// Waits for SIGINT (Ctrl-C) or SIGTERM. `kill` sends SIGTERM. Scripts need it, because a shell
/// without job control starts background jobs with SIGINT ignored.
#[cfg(unix)]
pub struct Interruption([Option<Signal>; 2]);

#[cfg(unix)]
impl Interruption {
    /// Starts to listen for the signals.
    pub fn listen() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Self(kinds.map(|kind| signal(kind).ok()))
    }

    async fn came(&mut self) {
        let Self([interrupt, terminate]) = self;
        tokio::select! {
            () = received(interrupt) => {}
            () = received(terminate) => {}
        }
    }
}

/// Waits for a signal. A signal without a listener keeps its default effect and ends the process.
#[cfg(unix)]
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub struct Interruption;

#[cfg(not(unix))]
impl Interruption {
    /// Starts to listen for the signal.
    pub fn listen() -> Self {
        Self
    }

    async fn came(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
