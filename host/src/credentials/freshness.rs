//! Decides when credentials are fetched again: before they expire, not immediately after an answer, and not in all processes at
//! the same time.

use super::{NoCredentials, is_same};
use aws_credential_types::Credentials;
use ring::rand::{SecureRandom, SystemRandom};
use std::time::{Duration, SystemTime};

/// The longest time before expiry at which credentials are renewed. A component with lent credentials may ask earlier, and
/// then gets the same ones.
const LEAD: Duration = Duration::from_secs(180);

/// The time after which credentials without an expiry are fetched again, because their files may have been replaced.
const UNLIMITED: Duration = Duration::from_secs(15 * 60);

/// The minimum time between a result of the source and the next request to it, even if the result is a failure or the same
/// credentials.
const PAUSE: Duration = Duration::from_secs(5);

/// The last answer of a credential source.
#[derive(Default)]
pub(super) struct Cached {
    credentials: Option<Credentials>,
    refusal: Option<NoCredentials>,
    /// The time when the source is asked again.
    ask_at: Option<SystemTime>,
    /// The time until which the source is not asked, even if a service refuses the credentials.
    paused_until: Option<SystemTime>,
}

pub(super) enum Freshness {
    Fresh(Credentials),
    /// Usable, but due for renewal.
    Old(Credentials),
    /// There are none, and the source failed a moment ago.
    Refused(NoCredentials),
    Unknown,
}

impl Cached {
    pub(super) fn at(&self, now: SystemTime) -> Freshness {
        let is_due = self.ask_at.is_none_or(|ask_at| ask_at <= now);
        let usable = self.credentials.as_ref();
        match usable.filter(|credentials| !is_over(credentials, now)) {
            Some(credentials) if is_due => Freshness::Old(credentials.clone()),
            Some(credentials) => Freshness::Fresh(credentials.clone()),
            None => match self.refusal {
                Some(reason) if !is_due => Freshness::Refused(reason),
                _ => Freshness::Unknown,
            },
        }
    }

    /// Stores an answer and returns the credentials to use: after a failure, the earlier ones if they are still valid.
    pub(super) fn learn(
        &mut self,
        answer: Result<Credentials, NoCredentials>,
        now: SystemTime,
    ) -> Result<Credentials, NoCredentials> {
        self.paused_until = Some(now + PAUSE);
        match answer {
            Ok(credentials) => {
                self.ask_at = Some(ask_at(credentials.expiry(), now, random_share()));
                self.refusal = None;
                self.credentials = Some(credentials.clone());
                Ok(credentials)
            }
            Err(reason) => {
                self.ask_at = self.paused_until;
                self.refusal = Some(reason);
                let usable = self.credentials.clone();
                usable
                    .filter(|credentials| !is_over(credentials, now))
                    .ok_or(reason)
            }
        }
    }

    /// Makes these credentials due for renewal after the pause, because a service refused them. Newer ones are not changed.
    ///
    /// They are used until there are others. The service may be wrong, and otherwise its own error is the best response.
    pub(super) fn invalidate(&mut self, refused: &Credentials, now: SystemTime) {
        let known = self.credentials.as_ref();
        if known.is_some_and(|known| is_same(known, refused)) {
            let pause = self.paused_until.unwrap_or(now);
            self.ask_at = Some(pause.clamp(now, now + PAUSE));
        }
    }
}

pub(super) fn is_over(credentials: &Credentials, now: SystemTime) -> bool {
    credentials.expiry().is_some_and(|expiry| expiry <= now)
}

/// Returns a random number from 0 to 1, or 1 if the system has none. It only spreads processes over time.
fn random_share() -> f64 {
    let mut byte = [u8::MAX];
    // A failure leaves `byte` at its maximum.
    let _ = SystemRandom::new().fill(&mut byte);
    f64::from(byte[0]) / f64::from(u8::MAX)
}

