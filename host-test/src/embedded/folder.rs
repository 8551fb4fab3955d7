//! A data folder on disk. One process at a time opens it or creates a table in it.
//!
//! The engine first checks which tables exist and then creates the missing ones. SQLite's own locks
//! do not span these two steps, so a lock file does.

use crate::command_line::Failure;
use std::fs::{self, File, TryLockError};
use std::path::{self, Path, PathBuf};
use std::time::{Duration, Instant};
use std::{io, thread};

/// The database's file.
const DATABASE: &str = "dynamodb.sqlite";
/// The file that is locked meanwhile. It is never deleted: deleting it would let two processes in.
const LOCK: &str = "dynamodb.lock";
/// The time limit of waiting for other processes. Each holds the lock for some milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause between two tries.
const LOCK_INTERVAL: Duration = Duration::from_millis(10);

/// A folder that holds a database.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Creates the folder if it is missing.
    pub(super) fn new(folder: PathBuf) -> Result<Self, Failure> {
        let made = fs::create_dir_all(&folder);
        // SQLite reads a path that begins with `file:` as a URI. An absolute path never begins so:
        // <https://sqlite.org/uri.html>.
        match made.and_then(|()| path::absolute(&folder)) {
            Ok(absolute) => Ok(Self(absolute)),
            Err(error) => Err(refused(&folder, error)),
        }
    }

    /// Returns the path of the database's file.
    pub(super) fn database(&self) -> Result<String, Failure> {
        let file = self.0.join(DATABASE).into_os_string();
        file.into_string().map_err(|_| {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "its path is not UTF-8");
            refused(&self.0, error)
        })
    }

    /// Waits until no other process opens the folder or creates a table in it. Returns the locked
    /// file; dropping it releases the lock.
    pub(super) fn lock(&self) -> Result<File, Failure> {
        self.lock_within(LOCK_TIMEOUT)
            .map_err(|error| refused(&self.0, error))
    }

    fn lock_within(&self, timeout: Duration) -> io::Result<File> {
        let path = self.0.join(LOCK);
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if began.elapsed() < timeout => {
                    thread::sleep(LOCK_INTERVAL);
                }
                Err(TryLockError::WouldBlock) => {
                    let sentence = format!(
                        "another process has held {LOCK} for {timeout:?}: stop it or use another folder"
                    );
                    return Err(io::Error::new(io::ErrorKind::TimedOut, sentence));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

fn refused(folder: &Path, error: io::Error) -> Failure {
    Failure::here(format_args!(
        "the data folder {}: {error}",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_waits_for_release_and_times_out() {
        let kept = tempfile::tempdir().unwrap();
        let folder = Folder::new(kept.path().to_owned()).unwrap();
        let held = folder.lock().unwrap();
        let error = folder.lock_within(Duration::ZERO).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let waiting = thread::spawn(move || folder.lock().is_ok());
        drop(held);
        assert!(waiting.join().unwrap());
    }
}
