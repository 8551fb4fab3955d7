//! The contract, case by case: ours keeps all of it, the one in memory all that it declares, and each promise that is
//! broken is found out by the case that is about it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use dapr_wasm_host::{Egress, InstanceOptions, Plugin};
use futures_util::StreamExt;
use futures_util::future::join_all;
use host_test::conformance::case::{Case, Need};
use host_test::conformance::{Invocation, Outcome, Ran, Subject, TIME_LIMIT, cases, run};
use serde_json::json;

use crate::engine_call::engine_call;
use crate::fixture::{EXPIRES_AT, Settings, Table, engine, plugin};

async fn ours(settings: &Settings) -> Subject {
    let egress = Egress::builder().allow_url(engine().await.endpoint());
    let egress = egress.build().expect("the egress is built");
    Subject {
        plugin: plugin(),
        options: InstanceOptions::new().egress(egress),
        state: Ok(settings.metadata.clone()),
        binding: Ok(settings.metadata.clone()),
        invocation: Some(invocation(r#"create={"key": "{key}"}"#)),
        time_limit: TIME_LIMIT,
    }
}

fn without_surroundings(component: &Path, metadata: &[(&str, &str)]) -> Subject {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let metadata: Vec<_> = metadata.iter().map(owned).collect();
    Subject {
        plugin: Plugin::from_file(component).expect("the component loads"),
        options: InstanceOptions::new(),
        state: Ok(metadata.clone()),
        binding: Ok(metadata),
        invocation: Some(invocation("create=anything")),
        time_limit: TIME_LIMIT,
    }
}

fn invocation(text: &str) -> Invocation {
    text.parse().expect("an operation and its data")
}

/// All cases, none of which fails; the names of those that do not apply.
async fn not_applicable(subject: Subject) -> BTreeSet<String> {
    let ran: Vec<Ran> = run(subject, cases::matching("")).collect().await;
    let failed: Vec<_> = ran
        .iter()
        .filter(|ran| matches!(ran.outcome, Outcome::Failed(_)))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let skipped = ran.into_iter().filter(|ran| ran.outcome != Outcome::Passed);
    skipped.map(|ran| ran.case).collect()
}

fn named(which: impl Fn(&Case) -> bool) -> BTreeSet<String> {
    let all = cases::matching("").into_iter();
    let chosen = all.filter(|(_, case)| which(case));
    chosen.map(|(_, case)| case.name()).collect()
}

fn needing(needs: &[Need]) -> BTreeSet<String> {
    named(|case| case.needs.iter().any(|need| needs.contains(need)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_component_passes_every_case_and_leaves_nothing_behind() {
    let table = Table::new().await;
    let settings = table.settings().await.with("ttlAttributeName", EXPIRES_AT);
    let not_applicable = not_applicable(ours(&settings).await).await;
    let of_lesser_stores = [Need::NoEtag, Need::NoTransactional, Need::NoTtl];
    assert_eq!(not_applicable, needing(&of_lesser_stores));
    let scan = json!({ "TableName": table.name });
    let left = engine_call(engine().await.endpoint(), "Scan", &scan).await;
    assert_eq!(left["Items"], json!([]));
}

#[tokio::test]
async fn our_component_without_time_to_live_passes_every_case_that_is_not_about_it() {
    let settings = Table::new().await.settings().await;
    let not_applicable = not_applicable(ours(&settings).await).await;
    let expected = [Need::Ttl, Need::NoEtag, Need::NoTransactional];
    assert_eq!(not_applicable, needing(&expected));
}

#[tokio::test]
async fn the_store_in_memory_passes_every_case_about_what_it_declares() {
    let subject = without_surroundings(host_test::memory_store_path(), &[]);
    let mut expected = needing(&[
        Need::Transactional,
        Need::SharedStore,
        Need::NoEtag,
        Need::NoTtl,
    ]);
    // It takes any configuration.
    expected.extend(named(|case| case.name().contains("init that fails")));
    assert_eq!(not_applicable(subject).await, expected);
}

/// What is broken, and the case that is about it.
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
        "a parameter that nobody knows is ignored",
    ),
];

/// What comes of one case where a promise is broken, or none is.
async fn outcome(promise: &str, case: &str) -> Outcome {
    let mut subject =
        without_surroundings(host_test::broken_promises_path(), &[("break", promise)]);
    subject.time_limit = Duration::from_secs(2);
    let only = cases::matching(case);
    assert_eq!(only.len(), 1, "{case}");
    let mut ran: Vec<Ran> = run(subject, only).collect().await;
    ran.remove(0).outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_broken_promise_is_found_by_the_case_that_is_about_it() {
    let found = join_all(BROKEN.iter().map(|(promise, case)| async move {
        let broken = outcome(promise, case).await;
        println!("{promise}: {broken:?}");
        let kept = outcome("", case).await;
        (promise, broken, kept)
    }));
    for (promise, broken, kept) in found.await {
        assert!(
            matches!(broken, Outcome::Failed(_)),
            "{promise}: {broken:?}"
        );
        assert!(!matches!(kept, Outcome::Failed(_)), "{promise}: {kept:?}");
    }
}

#[tokio::test]
async fn a_secret_in_a_sentence_is_found_and_not_repeated() {
    const SECRET: &str = "hunter2-and-more";
    let metadata = [("break", "no-secret-in-a-sentence"), ("secretKey", SECRET)];
    let subject = without_surroundings(host_test::broken_promises_path(), &metadata);
    let only = cases::matching("a set with another etag is a mismatch");
    let ran: Vec<Ran> = run(subject, only).collect().await;
    let reason = ran[0].outcome.reason().expect("it fails");
    assert!(reason.contains("a secret"), "{reason}");
    assert!(!reason.contains(SECRET), "{reason}");
}

#[tokio::test]
async fn a_trap_and_a_call_without_end_are_told_as_such() {
    let told = async |promise, case| match outcome(promise, case).await {
        Outcome::Failed(reason) => reason,
        other => panic!("{other:?}"),
    };
    let trap = told("odd-keys-do-not-trap", "a key is the one that was given").await;
    assert!(trap.contains("the component trapped"), "{trap}");
    let endless = told("calls-end", "a configured store answers ping").await;
    assert!(endless.contains("within its time limit of 2s"), "{endless}");
}

#[tokio::test]
async fn a_component_that_hardly_does_anything_comes_to_an_end_with_every_case() {
    let subject = without_surroundings(host_test::misbehaving_path(), &[]);
    let ran: Vec<Ran> = run(subject, cases::matching("")).collect().await;
    assert_eq!(ran.len(), cases::matching("").len());
    let failed = ran.iter().filter_map(|ran| match &ran.outcome {
        Outcome::Failed(reason) => Some(reason),
        Outcome::Passed | Outcome::NotApplicable(_) => None,
    });
    // It has neither a delete nor any bulk call.
    let refused = failed.filter(|reason| reason.contains("this store has get and set alone"));
    assert!(refused.count() > 10, "{ran:#?}");
}
