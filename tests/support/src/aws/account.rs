//! An AWS account: its current access keys and AWS's clock. Every secret created here contains
//! [`CANARY`], so that tests can search logs for secrets.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// A text that every secret contains.
pub const CANARY: &str = "c4n4ry";

/// The number of characters of an access key ID.
const ID_LENGTH: usize = 20;

/// An account. Its clones share their state.
#[derive(Clone, Default)]
pub struct Account {
    keys: Arc<Mutex<HashMap<String, Key>>>,
    issued: Arc<AtomicU64>,
    all_expired: Arc<AtomicBool>,
    clock: Clock,
}

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The access key ID.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token of a temporary key.
    pub session_token: Option<String>,
    /// The time at which the key expires.
    pub expiry: Option<SystemTime>,
}

impl Account {
    /// Returns an account without keys, with this machine's clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the account's clock, which can be set ahead.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Creates a key of a user, which does not expire. Its ID begins with `AKIA` and the label.
    pub fn user(&self, label: &str) -> Key {
        self.add(&format!("AKIA{label}"), None)
    }

    /// Creates a key of a role's session, which expires after `lifetime`. Its ID begins with `ASIA`
    /// and the label.
    pub fn session(&self, label: &str, lifetime: Duration) -> Key {
        self.add(&format!("ASIA{label}"), Some(self.clock.now() + lifetime))
    }

    fn add(&self, prefix: &str, expiry: Option<SystemTime>) -> Key {
        let number = self.issued.fetch_add(1, Ordering::SeqCst);
        let key = Key {
            id: format!(
                "{prefix}{number:0>width$}",
                width = ID_LENGTH.saturating_sub(prefix.len())
            ),
            // Contains characters that often break forms, headers and JSON.
            secret: format!("{CANARY}/secret+{number}="),
            session_token: expiry
                .map(|_| format!("{CANARY}/token+{number}//=={}", "t".repeat(400))),
            expiry,
        };
        self.insert(key.clone());
        key
    }

    /// Adds this key, in place of any key with the same ID.
    pub fn insert(&self, key: Key) {
        self.lock().insert(key.id.clone(), key);
    }

    /// Removes the key with this ID.
    pub fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Expires the key now, whatever expiry its holder was given.
    pub fn expire(&self, id: &str) {
        if let Some(key) = self.lock().get_mut(id) {
            key.expiry = Some(SystemTime::UNIX_EPOCH);
        }
    }

    /// Makes all keys count as expired, including future ones, or ends that.
    pub fn expire_all(&self, expired: bool) {
        self.all_expired.store(expired, Ordering::SeqCst);
    }

    /// Returns true if this key has expired.
    pub(super) fn has_expired(&self, key: &Key) -> bool {
        let over = key.expiry.is_some_and(|expiry| expiry <= self.clock.now());
        over || self.all_expired.load(Ordering::SeqCst)
    }

    /// Returns the key with this ID.
    pub fn key(&self, id: &str) -> Option<Key> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Key>> {
        // A panic elsewhere cannot leave a key half written.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ids: Vec<String> = self.lock().keys().cloned().collect();
        ids.sort();
        f.debug_tuple("Account").field(&ids).finish()
    }
}

/// The maximum difference between a request's time and AWS's clock.
///
/// Source: "Elements of an AWS API request signature" in the IAM User Guide.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// AWS's clock. Its clones share their state. A test sets it ahead, so that credentials expire
/// without waiting. A client learns the new time from a refused signature and follows it from then
/// on.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// The seconds by which it is ahead of this machine's clock.
    ahead: Arc<AtomicU64>,
}

impl Clock {
    /// Returns the current time.
    pub fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.ahead.load(Ordering::SeqCst))
    }

    /// Sets the clock ahead by this many more whole seconds.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// Returns true if AWS accepts a request that was signed at this time.
    pub(super) fn tolerates(&self, signed: SystemTime) -> bool {
        let now = self.now();
        let off = now.duration_since(signed);
        off.unwrap_or_else(|ahead| ahead.duration()) <= TOLERANCE
    }

    /// Returns the time in the format of the header field `Date`.
    pub(super) fn date(&self) -> String {
        httpdate::fmt_http_date(self.now())
    }
}
