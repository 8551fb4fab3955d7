//! EC2 instance metadata, version 2 only. A client first gets a token by asking with a lifetime,
//! and must then send the token with every other request.
//!
//! Source: "Use the Instance Metadata Service to access instance metadata" in the EC2 User Guide.

use super::issue::{self, Issue};
use super::{Account, CANARY, Service};
use crate::faults::{Arrived, Reply};
use http::{Method, StatusCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The subject of a request for the token.
pub const TOKEN: &str = "token";
/// The subject of a request for the name of the instance's role.
pub const ROLE: &str = "role";
/// The subject of a request for the role's credentials.
pub const CREDENTIALS: &str = "credentials";

const TOKEN_PATH: &str = "/latest/api/token";
const ROLE_PATH: &str = "/latest/meta-data/iam/security-credentials/";
const TTL_FIELD: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_FIELD: &str = "x-aws-ec2-metadata-token";
/// The maximum lifetime of a token: six hours, in seconds.
const LONGEST_TTL: u32 = 21_600;
const PLAIN: &str = "text/plain";

/// Instance metadata.
pub struct InstanceMetadata {
    issue: Issue,
    role: Mutex<Option<String>>,
    /// The number of tokens issued. Only the last one is valid.
    tokens: AtomicU64,
}

impl InstanceMetadata {
    /// Returns the metadata of an instance with this role in the account. Its sessions last an
    /// hour.
    pub fn of(account: &Account, role: &str) -> Self {
        Self {
            issue: Issue::of(account, "IMDS"),
            role: Mutex::new(Some(role.to_owned())),
            tokens: AtomicU64::default(),
        }
    }

    /// Sets the lifetime of sessions that are issued from now on. With zero, they are already
    /// expired.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.issue.set_lifetime(lifetime);
    }

    /// Gives the instance this role from now on, or none.
    pub fn set_role(&self, role: Option<&str>) {
        *self.role() = role.map(str::to_owned);
    }

    fn role(&self) -> MutexGuard<'_, Option<String>> {
        self.role.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(&self, number: u64) -> String {
        format!("{CANARY}-metadata-token-{number}==")
    }

    fn new_token(&self, arrived: &Arrived) -> Reply {
        let ttl = text(arrived, TTL_FIELD).and_then(|ttl| ttl.parse().ok());
        match ttl {
            Some(ttl @ 1..=LONGEST_TTL) => {
                let number = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
                Reply::text(StatusCode::OK, PLAIN, &self.token(number))
                    .with(TTL_FIELD, &ttl.to_string())
            }
            _ => status(StatusCode::BAD_REQUEST),
        }
    }

    fn shows_token(&self, arrived: &Arrived) -> bool {
        let number = self.tokens.load(Ordering::SeqCst);
        number > 0 && text(arrived, TOKEN_FIELD) == Some(&self.token(number))
    }
}

impl Service for InstanceMetadata {
    fn subject(&self, arrived: &Arrived) -> &'static str {
        match arrived.path.as_str() {
            TOKEN_PATH => TOKEN,
            ROLE_PATH => ROLE,
            path if path.starts_with(ROLE_PATH) => CREDENTIALS,
            _ => "",
        }
    }

    fn answer(&self, arrived: &Arrived) -> Reply {
        let role = self.role().clone();
        match self.subject(arrived) {
            TOKEN if arrived.method == Method::PUT => self.new_token(arrived),
            TOKEN => status(StatusCode::METHOD_NOT_ALLOWED),
            _ if arrived.method != Method::GET => status(StatusCode::METHOD_NOT_ALLOWED),
            _ if !self.shows_token(arrived) => status(StatusCode::UNAUTHORIZED),
            subject => match role {
                Some(role) if subject == ROLE => Reply::text(StatusCode::OK, PLAIN, &role),
                Some(role) if arrived.path == format!("{ROLE_PATH}{role}") => {
                    issue::of_instance_metadata(&self.issue.session())
                }
                _ => status(StatusCode::NOT_FOUND),
            },
        }
    }
}

fn text<'a>(arrived: &'a Arrived, field: &str) -> Option<&'a str> {
    arrived.headers.get(field)?.to_str().ok()
}

/// Returns a page as the web server shows it to people.
fn status(status: StatusCode) -> Reply {
    let page = format!("<html><body><h1>{status}</h1></body></html>");
    Reply::text(status, "text/html", &page)
}
