//! Tests that a bulk call ends. A batch without progress ends within the time limit of one
//! operation, and the call ends at the same time after its last success.

use super::{
    answering, asked, first_write, found, got, leaving, numbered, scripted, seconds, set,
    written_keys,
};
use crate::error::Error;
use crate::http::Clock;
use crate::test_support::{Scene, refusal, success};

fn silence() -> Scene {
    Scene::from(success()).after(seconds(3_600))
}

fn is_not_sent(error: &Error, key: &str) -> bool {
    let sentence = format!(
        "key \"{key}\": not sent, because no request of this call succeeded within 40s (`requestTimeout` times `maxAttempts`)"
    );
    error == &Error::Timeout(sentence)
}

fn is_unanswered(error: &Error, key: &str) -> bool {
    let start = format!("key \"{key}\": ");
    let middle = "no complete response within `requestTimeout`";
    matches!(error, Error::Timeout(s) if s.starts_with(&start) && s.contains(middle))
}

/// Each response brings one key and restarts the batch's time limit of forty seconds.
#[tokio::test]
async fn batch_that_reads_a_part_per_response_has_no_time_limit() {
    let store = answering(|_, sent| {
        let keys = asked(sent);
        Scene::from(found(&keys[..1], &keys[1..])).after(seconds(9))
    });
    let results = store.bulk_get(numbered(100), None).await;
    assert!(results.iter().all(|found| found == &Ok(Some(got()))));
    assert_eq!(store.requests().len(), 100);
    assert!(store.waits().is_empty());
}

#[tokio::test]
async fn batch_that_writes_a_part_per_response_has_no_time_limit() {
    let store = answering(|_, sent| {
        let first = written_keys(sent).remove(0);
        let left = leaving(sent, move |key| key != first);
        Scene::from(left).after(seconds(9))
    });
    let requests = numbered(25).iter().map(|key| set(key)).collect();
    let results = store.bulk_set(requests).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(store.requests().len(), 25);
    assert!(store.waits().is_empty());
}

#[tokio::test]
async fn batch_without_progress_ends_in_time() {
    let store = answering(|number, sent| {
        let keys = asked(sent);
        let read = usize::from(number < 3);
        Scene::from(found(&keys[..read], &keys[read..])).after(seconds(9))
    });
    let results = store.bulk_get(numbered(3), None).await;
    assert!(results[..2].iter().all(|found| found == &Ok(Some(got()))));
    assert!(matches!(&results[2], Err(Error::Throttled(s)) if s.contains("left it")));
    assert_eq!(store.requests().len(), 2 + 4);
    assert!(store.client.platform().monotonic() <= seconds(18 + 40));
}

#[tokio::test]
async fn stalled_bulk_get_does_not_send_the_rest() {
    let store = scripted([silence()]);
    let keys = numbered(250);
    let results = store.bulk_get(keys.clone(), None).await;
    assert_eq!(store.requests().len(), 4, "only for the first batch");
    assert_eq!(store.client.platform().monotonic(), seconds(40));
    for (n, (result, key)) in results.iter().zip(&keys).enumerate() {
        let error = result.as_ref().unwrap_err();
        match n {
            0..100 => assert!(is_unanswered(error, key), "{error}"),
            _ => assert!(is_not_sent(error, key), "{error}"),
        }
    }
}

#[tokio::test]
async fn stalled_bulk_set_does_not_send_the_rest() {
    let store = scripted([silence()]);
    let keys = numbered(30);
    let mut requests: Vec<_> = keys.iter().map(|key| set(key)).collect();
    let guarded = ["g1", "g2"];
    requests.extend(guarded.map(first_write));
    // The same key twice, so that both are sent one after the other.
    let twice = ["t", "t"];
    requests.extend(twice.map(set));
    let results = store.bulk_set(requests).await;
    assert_eq!(store.requests().len(), 4, "only for the first batch");
    let keys = keys.iter().map(String::as_str).chain(guarded).chain(twice);
    for (n, (result, key)) in results.iter().zip(keys).enumerate() {
        let error = result.as_ref().unwrap_err();
        match n {
            0..25 => assert!(is_unanswered(error, key), "{error}"),
            _ => assert!(is_not_sent(error, key), "{error}"),
        }
    }
}

#[tokio::test]
async fn success_restarts_the_time_limit_and_an_error_does_not() {
    let refused = || Scene::from(refusal(400, "SomethingNew")).after(seconds(9));
    let fine = || Scene::from(success()).after(seconds(9));
    // Requests start at 0, 9, 18 and 27 s. The success at 36 s allows more until 76 s.
    let store = answering(move |number, _| if number == 4 { fine() } else { refused() });
    let requests: Vec<_> = numbered(12).iter().map(|key| first_write(key)).collect();
    let results = store.bulk_set(requests).await;
    assert_eq!(store.requests().len(), 9, "4 until 36 s, 5 until 81 s");
    assert!(results[3].is_ok());
    for (n, result) in results.iter().enumerate() {
        let key = format!("k{n:03}");
        match (n, result) {
            (3, Ok(_)) | (0..9, Err(Error::Other(_))) => {}
            (9.., Err(error)) if is_not_sent(error, &key) => {}
            (_, result) => panic!("{key}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn partial_batch_restarts_the_time_limit() {
    let refused = || refusal(400, "SomethingNew");
    let later = |answer| Scene::from(answer).after(seconds(9));
    // The first batch is done in part at 9 s, and its rest fails at 18 s. The other batches
    // start at 18, 27, 36 and 45 s, all before 9 s + 40 s.
    let store = answering(move |number, sent| match number {
        1 => later(found(&asked(sent)[..1], &asked(sent)[1..])),
        _ => later(refused()),
    });
    let results = store.bulk_get(numbered(1_000), None).await;
    assert!(results[0].is_ok());
    assert!(is_not_sent(results[999].as_ref().unwrap_err(), "k999"));
    assert_eq!(store.requests().len(), 6);

    let store = answering(move |number, sent| match number {
        1 => later(leaving(sent, |key| key != "k000")),
        _ => later(refused()),
    });
    let requests = numbered(250).iter().map(|key| set(key)).collect();
    let results = store.bulk_set(requests).await;
    assert!(results[0].is_ok());
    assert!(is_not_sent(results[249].as_ref().unwrap_err(), "k249"));
    assert_eq!(store.requests().len(), 6);
}

#[tokio::test]
async fn call_whose_batches_succeed_has_no_time_limit() {
    let store = answering(|_, sent| Scene::from(found(&asked(sent), &[])).after(seconds(9)));
    let results = store.bulk_get(numbered(1_000), None).await;
    assert!(results.iter().all(|found| found == &Ok(Some(got()))));
    let store = scripted([Scene::from(success()).after(seconds(9))]);
    let requests = numbered(250).iter().map(|key| set(key)).collect();
    let results = store.bulk_set(requests).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(store.client.platform().monotonic(), seconds(90));
}
