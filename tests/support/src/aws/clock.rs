//! The clock that AWS goes by. A test sets it ahead, so that credentials expire without waiting: a client
//! that is told so by a refused signature reckons with it from then on.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, SystemTime};

/// How far a request's time may be off.
///
/// Source: "Elements of an AWS API request signature" in the IAM User Guide.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// A clock; its clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Seconds before this machine's clock.
    ahead: Arc<AtomicU64>,
}

impl Clock {
    /// The time.
    pub fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.ahead.load(Ordering::SeqCst))
    }

    /// Sets it ahead by so many whole seconds more.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// Whether a request may have been signed at this time.
    pub(super) fn tolerates(&self, signed: SystemTime) -> bool {
        let now = self.now();
        let off = now.duration_since(signed);
        off.unwrap_or_else(|ahead| ahead.duration()) <= TOLERANCE
    }

    /// The time as the field `Date` has it.
    pub(super) fn date(&self) -> String {
        httpdate::fmt_http_date(self.now())
    }
}
