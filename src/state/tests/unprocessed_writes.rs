//! Tests of the writes that a BatchWriteItem leaves unprocessed. Only these are sent again.

use super::{
    answering, delete, leaving, left, names, numbered, refused, scripted, set, store, written,
    written_keys,
};
use crate::error::Error;
use crate::http::TransportError;
use crate::test_support::{Scene, Scripted};

#[tokio::test]
async fn only_unprocessed_items_are_sent_again_at_once() {
    let store = answering(|number, sent| leaving(sent, |key| number == 1 && key != "b"));
    let results = store.bulk_set(vec![set("a"), set("b"), set("c")]).await;
    let rounds: Vec<_> = store.requests().iter().map(written).collect();
    let etags: Vec<_> = results.into_iter().map(|r| Some(r.unwrap())).collect();
    let sent = |n: usize, key: &str| (key.to_owned(), etags[n].clone());
    assert_eq!(rounds[0], [sent(0, "a"), sent(1, "b"), sent(2, "c")]);
    assert_eq!(rounds[1..], [[sent(0, "a"), sent(2, "c")]]);
    assert!(store.waits().is_empty());
    assert!(etags[0] != etags[1] && etags[1] != etags[2]);
}

#[tokio::test]
async fn only_unprocessed_deletes_are_sent_again() {
    let store = answering(|number, sent| leaving(sent, |key| number == 1 && key == "b"));
    let results = store.bulk_delete(vec![delete("a"), delete("b")]).await;
    assert_eq!(results, [Ok(()), Ok(())]);
    let rounds: Vec<_> = store.requests().iter().map(written).collect();
    let sent = |key: &str| (key.to_owned(), None);
    assert_eq!(rounds, [vec![sent("a"), sent("b")], vec![sent("b")]]);
    assert!(store.waits().is_empty());
}

#[tokio::test]
async fn writes_left_in_every_attempt_are_throttled() {
    let store = answering(|_, sent| leaving(sent, |key| key != "b"));
    let results = store.bulk_set(vec![set("a"), set("b"), set("c")]).await;
    let rounds: Vec<_> = store.requests().iter().map(written).collect();
    let etag = rounds[0][1].1.clone();
    assert_eq!(results, [Err(left("a")), Ok(etag.unwrap()), Err(left("c"))]);
    assert_eq!(rounds.len(), 1 + 4);
    assert_eq!(store.waits(), [500.0, 1_000.0, 1_000.0]);

    let store = answering(|_, sent| leaving(sent, |key| key != "b"));
    let results = store.bulk_delete(vec![delete("a"), delete("b")]).await;
    assert_eq!(results, [Err(left("a")), Ok(())]);
}

#[tokio::test]
async fn progress_restarts_attempts_and_waits() {
    let store = answering(|number, sent| match number {
        1..=3 => leaving(sent, |_| true),
        4 => leaving(sent, |key| key == "b"),
        5..=6 => leaving(sent, |_| true),
        _ => leaving(sent, |_| false),
    });
    let results = store.bulk_set(vec![set("a"), set("b")]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let waits = [500.0, 1_000.0, 1_000.0, 500.0, 1_000.0];
    assert_eq!(store.waits(), waits, "none after the fourth answer");
}

#[tokio::test]
async fn rounds_with_progress_do_not_use_up_the_quota() {
    let store = store(Scripted::answering(|sent| {
        let first = written_keys(sent).remove(0);
        leaving(sent, move |key| key != first)
    }));
    let requests = numbered(200).iter().map(|key| set(key)).collect();
    let results = store.bulk_set(requests).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(store.requests().len(), 200, "100 would have emptied it");
}

#[tokio::test]
async fn throttling_without_a_lost_response_is_throttled() {
    for not_sent in [
        Scene::from(TransportError::ConnectTimeout),
        TransportError::Refused("cause".to_owned()).into(),
        refused("ThrottlingException", "slow down").into(),
    ] {
        let throttled = refused("ThrottlingException", "slow down");
        let store = scripted([not_sent, throttled.into()]);
        let results = store.bulk_set(vec![set("a")]).await;
        let start = "key \"a\": BatchWriteItem on table `orders`: slow down ";
        let [Err(Error::Throttled(sentence))] = &results[..] else {
            panic!("{results:?}");
        };
        assert!(sentence.starts_with(start), "{sentence}");
    }
}

#[tokio::test]
async fn error_of_a_later_round_concerns_only_its_own_keys() {
    let store = answering(|number, sent| match number {
        1 => leaving(sent, |key| key == "b"),
        _ => refused("ResourceNotFoundException", "no such table"),
    });
    let results = store.bulk_delete(vec![delete("a"), delete("b")]).await;
    assert_eq!(results[0], Ok(()));
    assert!(
        matches!(&results[1], Err(Error::NotFound(s)) if s.starts_with("key \"b\": ")),
        "{results:?}"
    );
    let rounds: Vec<_> = store.requests().iter().map(written_keys).collect();
    assert_eq!(rounds, [names(&["a", "b"]), names(&["b"])]);
}
