//! The conformance cases. Our component passes all of them, and the memory store passes all that
//! apply to it.

mod broken_promises;

use crate::fixture::{EXPIRES_AT, Settings, Table, engine, plugin};
use ::conformance::case::{Case, Need};
use ::conformance::{Invocation, Outcome, Ran, Subject, TIME_LIMIT, cases, run};
use dapr_wasm_host::{InstanceOptions, Plugin};
use futures_util::StreamExt;
use std::collections::BTreeSet;
use std::path::Path;

fn ours(settings: &Settings) -> Subject {
    Subject {
        plugin: plugin(),
        options: settings.options(),
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

/// Runs all cases, asserts that none fails, and returns the names of those that do not apply.
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
async fn our_component_passes_every_case_and_leaves_no_items() {
    let table = Table::new().await;
    let settings = table.settings().await.with("ttlAttributeName", EXPIRES_AT);
    let not_applicable = not_applicable(ours(&settings)).await;
    let of_lesser_stores = [Need::NoEtag, Need::NoTransactional, Need::NoTtl];
    assert_eq!(not_applicable, needing(&of_lesser_stores));
    let left = engine().await.scan(&table.name).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn our_component_without_ttl_passes_the_other_cases() {
    let settings = Settings::new().await;
    let not_applicable = not_applicable(ours(&settings)).await;
    let expected = [Need::Ttl, Need::NoEtag, Need::NoTransactional];
    assert_eq!(not_applicable, needing(&expected));
}

#[tokio::test]
async fn memory_store_passes_every_applicable_case() {
    let subject = without_surroundings(fixtures::memory_store(), &[]);
    let mut expected = needing(&[
        Need::Transactional,
        Need::SharedStore,
        Need::NoEtag,
        Need::NoTtl,
    ]);
    // The memory store accepts any configuration, and has none here.
    expected.extend(named(|case| case.name().contains("a failed init")));
    expected.extend(
        [
            "field names are case insensitive",
            "last value of a repeated field counts",
            "empty field counts as absent",
        ]
        .map(str::to_owned),
    );
    assert_eq!(not_applicable(subject).await, expected);
}

#[tokio::test]
async fn every_case_ends_even_with_a_minimal_component() {
    let subject = without_surroundings(fixtures::misbehaving(), &[]);
    let ran: Vec<Ran> = run(subject, cases::matching("")).collect().await;
    assert_eq!(ran.len(), cases::matching("").len());
    let failed = ran.iter().filter_map(|ran| match &ran.outcome {
        Outcome::Failed(reason) => Some(reason),
        Outcome::Passed | Outcome::NotApplicable(_) => None,
    });
    // The component has neither a delete nor any bulk call.
    let refused = failed.filter(|reason| reason.contains("this store only has get and set"));
    assert!(refused.count() > 10, "{ran:#?}");
}
