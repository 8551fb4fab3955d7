//! What the core takes from outside: HTTP, files, time and randomness. Nothing
//! else in it reaches beyond its arguments, so a native test can fix them all.

use crate::aws::message::{Request, Response, TransportError};
use std::future::Future;
use std::io;
use std::time::{Duration, SystemTime};

/// Sends one HTTP request and reads the whole answer.
pub trait Transport {
    /// Sends `request`. Never waits longer than its `timeouts.total`.
    ///
    /// # Errors
    ///
    /// The cause of the failure, which also tells whether the request may have
    /// reached DynamoDB.
    fn send(&self, request: Request<'_>) -> impl Future<Output = Result<Response, TransportError>>;
}

/// Time.
pub trait Clock {
    /// Wall clock time: what requests are signed with and items expire by.
    fn now(&self) -> SystemTime;

    /// Time since any fixed moment, never going back: what timeouts use.
    fn monotonic(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// Randomness for ETags, tokens and jitter.
pub trait Random {
    /// Uniformly random bits. ETags rest on it, so it must not repeat across
    /// instances.
    fn random(&self) -> u64;
}

/// Files that the host lends: those that hold credentials.
pub trait Files {
    /// Reads a whole file, as it is now.
    ///
    /// # Errors
    ///
    /// Those of the file system; `FileTooLarge` where it has more than `longest`
    /// bytes.
    fn read(&self, path: &str, longest: u64) -> io::Result<Vec<u8>>;
}

/// All of them. It outlives the call that it is made for: what refreshes
/// credentials keeps it.
pub trait Platform: Transport + Clock + Random + Files + 'static {}

impl<T: Transport + Clock + Random + Files + 'static> Platform for T {}
