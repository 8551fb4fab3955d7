//! A proxy that checks signatures in front of a DynamoDB that does not. Requests that are signed
//! with the account's keys pass. Others are refused as DynamoDB refuses them.

use super::Account;
use super::signature::{Refusal, signed_by};
use crate::faults::{Action, Arrived, AwsError, Decision, Director, FaultProxy};
use http::StatusCode;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name of DynamoDB in a signature's scope.
const SERVICE: &str = "dynamodb";

/// A running proxy. Stops on drop.
pub struct SignatureProxy {
    proxy: FaultProxy,
    watch: Arc<Watch>,
}

/// The account, and the requests that were checked.
struct Watch {
    account: Account,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    passed: BTreeMap<String, u64>,
    refused: Vec<String>,
}

impl SignatureProxy {
    /// Starts a proxy on a free port of 127.0.0.1 in front of `upstream`, which is an endpoint such
    /// as `http://127.0.0.1:8000` (plain HTTP only).
    pub fn start(upstream: &str, account: &Account) -> io::Result<Self> {
        Self::start_on_port(upstream, 0, account)
    }

    /// Does the same as [`start`](Self::start), on this port. Port 0 stands for a free one.
    pub fn start_on_port(upstream: &str, port: u16, account: &Account) -> io::Result<Self> {
        let watch = Arc::new(Watch {
            account: account.clone(),
            seen: Mutex::default(),
        });
        let proxy = FaultProxy::start_on_port(upstream, port, watch.clone())?;
        Ok(Self { proxy, watch })
    }

    /// Returns `http://127.0.0.1:PORT`, for the component's `endpoint`.
    pub fn endpoint(&self) -> &str {
        self.proxy.endpoint()
    }

    /// Returns the number of requests that passed, by the ID of the key that signed them.
    pub fn passed(&self) -> BTreeMap<String, u64> {
        self.watch.seen().passed.clone()
    }

    /// Returns the number of requests of this key that passed.
    pub fn passed_of(&self, id: &str) -> u64 {
        self.watch
            .seen()
            .passed
            .get(id)
            .copied()
            .unwrap_or_default()
    }

    /// Returns the error codes of all refused requests, in order.
    pub fn refused(&self) -> Vec<String> {
        self.watch.seen().refused.clone()
    }
}

impl Watch {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A panic elsewhere cannot leave a count half written.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decision(&self, arrived: &Arrived) -> Action {
        let refusal = match signed_by(arrived, SERVICE, &self.account) {
            Ok(key) => {
                *self.seen().passed.entry(key.id).or_default() += 1;
                return Action::pass();
            }
            Err(refusal) => refusal,
        };
        let error = AwsError {
            date: Some(self.account.clock().date()),
            ..error(refusal)
        };
        self.seen().refused.push(error.code.clone());
        Action::error(&error)
    }
}

impl Director for Watch {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        Box::pin(async { self.decision(arrived) })
    }
}

/// The messages and codes are those of "Error handling with DynamoDB" and "Common errors".
fn error(refusal: Refusal) -> AwsError {
    let (code, message) = match refusal {
        Refusal::Unsigned => (
            "MissingAuthenticationTokenException",
            "Request is missing Authentication Token".to_owned(),
        ),
        Refusal::Incomplete(what) => (
            "IncompleteSignatureException",
            format!("the Authorization header is invalid: {what}"),
        ),
        Refusal::UnknownKey => (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.".to_owned(),
        ),
        Refusal::Expired => (
            "ExpiredTokenException",
            "The security token included in the request is expired".to_owned(),
        ),
        Refusal::Skewed => (
            "InvalidSignatureException",
            "Signature expired: it was made at another time than now".to_owned(),
        ),
        Refusal::WrongService => (
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'dynamodb'.".to_owned(),
        ),
        Refusal::WrongSignature => (
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.".to_owned(),
        ),
    };
    AwsError {
        namespace: "com.amazon.coral.service#",
        ..AwsError::new(StatusCode::BAD_REQUEST, code, &message)
    }
}
