//! A scripted DynamoDB for tests. A test writes the response to each request in advance, and
//! reads the recorded requests and waits. So it can cause throttling, unprocessed items and
//! lost responses, which no real engine causes on demand.

mod platform;
mod script;

use crate::aws::Limits;
use crate::aws::endpoint::Endpoint;
use crate::config::Config;
use crate::credentials::Signing;
use crate::dynamodb::{ClientConfig, Repeat, SERVICE};
use crate::fields::Fields;
use crate::http::Files;
use crate::state::{self, Consistency, Table};
use aws_credential_types::Credentials;
pub(crate) use platform::{Scripted, Sent, start};
pub(crate) use script::{
    Scene, Script, answer, html, json, refusal, refused, signature_error, spell, success,
    success_of, with,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

/// Asserts that `text` contains each of `words`, and no secret of a test.
#[track_caller]
pub(crate) fn assert_tells(text: &str, words: &[impl AsRef<str>]) {
    let is_missing = |word: &&_| !text.contains(AsRef::<str>::as_ref(*word));
    let missing = words.iter().find(is_missing).map(AsRef::as_ref);
    assert_eq!(missing, None, "{text}");
    assert!(!text.contains("c4n4ry"), "{text}");
}

/// The session token in every request, which is a secret.
pub(crate) const SESSION_TOKEN: &str = "session-token-canary";

/// The limits: four attempts of ten seconds.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(3),
    request_timeout: Duration::from_secs(10),
    max_attempts: 4,
};

/// Returns settings with which the component signs with these credentials.
pub(crate) fn signing(credentials: &Credentials) -> Signing {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let metadata = [
        field("accessKey", credentials.access_key_id()),
        field("secretKey", credentials.secret_access_key()),
        field(
            "sessionToken",
            credentials.session_token().unwrap_or_default(),
        ),
    ];
    let fields = Fields::new(&metadata, &|_| None);
    Signing::parse(&fields, "eu-west-1", LIMITS).expect("whole keys")
}

/// Returns a configuration with the table `orders`, the partition key `pk` and the expiry in
/// `expires`. It allows four attempts of ten seconds, so an operation may take 40 seconds.
pub(crate) fn config() -> Config {
    Config {
        client: ClientConfig {
            endpoint: Endpoint::of_region(SERVICE, "eu-west-1").expect("a region"),
            region: "eu-west-1".to_owned(),
            signing: signing(&Credentials::new(
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                Some(SESSION_TOKEN.to_owned()),
                None,
                "scripted",
            )),
            limits: LIMITS,
        },
        state: state::Settings {
            table: Table {
                name: "orders".to_owned(),
                partition_key: "pk".to_owned(),
                ttl_attribute: Some("expires".to_owned()),
            },
            consistency: Consistency::Eventual,
            unconfirmed_writes: Repeat::Never,
        },
    }
}

/// Files by their paths. Other paths do not exist.
#[derive(Debug, Default)]
pub(crate) struct Folder(RefCell<BTreeMap<String, std::result::Result<Vec<u8>, ErrorKind>>>);

impl Folder {
    /// Writes a file. Replaces an existing one.
    pub(crate) fn write(&self, path: &str, content: impl Into<Vec<u8>>) {
        let content = Ok(content.into());
        self.0.borrow_mut().insert(path.to_owned(), content);
    }

    /// Makes every read of this file fail from now on.
    pub(crate) fn break_with(&self, path: &str, error: ErrorKind) {
        self.0.borrow_mut().insert(path.to_owned(), Err(error));
    }
}

impl Files for Folder {
    fn read(&self, path: &str, longest: u64) -> Result<Vec<u8>> {
        let files = self.0.borrow();
        let content = files
            .get(path)
            .cloned()
            .unwrap_or(Err(ErrorKind::NotFound))?;
        if content.len() as u64 > longest {
            return Err(Error::from(ErrorKind::FileTooLarge));
        }
        Ok(content)
    }
}
