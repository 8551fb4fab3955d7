use super::*;

#[tokio::test]
async fn a_batch_is_written_in_part_and_the_rest_comes_back() {
    for (written, forwarded) in [(0, 0), (1, 1), (2, 1)] {
        let (embedded, proxy) = proxied(Writes(Action::leave_unprocessed(written))).await;
        let request = |key: &str| json!({ "PutRequest": { "Item": { "key": { "S": key } } } });
        let batch = json!({ "RequestItems": { "state": [request("a"), request("b")] } });
        let (status, body) = raw_call(proxy.endpoint(), "BatchWriteItem", &batch)
            .await
            .unwrap();
        assert_eq!(status, 200);
        let left = body["UnprocessedItems"]["state"].as_array();
        assert_eq!(left.map_or(0, Vec::len), 2 - written);
        assert_eq!(embedded.scan("state").await.unwrap().len(), written);
        assert_eq!(
            proxy.count("BatchWriteItem"),
            Count {
                arrived: 1,
                forwarded
            }
        );
    }
}

#[tokio::test]
async fn items_of_one_partition_are_read_1_mb_at_a_time() {
    struct OnePartition;
    impl Director for OnePartition {
        fn decide<'a>(&'a self, _: &'a Arrived) -> Decision<'a, Action> {
            Box::pin(async { Action::one_partition() })
        }
    }
    let (_embedded, proxy) = proxied(OnePartition).await;
    let names = ["a", "b", "c"];
    for name in names {
        let mut put = put(name);
        put["Item"]["value"] = json!({ "S": "x".repeat(390_000) });
        raw_call(proxy.endpoint(), "PutItem", &put).await.unwrap();
    }
    let keys = names.map(|name| json!({ "key": { "S": name } }));
    let batch = json!({ "RequestItems": { "state": { "Keys": keys } } });
    let (status, body) = raw_call(proxy.endpoint(), "BatchGetItem", &batch)
        .await
        .unwrap();
    assert_eq!(status, 200);
    let count = |list: &Value| list.as_array().unwrap().len();
    assert_eq!(count(&body["Responses"]["state"]), 2);
    assert_eq!(count(&body["UnprocessedKeys"]["state"]["Keys"]), 1);
}

#[tokio::test]
async fn what_is_no_batch_is_passed_on_whole() {
    let (embedded, proxy) = proxied(Writes(Action::leave_unprocessed(0))).await;
    raw_call(proxy.endpoint(), "PutItem", &put("k"))
        .await
        .unwrap();
    assert_eq!(embedded.scan("state").await.unwrap().len(), 1);
}
