//! Tests of request sizes. A bulk call keeps its requests below DynamoDB's limit on the wire,
//! and makes them smaller if a proxy accepts less.

use super::{
    SetRequest, answering, asked, delete, found, got, leaving, numbered, scripted, set,
    written_keys,
};
use crate::error::Error;
use crate::http::Response;
use crate::test_support::{Sent, html, refusal, success};

/// The maximum size of a BatchWriteItem in bytes, if a MB is 10^6 bytes.
const MOST: usize = 16_000_000;

fn large(byte: u8) -> Vec<SetRequest> {
    let of_value = |key: &String| SetRequest {
        value: vec![byte; 400_000],
        ..set(key)
    };
    numbered(25).iter().map(of_value).collect()
}

#[tokio::test]
async fn escaped_values_are_sent_in_requests_below_16_mb() {
    for (byte, requests) in [(b'x', 1), (0xff, 1), (b'"', 2), (0x01, 5)] {
        let store = scripted([success()]);
        let results = store.bulk_set(large(byte)).await;
        assert!(results.iter().all(Result::is_ok));
        let sent = store.requests();
        let sizes: Vec<_> = sent.iter().map(|sent| sent.body.len()).collect();
        assert_eq!(sizes.len(), requests, "{byte}: {sizes:?}");
        assert!(sizes.iter().all(|size| *size < MOST), "{byte}: {sizes:?}");
        let keys: Vec<_> = sent.iter().flat_map(written_keys).collect();
        assert_eq!(keys, numbered(25));
    }
}

/// Returns the response of a proxy that accepts only bodies of at most `most` bytes.
fn short(sent: &Sent, most: usize) -> Option<Response> {
    (sent.body.len() > most).then(|| html(413))
}

#[tokio::test]
async fn batch_too_large_for_a_proxy_is_sent_in_halves() {
    for refused in [html(413), refusal(413, "RequestEntityTooLarge")] {
        let store = answering(move |_, sent| match written_keys(sent).len() {
            0..=7 => success(),
            _ => refused.clone(),
        });
        let requests = numbered(25).iter().map(|key| set(key)).collect();
        let results = store.bulk_set(requests).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let counts: Vec<_> = store
            .requests()
            .iter()
            .map(|s| written_keys(s).len())
            .collect();
        assert_eq!(counts, [25, 12, 6, 6, 13, 6, 7]);
        assert!(store.waits().is_empty());
    }
}

#[tokio::test]
async fn deletes_and_unprocessed_writes_are_sent_in_halves() {
    let store = answering(|number, sent| match number {
        1 => leaving(sent, |key| key != "k000"),
        2 => html(413),
        _ => success(),
    });
    let requests = numbered(5).iter().map(|key| delete(key)).collect();
    let results = store.bulk_delete(requests).await;
    assert_eq!(results, [Ok(()), Ok(()), Ok(()), Ok(()), Ok(())]);
    let counts: Vec<_> = store
        .requests()
        .iter()
        .map(|s| written_keys(s).len())
        .collect();
    assert_eq!(counts, [5, 4, 2, 2]);
}

#[tokio::test]
async fn single_item_too_large_for_a_proxy_is_too_large() {
    let large = SetRequest {
        value: vec![b'x'; 2_000],
        ..set("large")
    };
    let store = answering(|_, sent| short(sent, 1_000).unwrap_or_else(success));
    let requests = vec![set("a"), large.clone(), set("c")];
    let results = store.bulk_set(requests).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let about = |operation: &str| {
        format!(
            "key \"large\": {operation} on table `orders`: the request exceeds the size limit of https://dynamodb.eu-west-1.amazonaws.com/ (HTTP 413, content type text/html): use smaller values, or raise the limit of the proxy in front of DynamoDB"
        )
    };
    let expected = Error::TooLarge(about("BatchWriteItem"));
    assert_eq!(results[1], Err(expected));
    let error = store.set(large).await.unwrap_err();
    assert_eq!(error, Error::TooLarge(about("PutItem")));
}

/// The proxy refused the request, so nothing is read back or sent again.
#[tokio::test]
async fn write_refused_for_its_size_has_a_known_outcome() {
    for refused in [html(413), refusal(413, "RequestEntityTooLarge")] {
        let store = scripted([refused.clone()]);
        let error = store.set(set("a")).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge(_)), "{error}");
        let error = store
            .transact(super::sets(vec![set("a")]))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::TooLarge(_)), "{error}");
        assert_eq!(store.operations(), ["PutItem", "TransactWriteItems"]);
    }
}

#[tokio::test]
async fn too_many_keys_for_a_proxy_are_requested_in_halves() {
    let store = answering(|_, sent| match asked(sent) {
        keys if keys.len() > 30 => html(413),
        keys => found(&keys, &[]),
    });
    let results = store.bulk_get(numbered(100), None).await;
    assert!(results.iter().all(|found| found == &Ok(Some(got()))));
    let counts: Vec<_> = store.requests().iter().map(|s| asked(s).len()).collect();
    assert_eq!(counts, [100, 50, 25, 25, 50, 25, 25]);

    let store = scripted([html(413)]);
    let results = store.bulk_get(numbered(2), None).await;
    let are_too_large = |r: &Result<_, Error>| matches!(r, Err(Error::TooLarge(_)));
    assert!(results.iter().all(are_too_large), "{results:?}");
    assert_eq!(store.requests().len(), 3);
}
