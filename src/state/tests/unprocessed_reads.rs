//! What a BatchGetItem leaves is asked again, and only that.

use super::{answering, asked, found, got, names, numbered, refused, scripted, store, stored};
use crate::error::Error;
use crate::scripted::{Scripted, json};
use crate::state::model::Consistency;
use serde_json::json;

fn left(key: &str) -> Error {
    Error::Throttled(format!(
        "key \"{key}\": DynamoDB left it unprocessed in every attempt: try again later"
    ))
}

#[tokio::test]
async fn unprocessed_keys_alone_are_asked_again_after_a_wait() {
    let store = scripted([found(&["a"], &["c", "b"]), found(&["c"], &[])]);
    let results = store.bulk_get(names(&["a", "b", "c"]), None).await;
    assert_eq!(results, [Ok(Some(got())), Ok(None), Ok(Some(got()))]);
    let asked: Vec<_> = store.requests().iter().map(asked).collect();
    assert_eq!(asked, [names(&["a", "b", "c"]), names(&["c", "b"])]);
    assert_eq!(
        store.waits(),
        [500.0],
        "half of a second, as for throttling"
    );
}

#[tokio::test]
async fn every_round_reads_as_consistently_as_the_call_asked() {
    let store = scripted([found(&["a"], &["b"]), found(&["b"], &[])]);
    let consistency = Some(Consistency::Strong);
    store.bulk_get(names(&["a", "b"]), consistency).await;
    for sent in store.requests() {
        let request = sent.json()["RequestItems"]["orders"].clone();
        assert_eq!(request["ConsistentRead"], true);
    }
}

#[tokio::test]
async fn what_is_never_processed_is_throttled_by_key_after_four_attempts_and_the_rest_is_found() {
    let store = scripted([found(&["a"], &["b", "c"]), found(&[], &["b", "c"])]);
    let results = store.bulk_get(names(&["a", "b", "c"]), None).await;
    assert_eq!(results, [Ok(Some(got())), Err(left("b")), Err(left("c"))]);
    assert_eq!(store.requests().len(), 4);
    assert_eq!(store.waits(), [500.0, 1_000.0, 1_000.0]);
}

#[tokio::test]
async fn a_round_that_brings_a_key_on_starts_the_attempts_and_the_waits_anew() {
    let nothing = || found(&[], &["a", "b"]);
    let store = scripted([
        nothing(),
        nothing(),
        nothing(),
        found(&["a"], &["b"]),
        found(&[], &["b"]),
        found(&[], &["b"]),
        found(&["b"], &[]),
    ]);
    let results = store.bulk_get(names(&["a", "b"]), None).await;
    assert_eq!(results, [Ok(Some(got())), Ok(Some(got()))]);
    let anew = [500.0, 1_000.0, 1_000.0];
    assert_eq!(store.waits(), [anew, anew].concat());
}

/// 16 MB are all that one answer holds.
#[tokio::test]
async fn what_a_full_answer_leaves_is_asked_again_without_a_wait() {
    let store = answering(|number, sent| {
        let keys = asked(sent);
        let (now, later) = keys.split_at(keys.len().min(41));
        let items = now.iter().map(|key| {
            let mut item = stored(key);
            item["value"]["S"] = "x".repeat(400_000).into();
            item
        });
        let later: Vec<_> = later.iter().map(|key| json!({"pk": {"S": key}})).collect();
        assert!(number < 4, "41 + 41 + 18");
        json(&match later.is_empty() {
            true => json!({"Responses": {"orders": items.collect::<Vec<_>>()}}),
            false => json!({
                "Responses": {"orders": items.collect::<Vec<_>>()},
                "UnprocessedKeys": {"orders": {"Keys": later}},
            }),
        })
    });
    let results = store.bulk_get(numbered(100), None).await;
    assert!(
        results
            .iter()
            .all(|found| matches!(found, Ok(Some(item)) if item.value.len() == 400_000))
    );
    let counts: Vec<_> = store.requests().iter().map(|s| asked(s).len()).collect();
    assert_eq!(counts, [100, 59, 18]);
    assert_eq!(store.waits(), [0.0; 0]);
}

