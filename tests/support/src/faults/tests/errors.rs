use super::*;

#[tokio::test]
async fn every_error_has_its_status_its_type_and_a_checksum() {
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
async fn an_error_comes_in_place_of_the_effect_or_after_it() {
    let error = AwsError::named("InternalServerError").unwrap();
    for (action, items) in [
        (Action::error(&error), 0),
        (Action::error_after_effect(&error), 1),
    ] {
        let (embedded, proxy) = proxied(Writes(action)).await;
        let (status, body) = raw_call(proxy.endpoint(), "PutItem", &put("k"))
            .await
            .unwrap();
        assert_eq!(status, 500);
        assert_eq!(
            body["__type"],
            "com.amazonaws.dynamodb.v20120810#InternalServerError"
        );
        assert_eq!(embedded.scan("state").await.unwrap().len(), items);
        let forwarded = items as u64;
        assert_eq!(
            proxy.count("PutItem"),
            Count {
                arrived: 1,
                forwarded
            }
        );
    }
}

#[test]
fn an_error_can_ask_to_wait_and_tell_the_time() {
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
fn a_cancelled_transaction_has_a_reason_for_each_operation() {
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
