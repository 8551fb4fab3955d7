//! The embedded DynamoDB is a real server behind a real socket, and it is gone when its handle is.
//!
//! It is dynoxide (SQLite underneath), served on a free port of 127.0.0.1. It never throttles,
//! leaves no item unprocessed and reports no transaction conflict. Credentials and region may be
//! anything: it looks at the form of a signature only.

mod folder;
mod tables;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use dynoxide::Database;
use tokio::{net::TcpListener, sync::oneshot, time::MissedTickBehavior};

use self::folder::Folder;
use crate::server_thread::ServerThread;

/// How often expired items are deleted from tables that have time to live enabled. DynamoDB
/// itself takes up to a few days, so nothing may depend on it being soon.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Where the embedded DynamoDB keeps its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory: gone with the handle.
    Memory,
    /// In a SQLite file in this folder, which is created where it is missing.
    Folder(PathBuf),
}

impl Storage {
    /// This folder; memory where none is given.
    #[must_use]
    pub fn of(folder: Option<&Path>) -> Self {
        match folder {
            Some(folder) => Self::Folder(folder.to_owned()),
            None => Self::Memory,
        }
    }
}

/// Why the embedded DynamoDB did not start, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The folder cannot be used.
    #[error("the data folder {}: {source}", folder.display())]
    Folder {
        /// The folder that was asked for.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server's port or thread could not be had.
    #[error("the embedded DynamoDB could not start on port {port} of 127.0.0.1: {source}")]
    Start {
        /// The port that was asked for; 0 is a free one.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The engine refused an operation.
    #[error("the embedded DynamoDB refused {operation}: {message}")]
    Engine {
        /// What was asked: a DynamoDB operation, or `open`.
        operation: &'static str,
        /// The engine's own sentence.
        message: String,
    },
}

/// A running embedded DynamoDB. Dropping it stops the server and closes the database.
pub struct Embedded {
    endpoint: String,
    // Before `database`, so that the last handle closes the file after the server has let go of it.
    _server: ServerThread,
    database: Database,
    folder: Option<Folder>,
}

impl Embedded {
    /// Opens or creates the database and serves it on a free port of 127.0.0.1. Waits for other
    /// processes that open the same folder.
    pub async fn start(storage: Storage) -> Result<Self, EmbeddedError> {
        Self::start_on_port(storage, 0).await
    }

    /// As [`start`](Self::start), on this port; 0 is a free one.
    pub async fn start_on_port(storage: Storage, port: u16) -> Result<Self, EmbeddedError> {
        let folder = match storage {
            Storage::Memory => None,
            Storage::Folder(folder) => Some(Folder::new(folder)?),
        };
        let opened = folder.clone();
        let database = tokio::task::spawn_blocking(move || open(opened))
            .await
            .map_err(|error| refused("open", error))??;
        let served = database.clone();
        let server =
            ServerThread::start_on_port("embedded-dynamodb", port, move |listener, stopped| {
                serve(listener, served, stopped)
            });
        let server = server.map_err(|source| EmbeddedError::Start { port, source })?;
        Ok(Self {
            endpoint: server.endpoint(),
            _server: server,
            database,
            folder,
        })
    }

    /// `http://127.0.0.1:PORT`, for the component's `endpoint`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

fn open(folder: Option<Folder>) -> Result<Database, EmbeddedError> {
    let refused = |error: dynoxide::DynoxideError| refused("open", error);
    let Some(folder) = folder else {
        return Database::memory().map_err(refused);
    };
    let _lock = folder.lock()?;
    let database = Database::new(&folder.database()?).map_err(refused)?;
    // SQLite starts out with a sync to disk at every commit, and every item of a batch is one:
    // 10,000 items take 15 s. What the engine calls normal loses the last writes in a power cut,
    // never in a crash of this process, and takes under a second.
    database.disable_bulk_loading().map_err(refused)?;
    Ok(database)
}

fn refused(operation: &'static str, error: impl std::fmt::Display) -> EmbeddedError {
    EmbeddedError::Engine {
        operation,
        message: error.to_string(),
    }
}

async fn serve(listener: TcpListener, database: Database, stopped: oneshot::Receiver<()>) {
    let sweeping = sweep_from_time_to_time(database.clone());
    let serving = dynoxide::server::serve_with_shutdown(listener, database, async {
        let _ = stopped.await;
    });
    tokio::select! {
        // A server that fails shows in every later call as a refused connection.
        _ = serving => {}
        () = sweeping => {}
    }
}

async fn sweep_from_time_to_time(database: Database) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let swept = database.clone();
        // A sweep that fails is made good by the next: expired items count as absent anyway.
        let _ = tokio::task::spawn_blocking(move || swept.sweep_ttl()).await;
    }
}

#[cfg(test)]
mod tests;
