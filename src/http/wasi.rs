//! The platform of a WASI host: HTTP, clocks, randomness and files. It reads files in the
//! directories that the host gives to the component.
//!
//! Only HTTP and SHA-256 differ between the two builds of the component. The feature
//! `hosted` selects the HTTP client, and lets the host compute hashes.

#[cfg(feature = "hosted")]
use super::host_client as client;
#[cfg(not(feature = "hosted"))]
use super::wasi_http as client;
use super::{Clock, Files, Random};
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};
use wasip2::clocks::monotonic_clock;

/// The platform of a WASI 0.2 host.
#[derive(Debug, Default)]
pub struct Wasi;

/// Returns the time of the host's monotonic clock. Deadlines use this clock.
pub(super) fn monotonic() -> Duration {
    Duration::from_nanos(monotonic_clock::now())
}

/// Returns a duration in nanoseconds, as the host takes it.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A waker that sets a flag. The flag says that the future must be polled again.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end. Returns `None` if nothing can wake the future any more, which
/// is a bug in the future.
pub fn block_on<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&flag));
    let mut context = Context::from_waker(&waker);
    loop {
        while flag.0.swap(false, Ordering::Relaxed) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
        }
        if !client::wait() {
            return None;
        }
    }
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
