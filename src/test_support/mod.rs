//! DynamoDB as a test wants it: what each request meets is written beforehand,
//! and every request and every wait is kept. It gives what no real engine gives
//! on demand: throttling, unprocessed items, lost answers.

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

/// Fails unless `text` has each of `words`, and shows no secret of a test.
#[track_caller]
pub(crate) fn assert_tells(text: &str, words: &[impl AsRef<str>]) {
    let is_missing = |word: &&_| !text.contains(AsRef::<str>::as_ref(*word));
    let missing = words.iter().find(is_missing).map(AsRef::as_ref);
    assert_eq!(missing, None, "{text}");
    assert!(!text.contains("c4n4ry"), "{text}");
}

/// A secret that every request carries.
pub(crate) const SESSION_TOKEN: &str = "session-token-canary";

/// Four attempts of ten seconds.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(3),
    request_timeout: Duration::from_secs(10),
    max_attempts: 4,
};

/// The component signs, with those.
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

/// Table `orders` with the partition key `pk` and its expiry in `expires`;
/// four attempts of ten seconds, so that an operation has forty.
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

/// Files by their paths; without one, a path is not there.
#[derive(Debug, Default)]
pub(crate) struct Folder(RefCell<BTreeMap<String, std::result::Result<Vec<u8>, ErrorKind>>>);

impl Folder {
    /// Writes a file, over one that may be there.
    pub(crate) fn write(&self, path: &str, content: impl Into<Vec<u8>>) {
        let content = Ok(content.into());
        self.0.borrow_mut().insert(path.to_owned(), content);
    }

    /// Reading it fails from now on.
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
