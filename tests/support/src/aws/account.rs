//! The access keys that an AWS account has at the moment, and the clock that AWS goes by. A secret that is made up here says
//! so: whoever looks for secrets in logs looks for [`CANARY`].

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// A text that every secret has in it.
pub const CANARY: &str = "c4n4ry";

/// Characters of an access key ID.
const ID_LENGTH: usize = 20;

/// An account; its clones are the same one.
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
    /// When it expires.
    pub expiry: Option<SystemTime>,
}

impl Account {
    /// An account without keys, whose clock is this machine's.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its clock, which may be set ahead.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A new key of a user: it does not expire. Its ID begins with `AKIA` and the label.
    pub fn user(&self, label: &str) -> Key {
        self.add(&format!("AKIA{label}"), None)
    }

    /// A new key of a role's session, which expires after so much time. Its ID begins with `ASIA` and the
    /// label.
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
            // With the characters that forms, headers and JSON may trip over.
            secret: format!("{CANARY}/secret+{number}="),
            session_token: expiry
                .map(|_| format!("{CANARY}/token+{number}//=={}", "t".repeat(400))),
            expiry,
        };
        self.insert(key.clone());
        key
    }

    /// Has this key from now on, in place of one of the same ID.
    pub fn insert(&self, key: Key) {
        self.lock().insert(key.id.clone(), key);
    }

    /// Has no such key any more.
    pub fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// The key has expired, whatever its holder was told.
    pub fn expire(&self, id: &str) {
        if let Some(key) = self.lock().get_mut(id) {
            key.expiry = Some(SystemTime::UNIX_EPOCH);
        }
    }

    /// From now on all keys count as expired, also those to come; or they count as what they are.
    pub fn expire_all(&self, expired: bool) {
        self.all_expired.store(expired, Ordering::SeqCst);
    }

    /// Says that this key is good no more.
    pub(super) fn has_expired(&self, key: &Key) -> bool {
        let over = key.expiry.is_some_and(|expiry| expiry <= self.clock.now());
        over || self.all_expired.load(Ordering::SeqCst)
    }

    /// The key of this ID.
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

/// How far a request's time may be off.
///
/// Source: "Elements of an AWS API request signature" in the IAM User Guide.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The clock that AWS goes by; its clones are the same one. A test sets it ahead, so that credentials expire without waiting: a
/// client that is told so by a refused signature reckons with it from then on.
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

    /// Says that a request may have been signed at this time.
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
