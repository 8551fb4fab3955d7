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
async fn what_is_no_batch_is_passed_on_whole() {
    let (embedded, proxy) = proxied(Writes(Action::leave_unprocessed(0))).await;
    raw_call(proxy.endpoint(), "PutItem", &put("k"))
        .await
        .unwrap();
    assert_eq!(embedded.scan("state").await.unwrap().len(), 1);
}
