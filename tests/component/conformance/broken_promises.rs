//! Every broken promise is detected by the case that tests it, and reported in a sentence. Covers
//! promises of a single instance, and promises of a store that many instances share.

use super::{ours, without_surroundings};
use crate::fixture::Table;
use ::conformance::{Outcome, Ran, cases, run};
use futures_util::StreamExt;
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;
use std::time::Duration;
use test_support::faults::{Action, Arrived, Reply};

/// Broken promises, each with the case that detects it.
const BROKEN: &[(&str, &str)] = &[
    ("values-are-bytes", "any value comes back unchanged"),
    ("absence-is-no-error", "absent key is none and not an error"),
    (
        "the-content-type-is-kept",
        "content type comes back with the value",
    ),
    ("an-etag-changes", "etag changes at every write"),
    (
        "sets-have-conditions",
        "set with another etag is a mismatch and changes nothing",
    ),
    (
        "a-refused-write-writes-nothing",
        "set with another etag is a mismatch and changes nothing",
    ),
    (
        "a-sentence-names-the-key",
        "set with another etag is a mismatch and changes nothing",
    ),
    (
        "deletes-have-conditions",
        "delete with another etag is a mismatch",
    ),
    ("the-first-write-wins", "first of two first writes wins"),
    (
        "an-item-expires-in-time",
        "item is present until its second of expiry",
    ),
    (
        "expired-items-are-absent",
        "expired item is absent for first write",
    ),
    (
        "every-position-is-answered",
        "bulk get answers absent and repeated keys by position",
    ),
    (
        "result-i-answers-request-i",
        "bulk set returns the etags by position",
    ),
    (
        "a-wrong-key-fails-alone",
        "bulk get reports a wrong key and reads the others",
    ),
    (
        "transactions-are-atomic",
        "failed condition refuses the transaction and names its key",
    ),
    (
        "odd-keys-do-not-trap",
        "keys that look alike stay different",
    ),
    ("calls-end", "a configured store answers ping"),
    ("names-have-no-case", "field names are case insensitive"),
    (
        "the-last-field-counts",
        "last value of a repeated field counts",
    ),
    ("an-empty-field-is-absent", "empty field counts as absent"),
    ("unknown-fields-are-ignored", "unknown field is ignored"),
    (
        "a-failed-init-changes-nothing",
        "store is unchanged after a failed init",
    ),
    (
        "other-operations-are-unsupported",
        "unlisted operation is unsupported and named",
    ),
    (
        "operations-are-always-the-same",
        "operations are listed once each even before init",
    ),
    (
        "unknown-parameters-are-ignored",
        "unknown parameter is ignored silently",
    ),
    (
        "nothing-is-said-of-unknown-parameters",
        "unknown parameter is ignored silently",
    ),
    (
        "each-half-has-its-own-configuration",
        "store and binding have separate configurations",
    ),
];

/// No call of a fixture that keeps its promise takes this long, on any machine.
const LIMIT: Duration = Duration::from_secs(10);

/// Returns the outcome of one case while this promise is broken, or none if `promise` is empty.
async fn outcome(promise: &str, case: &str) -> Outcome {
    let mut subject = without_surroundings(fixtures::broken_promises(), &[("break", promise)]);
    subject.time_limit = LIMIT;
    let only = cases::matching(case);
    assert_eq!(only.len(), 1, "{case}");
    let mut ran: Vec<Ran> = run(subject, only).collect().await;
    ran.remove(0).outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_broken_promise_is_detected_by_its_case() {
    let found = join_all(BROKEN.iter().map(|(promise, case)| async move {
        let broken = outcome(promise, case).await;
        println!("{promise}: {broken:?}");
        let kept = outcome("", case).await;
        (promise, broken, kept)
    }));
    for (promise, broken, kept) in found.await {
        let Outcome::Failed(reason) = broken else {
            panic!("{promise}: {broken:?}");
        };
        let told = match *promise {
            "odd-keys-do-not-trap" => "the component trapped",
            "calls-end" => "within its time limit of 10s",
            _ => "",
        };
        assert!(reason.contains(told), "{promise}: {reason}");
        assert!(!matches!(kept, Outcome::Failed(_)), "{promise}: {kept:?}");
    }
}

#[tokio::test]
async fn secret_in_a_sentence_is_detected_and_not_repeated() {
    const SECRET: &str = "hunter2-and-more";
    let metadata = [("break", "no-secret-in-a-sentence"), ("secretKey", SECRET)];
    for case in [
        "set with another etag is a mismatch",
        "a bulk set with one wrong etag",
        "any text as etag gets a result",
        "store is unchanged after a failed init",
        "binding is unchanged after a failed init",
        // The sentence lacks the name of the operation, but the failure must still not print it.
        "unlisted operation",
    ] {
        let subject = without_surroundings(fixtures::broken_promises(), &metadata);
        let ran: Vec<Ran> = run(subject, cases::matching(case)).collect().await;
        let reason = ran[0].outcome.reason().expect("it fails");
        assert!(reason.contains("a secret"), "{reason}");
        assert!(!reason.contains(SECRET), "{reason}");
    }
}

/// The proxy acknowledges conditional writes and transactions but does not apply them.
#[tokio::test]
async fn shared_store_that_loses_writes_is_detected_by_races() {
    let losing = |arrived: &Arrived| {
        let body = String::from_utf8_lossy(&arrived.body);
        match arrived.operation.as_str() {
            "PutItem" if !body.contains("ConditionExpression") => Action::pass(),
            "PutItem" | "TransactWriteItems" => {
                Action::answer(Reply::json(StatusCode::OK, &json!({})))
            }
            _ => Action::pass(),
        }
    };
    let (settings, _proxy) = Table::new().await.behind(losing).await;
    let subject = ours(&settings);
    let ran: Vec<Ran> = run(subject, cases::matching("instances: ")).collect().await;
    let failed: Vec<_> = ran
        .iter()
        .filter(|ran| matches!(ran.outcome, Outcome::Failed(_)))
        .map(|ran| ran.case.as_str())
        .collect();
    assert_eq!(
        failed,
        [
            "one instance wins a race on an etag",
            "one instance wins a race for a first write",
            "one transaction wins a race for a first write",
            "counter raised by etag loses no step",
        ],
        "{ran:#?}"
    );
}
