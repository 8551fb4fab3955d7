use super::*;

/// The body of the upstream's response to a PutItem.
const BODY: &str = "{}";

async fn delivered(delivery: Delivery) -> (Embedded, FaultProxy) {
    proxied(writes(Action::deliver(delivery))).await
}

/// Returns true if the request took effect, whatever happened to its response.
async fn written(embedded: &Embedded) -> bool {
    !embedded.scan("state").await.unwrap().is_empty()
}

#[tokio::test]
async fn dropped_response_ends_its_connection_without_a_byte() {
    for (delivery, in_order) in [
        (Delivery::Closed, true),
        (Delivery::Reset, false),
        (Delivery::Outage(Duration::ZERO), false),
    ] {
        let (embedded, proxy) = delivered(delivery).await;
        assert_eq!(bytes_of_put(&proxy).await, (String::new(), in_order));
        assert!(written(&embedded).await, "{delivery:?}");
    }
}

#[tokio::test]
async fn truncated_response_is_shorter_than_its_length() {
    let (_embedded, proxy) = delivered(Delivery::Truncated(1)).await;
    let (bytes, in_order) = bytes_of_put(&proxy).await;
    assert!(
        bytes.ends_with("content-length: 2\r\n\r\n{") && in_order,
        "{bytes}"
    );
    let (_embedded, proxy) = delivered(Delivery::TruncatedUnframed(1)).await;
    let (bytes, in_order) = bytes_of_put(&proxy).await;
    assert!(bytes.ends_with("\r\n\r\n{") && in_order, "{bytes}");
    assert!(!bytes.contains("content-length"), "{bytes}");
}

#[tokio::test]
async fn withheld_response_leaves_its_connection_open() {
    for (delivery, arrives) in [
        (Delivery::Withheld, ""),
        (Delivery::WithheldInHead, "HTTP/1.1 200 OK\r\n"),
        (Delivery::WithheldAfter(1), "content-length: 2\r\n\r\n{"),
    ] {
        let (embedded, proxy) = delivered(delivery).await;
        let (_, mut stream) = put_answered_up_to(&proxy, arrives.as_bytes()).await;
        let effect = async {
            while !written(&embedded).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, effect)
            .await
            .expect("it is done");
        let more = tokio::time::timeout(Duration::from_millis(50), stream.read_u8());
        assert!(more.await.is_err(), "{delivery:?}");
    }
}

#[tokio::test]
async fn trickled_response_arrives_completely() {
    let (_embedded, proxy) = delivered(Delivery::Trickled(Duration::from_millis(1))).await;
    let (bytes, in_order) = bytes_of_put(&proxy).await;
    assert!(
        bytes.ends_with("content-length: 2\r\n\r\n{}") && in_order,
        "{bytes}"
    );
}

#[tokio::test]
async fn corrupted_response_keeps_its_original_checksum() {
    let (_embedded, proxy) = delivered(Delivery::Corrupted).await;
    let (bytes, _stream) = put_answered_up_to(&proxy, b"{|").await;
    let checksum = crc32fast::hash(BODY.as_bytes());
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.contains(&format!("x-amz-crc32: {checksum}\r\n")),
        "{text}"
    );
}

#[tokio::test]
async fn compressed_response_has_its_own_checksum() {
    let (_embedded, proxy) = delivered(Delivery::Gzipped).await;
    let (head, mut stream) = put_answered_up_to(&proxy, b"\r\n\r\n").await;
    let head = String::from_utf8(head).unwrap();
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    let mut body = [0; 256];
    let read = stream.read(&mut body).await.unwrap();
    let checksum = crc32fast::hash(&body[..read]);
    assert!(
        head.contains(&format!("x-amz-crc32: {checksum}\r\n")),
        "{head}"
    );
    assert_eq!(body[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn unusual_deliveries_have_the_expected_framing() {
    for (delivery, end) in [
        (Delivery::HungUp, "content-length: 2\r\n\r\n{}"),
        (
            Delivery::Last,
            "content-length: 2\r\nconnection: close\r\n\r\n{}",
        ),
        (Delivery::Chunked, "\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
        (
            Delivery::LengthTwice,
            "content-length: 2\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        ),
        (
            Delivery::TwoLengths,
            "content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        ),
    ] {
        let (_embedded, proxy) = delivered(delivery).await;
        let (bytes, in_order) = bytes_of_put(&proxy).await;
        assert!(bytes.ends_with(end) && in_order, "{delivery:?}: {bytes}");
    }
    let (_embedded, proxy) = delivered(Delivery::AfterInterim).await;
    let (bytes, _) = bytes_of_put(&proxy).await;
    assert!(
        bytes.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{bytes}"
    );
}

#[tokio::test]
async fn response_may_be_followed_by_an_unrequested_one() {
    let (_embedded, proxy) = delivered(Delivery::Followed).await;
    let surplus = "{}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    put_answered_up_to(&proxy, surplus.as_bytes()).await;
}

#[tokio::test]
async fn dropped_request_has_no_effect_but_a_delayed_one_has() {
    let (embedded, proxy) = proxied(writes(Action::drop_request())).await;
    assert_eq!(bytes_of_put(&proxy).await, (String::new(), true));
    assert!(!written(&embedded).await);
    assert_eq!(counted(&proxy, "PutItem"), (1, 0));

    let slow = Action::pass().delayed(Duration::from_millis(20));
    let (embedded, proxy) = proxied(writes(slow)).await;
    call(&proxy, "PutItem", &put("k")).await;
    assert!(written(&embedded).await);
    assert_eq!(counted(&proxy, "PutItem"), (1, 1));
}

#[tokio::test]
async fn html_pages_and_redirects_replace_the_response() {
    let redirect = Reply::redirect(StatusCode::TEMPORARY_REDIRECT, "http://127.0.0.1:1/");
    let html = Reply::html(StatusCode::OK);
    for (reply, says) in [(redirect, "location: http://127.0.0.1:1/"), (html, "<h1>")] {
        let (embedded, proxy) = proxied(writes(Action::answer(reply))).await;
        put_answered_up_to(&proxy, says.as_bytes()).await;
        assert!(!written(&embedded).await);
    }
}

#[tokio::test]
async fn raw_bytes_replace_the_response_at_once_or_one_by_one() {
    for delivery in [
        Delivery::Ordinary,
        Delivery::Trickled(Duration::from_millis(1)),
    ] {
        let action = Action {
            delivery,
            ..Action::bytes(b"no HTTP".to_vec())
        };
        let proxy = FaultProxy::stub(action).unwrap();
        assert_eq!(bytes_of_put(&proxy).await, ("no HTTP".to_owned(), true));
        assert_eq!(counted(&proxy, "PutItem"), (1, 0));
    }
}

#[tokio::test]
async fn endless_response_continues_until_the_client_closes() {
    let (_embedded, proxy) = delivered(Delivery::Endless).await;
    let (_, mut stream) = put_answered_up_to(&proxy, b"\r\n\r\n10000\r\n").await;
    let mut much = vec![0; 1 << 20];
    stream.read_exact(&mut much).await.unwrap();
    drop(stream);
    proxy.closed_connections().await;
}
