//! A bulk call keeps its requests below what DynamoDB takes on the wire.

use super::{SetRequest, written_keys};
use super::{answering, asked, delete, found, got, leaving, numbered, scripted, set};
use crate::aws::message::Response;
use crate::error::Error;
use crate::scripted::{Sent, html, refusal, success};

/// What DynamoDB takes of a BatchWriteItem, if a MB is 10^6 bytes.
const MOST: usize = 16_000_000;

fn large(byte: u8) -> Vec<SetRequest> {
    let of_value = |key: &String| SetRequest {
        value: vec![byte; 400_000],
        ..set(key)
    };
    numbered(25).iter().map(of_value).collect()
}

#[tokio::test]
async fn values_that_json_escapes_are_sent_in_requests_below_16_mb() {
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
