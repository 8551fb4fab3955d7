//! Tests of the keys that a BatchGetItem leaves unprocessed. Only these are requested again.
//! After a response that made progress they are requested at once: a table is not busy just
//! because one response does not hold all items.

use super::{
    answering, asked, config, found, got, left, names, numbered, refused, scripted, store,
};
use crate::error::Error;
use crate::state::Consistency;
use crate::test_support::{Scripted, answer};

#[tokio::test]
async fn only_unprocessed_keys_are_requested_again_at_once() {
    let store = scripted([found(&["a"], &["c", "b"]), found(&["c"], &[])]);
    let results = store.bulk_get(names(&["a", "b", "c"]), None).await;
    assert_eq!(results, [Ok(Some(got())), Ok(None), Ok(Some(got()))]);
    let asked: Vec<_> = store.requests().iter().map(asked).collect();
    assert_eq!(asked, [names(&["a", "b", "c"]), names(&["c", "b"])]);
    assert!(store.waits().is_empty());
}

#[tokio::test]
async fn response_without_progress_is_followed_by_a_wait() {
    let store = scripted([found(&[], &["a"]), found(&["a"], &[])]);
    let results = store.bulk_get(names(&["a"]), None).await;
    assert_eq!(results, [Ok(Some(got()))]);
    assert_eq!(
        store.waits(),
        [500.0],
        "half of a second, as for throttling"
    );
}

#[tokio::test]
async fn every_round_keeps_the_consistency_of_the_call() {
    let store = scripted([found(&["a"], &["b"]), found(&["b"], &[])]);
    let consistency = Some(Consistency::Strong);
    store.bulk_get(names(&["a", "b"]), consistency).await;
    for sent in store.requests() {
        let request = sent.json()["RequestItems"]["orders"].clone();
        assert_eq!(request["ConsistentRead"], true);
    }
}

#[tokio::test]
async fn keys_left_in_every_attempt_are_throttled() {
    let store = scripted([found(&["a"], &["b", "c"]), found(&[], &["b", "c"])]);
    let results = store.bulk_get(names(&["a", "b", "c"]), None).await;
    assert_eq!(results, [Ok(Some(got())), Err(left("b")), Err(left("c"))]);
    assert_eq!(store.requests().len(), 1 + 4);
    assert_eq!(store.waits(), [500.0, 1_000.0, 1_000.0]);
}

#[tokio::test]
async fn progress_restarts_attempts_and_waits() {
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
    let waits = [500.0, 1_000.0, 1_000.0, 500.0, 1_000.0];
    assert_eq!(store.waits(), waits, "none after the fourth answer");
}

/// DynamoDB returns at most 1 MB of one partition per response. With items of 400 KB, it
/// leaves all but two unprocessed.
#[tokio::test]
async fn items_of_one_partition_are_read_without_a_wait() {
    for attempts in [4, 1] {
        let platform = Scripted::answering(|sent| {
            let keys = asked(sent);
            let (now, later) = keys.split_at(keys.len().min(2));
            found(now, later)
        });
        let mut config = config();
        config.client.limits.max_attempts = attempts;
        let store = config.store(platform);
        let results = store.bulk_get(numbered(100), None).await;
        assert!(results.iter().all(|found| found == &Ok(Some(got()))));
        assert_eq!(store.requests().len(), 50);
        assert!(store.waits().is_empty());
    }
}

#[tokio::test]
async fn response_without_responses_member_is_refused() {
    for body in ["{}", r#"{"UnprocessedKeys":{}}"#, r#"{"Responses":null}"#] {
        let store = scripted([answer(200, body)]);
        let results = store.bulk_get(names(&["a", "b"]), None).await;
        for result in results {
            assert!(
                matches!(&result, Err(Error::Unavailable(s)) if s.contains("not DynamoDB's")),
                "{body}: {result:?}"
            );
        }
    }
    let store = scripted([answer(200, r#"{"Responses":{}}"#)]);
    assert_eq!(store.bulk_get(names(&["a"]), None).await, [Ok(None)]);
}

#[tokio::test]
async fn error_of_a_later_round_concerns_only_its_own_keys() {
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
async fn error_of_one_batch_does_not_affect_the_others() {
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
async fn repeated_key_is_requested_once_and_answered_everywhere() {
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
async fn error_of_a_repeated_key_is_at_all_its_positions() {
    let store = scripted([found(&[], &["a"])]);
    let results = store.bulk_get(names(&["a", "b", "a"]), None).await;
    assert_eq!(results, [Err(left("a")), Ok(None), Err(left("a"))]);
}

#[tokio::test]
async fn rounds_with_progress_do_not_use_up_the_quota() {
    let store = store(Scripted::answering(|sent| {
        let keys = asked(sent);
        found(&keys[..1], &keys[1..])
    }));
    let results = store.bulk_get(numbered(300), None).await;
    assert!(results.iter().all(|found| found == &Ok(Some(got()))));
    assert_eq!(store.requests().len(), 300, "100 would have emptied it");
}

#[tokio::test]
async fn rounds_without_progress_use_up_the_quota() {
    let store = store(Scripted::answering(|sent| found(&[], &asked(sent))));
    let mut requests = vec![];
    for _ in 0..50 {
        let before = store.requests().len();
        let results = store.bulk_get(names(&["a"]), None).await;
        assert_eq!(results, [Err(left("a"))]);
        requests.push(store.requests().len() - before);
    }
    // Each request returns one of 500 tokens, and each round takes five.
    assert_eq!(requests[..45], [4; 45]);
    assert_eq!(requests[45..], [2, 1, 1, 1, 2]);
}
