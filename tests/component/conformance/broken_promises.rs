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
    (
        "values-are-bytes",
        "a value of any kind comes back exactly as it was set",
    ),
    ("absence-is-no-error", "an absent key is none and no error"),
    (
        "the-content-type-is-kept",
        "the content type comes back with the value",
    ),
    ("an-etag-changes", "an etag changes at every write"),
    (
        "sets-have-conditions",
        "a set with another etag is a mismatch and changes nothing",
    ),
    (
        "a-refused-write-writes-nothing",
        "a set with another etag is a mismatch and changes nothing",
    ),
    (
        "a-sentence-names-the-key",
        "a set with another etag is a mismatch and changes nothing",
    ),
    (
        "deletes-have-conditions",
        "a delete with another etag is a mismatch and deletes nothing",
    ),
    (
        "the-first-write-wins",
        "the first of two first writes stands",
    ),
    (
        "an-item-expires-in-time",
        "an item is there until its second comes and gone from then on",
    ),
    (
        "expired-items-are-absent",
        "an expired item counts as absent for first write",
    ),
    (
        "every-position-is-answered",
        "bulk get answers every position also absent ones and repeated ones",
    ),
    (
        "result-i-answers-request-i",
        "bulk set returns the etags by position",
    ),
    (
        "a-wrong-key-fails-alone",
        "bulk get tells a wrong key at its position and reads the others",
    ),
    (
        "transactions-are-atomic",
        "a condition that does not hold refuses the whole transaction and names its key",
    ),
    (
        "odd-keys-do-not-trap",
        "a key is the one that was given and no other that looks like it",
    ),
    ("calls-end", "a configured store answers ping"),
    (
        "names-have-no-case",
        "names of fields are told apart by no case",
    ),
    (
        "the-last-field-counts",
        "of a field that stands twice the last counts",
    ),
    (
        "an-empty-field-is-absent",
        "a field that is empty counts as absent",
    ),
    (
        "unknown-fields-are-ignored",
        "a field that nobody knows is ignored",
    ),
    (
        "a-failed-init-changes-nothing",
        "a second init that fails leaves the store as it was",
    ),
    (
        "other-operations-are-unsupported",
        "an operation that is not listed is unsupported and named",
    ),
    (
        "operations-are-always-the-same",
        "operations are listed each once also before init",
    ),
    (
        "unknown-parameters-are-ignored",
        "a parameter that nobody knows is ignored in silence",
    ),
    (
        "nothing-is-said-of-unknown-parameters",
        "a parameter that nobody knows is ignored in silence",
    ),
    (
        "each-half-has-its-own-configuration",
        "the store and the binding of one instance have their own configuration",
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
        "a set with another etag is a mismatch",
        "a bulk set with one wrong etag",
        "an etag of any text is answered",
        "a second init that fails leaves the store",
        "an init that fails leaves the binding",
        // The sentence lacks the name of the operation, but the failure must still not print it.
        "an operation that is not listed",
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
            "of instances that race on one etag exactly one wins",
            "of instances that race for the first write exactly one wins",
            "of transactions that race for the first write exactly one applies as a whole",
            "a counter that instances raise by etag loses no step",
        ],
        "{ran:#?}"
    );
}
