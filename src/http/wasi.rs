//! The platform of a WASI host: HTTP, clocks, randomness and files. It reads files in the
//! directories that the host gives to the component.
//!
//! HTTP is the only part that differs between the two builds of the component. The feature
//! `hosted` selects the client.

#[cfg(feature = "hosted")]
use super::host_client as client;
#[cfg(not(feature = "hosted"))]
use super::wasi_http as client;
use super::{Clock, Files, Random};
pub use client::block_on;
#[cfg(feature = "hosted")]
pub use client::sha256;
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, SystemTime};
use wasip2::clocks::monotonic_clock;

/// The platform of a WASI 0.2 host.
#[derive(Debug, Default)]
pub struct Wasi;

/// Returns the time of the host's monotonic clock. Deadlines use this clock.
pub(super) fn monotonic() -> Duration {
    Duration::from_nanos(monotonic_clock::now())
}

impl Clock for Wasi {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        client::sleep_until(monotonic().saturating_add(duration)).await;
    }
}

impl Random for Wasi {
    fn random(&self) -> u64 {
        wasip2::random::random::get_random_u64()
    }
}

impl Files for Wasi {
    fn read(&self, path: &str, longest: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        let read = file
            .take(longest.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if u64::try_from(read).is_ok_and(|read| read <= longest) {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        }
    }
}
