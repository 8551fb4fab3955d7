//! The responses that the proxy makes itself: partly processed batches, and errors.

use super::*;

#[tokio::test]
async fn batch_is_written_in_part_and_the_rest_is_returned() {
    for (written, forwarded) in [(0, 0), (1, 1), (2, 1)] {
        let (embedded, proxy) = proxied(writes(Action::leave_unprocessed(written))).await;
        let request = |key: &str| json!({ "PutRequest": { "Item": { "key": { "S": key } } } });
        let batch = json!({ "RequestItems": { "state": [request("a"), request("b")] } });
        let (status, body) = call(&proxy, "BatchWriteItem", &batch).await;
        assert_eq!(status, 200);
        let left = body["UnprocessedItems"]["state"].as_array();
        assert_eq!(left.map_or(0, Vec::len), 2 - written);
        assert_eq!(embedded.scan("state").await.unwrap().len(), written);
        assert_eq!(counted(&proxy, "BatchWriteItem"), (1, forwarded));
    }
}

#[tokio::test]
async fn items_of_one_partition_are_read_1_mb_at_a_time() {
    let (_embedded, proxy) = proxied(|_: &Arrived| Action::one_partition()).await;
    let names = ["a", "b", "c"];
    for name in names {
        let mut put = put(name);
        put["Item"]["value"] = json!({ "S": "x".repeat(390_000) });
        call(&proxy, "PutItem", &put).await;
    }
    let keys = names.map(|name| json!({ "key": { "S": name } }));
    let batch = json!({ "RequestItems": { "state": { "Keys": keys } } });
    let (status, body) = call(&proxy, "BatchGetItem", &batch).await;
    assert_eq!(status, 200);
    let count = |list: &Value| list.as_array().unwrap().len();
    assert_eq!(count(&body["Responses"]["state"]), 2);
    assert_eq!(count(&body["UnprocessedKeys"]["state"]["Keys"]), 1);
}

#[tokio::test]
async fn other_operations_are_passed_on_whole() {
    let (embedded, proxy) = proxied(writes(Action::leave_unprocessed(0))).await;
    call(&proxy, "PutItem", &put("k")).await;
    assert_eq!(embedded.scan("state").await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_error_has_its_status_type_and_checksum() {
    for known in ERRORS {
        let reply = AwsError::named(known.code).unwrap().reply();
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let kind = body["__type"].as_str().unwrap();
        assert!(kind.ends_with(&format!("#{}", known.code)), "{kind}");
        assert!(reply.status.is_client_error() || reply.status.is_server_error());
        assert_eq!(
            reply.headers["x-amz-crc32"],
            crc32fast::hash(&reply.body).to_string()
        );
    }
    assert_eq!(AwsError::named("NoSuchError"), None);
}

#[tokio::test]
async fn error_is_sent_instead_of_the_effect_or_after_it() {
    let error = AwsError::named("InternalServerError").unwrap();
    for (action, items) in [
        (Action::error(&error), 0),
        (Action::error_after_effect(&error), 1),
    ] {
        let (embedded, proxy) = proxied(writes(action)).await;
        let (status, body) = call(&proxy, "PutItem", &put("k")).await;
        assert_eq!(status, 500);
        assert_eq!(
            body["__type"],
            "com.amazonaws.dynamodb.v20120810#InternalServerError"
        );
        assert_eq!(embedded.scan("state").await.unwrap().len(), items);
        let forwarded = items as u64;
        assert_eq!(counted(&proxy, "PutItem"), (1, forwarded));
    }
}

#[test]
fn error_can_ask_to_wait_and_set_the_date() {
    let error = AwsError {
        retry_after: Some(Duration::from_millis(50)),
        date: Some("Tue, 14 Nov 2023 22:13:20 GMT".to_owned()),
        ..AwsError::named("ThrottlingException").unwrap()
    };
    let reply = error.reply();
    assert_eq!(reply.headers["x-amz-retry-after"], "50");
    assert_eq!(reply.headers["date"], "Tue, 14 Nov 2023 22:13:20 GMT");
}

#[test]
fn cancelled_transaction_has_a_reason_for_each_operation() {
    let error = AwsError::cancelled(&["None", "TransactionConflict"]);
    let body: Value = serde_json::from_slice(&error.reply().body).unwrap();
    assert_eq!(body["CancellationReasons"][0], json!({ "Code": "None" }));
    assert_eq!(
        body["CancellationReasons"][1]["Code"],
        "TransactionConflict"
    );
    assert!(
        body["Message"]
            .as_str()
            .unwrap()
            .contains("[None, TransactionConflict]")
    );
}
