//! How long the credentials live that a stand-in gives out.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{Account, Key};

/// What AWS gives where nobody asks for another.
const HOUR: Duration = Duration::from_secs(3600);

/// Gives out sessions of an account.
pub(super) struct Issue {
    account: Account,
    label: &'static str,
    seconds: AtomicU64,
}

impl Issue {
    /// The IDs of the keys have this label.
    pub(super) fn of(account: &Account, label: &'static str) -> Self {
        Self {
            account: account.clone(),
            label,
            seconds: AtomicU64::new(HOUR.as_secs()),
        }
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        self.seconds.store(lifetime.as_secs(), Ordering::SeqCst);
    }

    pub(super) fn session(&self) -> Key {
        let seconds = self.seconds.load(Ordering::SeqCst);
        self.account
            .session(self.label, Duration::from_secs(seconds))
    }
}

/// When the key expires, as AWS writes it: `2009-11-23T00:00:00Z`.
pub(super) fn expiration(key: &Key) -> String {
    key.expiry.map_or_else(String::new, |expiry| {
        humantime::format_rfc3339_seconds(expiry).to_string()
    })
}