/// Returns the time of the next fetch. `share`, from 0 to 1, spreads processes that started together.
fn ask_at(expiry: Option<SystemTime>, now: SystemTime, share: f64) -> SystemTime {
    let Some(expiry) = expiry else {
        return now + UNLIMITED;
    };
    let left = expiry.duration_since(now).unwrap_or_default();
    let lead = LEAD.min(left / 2).mul_f64(f64::midpoint(1.0, share));
    (now + left - lead).max(now + PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(life: u64, share: f64) -> u64 {
        let now = SystemTime::UNIX_EPOCH;
        let expiry = now + Duration::from_secs(life);
        let at = ask_at(Some(expiry), now, share);
        at.duration_since(now).unwrap().as_secs()
    }

    #[test]
    fn renewal_is_90_to_180_seconds_before_expiry() {
        assert_eq!(after(3_600, 0.0), 3_510);
        assert_eq!(after(3_600, 1.0), 3_420);
    }

    #[test]
    fn short_lived_are_renewed_in_second_half_of_life() {
        assert_eq!(after(100, 1.0), 50);
        assert_eq!(after(100, 0.0), 75);
    }

    #[test]
    fn source_has_a_pause_even_close_to_expiry() {
        assert_eq!(after(2, 1.0), 5);
        assert_eq!(after(0, 1.0), 5);
    }

    #[test]
    fn credentials_without_expiry_are_renewed_after_15_min() {
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(ask_at(None, now, 0.5), now + UNLIMITED);
    }

    fn keys(expiry: Option<SystemTime>) -> Credentials {
        Credentials::new("AKID", "c4n4ry-of-freshness", None, expiry, "test")
    }

    #[test]
    fn credentials_are_used_to_expiry_if_renewal_fails() {
        let start = SystemTime::UNIX_EPOCH;
        let end = start + Duration::from_secs(3_600);
        let mut cached = Cached::default();
        assert!(cached.learn(Ok(keys(Some(end))), start).is_ok());
        assert!(matches!(cached.at(start), Freshness::Fresh(_)));

        let late = end - Duration::from_secs(60);
        assert!(matches!(cached.at(late), Freshness::Old(_)));
        assert!(cached.learn(Err(NoCredentials::Broken), late).is_ok());
        assert!(matches!(cached.at(late), Freshness::Fresh(_)));
        assert!(matches!(cached.at(late + PAUSE), Freshness::Old(_)));

        assert!(matches!(cached.at(end), Freshness::Unknown));
        let refused = cached.learn(Err(NoCredentials::Late), end);
        assert_eq!(refused.unwrap_err(), NoCredentials::Late);
        let refused = cached.at(end);
        assert!(matches!(refused, Freshness::Refused(NoCredentials::Late)));
        assert!(matches!(cached.at(end + PAUSE), Freshness::Unknown));
    }

    #[test]
    fn invalid_credentials_are_renewed_after_the_pause() {
        let start = SystemTime::UNIX_EPOCH;
        let mut cached = Cached::default();
        let mine = keys(None);
        assert!(cached.learn(Ok(mine.clone()), start).is_ok());
        cached.invalidate(&mine, start);
        assert!(matches!(cached.at(start), Freshness::Fresh(_)));
        assert!(matches!(cached.at(start + PAUSE), Freshness::Old(_)));
    }

    #[test]
    fn newer_credentials_are_not_invalidated() {
        let start = SystemTime::UNIX_EPOCH;
        let late = start + Duration::from_secs(60);
        let mut cached = Cached::default();
        assert!(cached.learn(Ok(keys(None)), start).is_ok());
        let token = Some("older".to_owned());
        let older = Credentials::new("AKID", "c4n4ry-of-freshness", token, None, "test");
        cached.invalidate(&older, late);
        assert!(matches!(cached.at(late), Freshness::Fresh(_)));
        cached.invalidate(&keys(None), late);
        assert!(matches!(cached.at(late), Freshness::Old(_)));
    }
}