#[tokio::test]
async fn a_full_answer_starts_the_attempts_anew_too() {
    let full: Vec<_> = numbered(41);
    let keys = [full.clone(), names(&["z"])].concat();
    let all = keys.clone();
    let store = answering(move |number, _| match number {
        1..=3 => found(&[], &all),
        4 => {
            let items = full.iter().map(|key| {
                let mut item = stored(key);
                item["value"]["S"] = "x".repeat(400_000).into();
                item
            });
            json(&json!({
                "Responses": {"orders": items.collect::<Vec<_>>()},
                "UnprocessedKeys": {"orders": {"Keys": [{"pk": {"S": "z"}}]}},
            }))
        }
        5..=6 => found(&[], &["z"]),
        _ => found(&["z"], &[]),
    });
    let results = store.bulk_get(keys, None).await;
    assert_eq!(results.last(), Some(&Ok(Some(got()))));
    let waits = [500.0, 1_000.0, 1_000.0, 500.0, 1_000.0];
    assert_eq!(store.waits(), waits, "none after the full answer");
}

#[tokio::test]
async fn the_error_of_a_later_round_is_that_of_the_keys_it_asked_for() {
    let store = scripted([
        found(&["a"], &["b", "c"]),
        refused("AccessDeniedException", "not you"),
    ]);
    let results = store.bulk_get(names(&["a", "b", "c", "d"]), None).await;
    assert_eq!(results[0], Ok(Some(got())));
    assert_eq!(results[3], Ok(None), "answered in the first round: absent");
    for (result, key) in results[1..3].iter().zip(["b", "c"]) {
        let start = format!("key \"{key}\": BatchGetItem on table `orders`: not you ");
        assert!(
            matches!(result, Err(Error::AccessDenied(s)) if s.starts_with(&start)),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn the_error_of_one_batch_leaves_the_others_alone() {
    let store = answering(|_, sent| match asked(sent) {
        keys if keys[0] == "k000" => refused("ResourceNotFoundException", "no such table"),
        keys => found(&keys, &[]),
    });
    let results = store.bulk_get(numbered(150), None).await;
    let (first, second) = results.split_at(100);
    assert!(first.iter().all(|r| matches!(r, Err(Error::NotFound(_)))));
    assert!(second.iter().all(|r| r == &Ok(Some(got()))));
    assert_eq!(store.requests().len(), 2);
}

#[tokio::test]
async fn a_key_that_repeats_is_asked_once_and_answered_everywhere() {
    let store = scripted([found(&["b"], &["a"]), found(&["a"], &[])]);
    let keys = names(&["a", "b", "a", "", "c", "a"]);
    let results = store.bulk_get(keys, None).await;
    let there = || Ok(Some(got()));
    assert!(matches!(results[3], Err(Error::InvalidArgument(_))));
    assert_eq!(results[..3], [there(), there(), there()]);
    assert_eq!(results[4..], [Ok(None), there()]);
    let asked: Vec<_> = store.requests().iter().map(asked).collect();
    assert_eq!(asked, [names(&["a", "b", "c"]), names(&["a"])]);
}

#[tokio::test]
async fn the_error_of_a_key_that_repeats_stands_at_all_its_places() {
    let store = scripted([found(&[], &["a"])]);
    let results = store.bulk_get(names(&["a", "b", "a"]), None).await;
    assert_eq!(results, [Err(left("a")), Ok(None), Err(left("a"))]);
}

#[tokio::test]
async fn a_table_that_always_leaves_some_over_never_empties_the_quota() {
    let store = store(Scripted::answering(|sent| {
        let keys = asked(sent);
        found(&keys[..1], &keys[1..])
    }));
    let results = store.bulk_get(numbered(300), None).await;
    assert!(results.iter().all(|found| found == &Ok(Some(got()))));
    assert_eq!(store.waits().len(), 297, "100 would have emptied it");
}

#[tokio::test]
async fn rounds_without_progress_do_empty_the_quota_and_then_one_request_is_all() {
    let store = store(Scripted::answering(|sent| found(&[], &asked(sent))));
    let mut requests = vec![];
    for _ in 0..50 {
        let before = store.requests().len();
        let results = store.bulk_get(names(&["a"]), None).await;
        assert_eq!(results, [Err(left("a"))]);
        requests.push(store.requests().len() - before);
    }
    // Each request gives one of 500 tokens back, each round takes five.
    assert_eq!(requests[..45], [4; 45]);
    assert_eq!(requests[45..], [2, 1, 1, 1, 2]);
}
