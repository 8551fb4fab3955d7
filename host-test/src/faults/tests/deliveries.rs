use super::*;

/// The body of the upstream's answer to a PutItem.
const BODY: &str = "{}";

async fn delivered(delivery: Delivery) -> (Embedded, FaultProxy) {
    proxied(Writes(Action::deliver(delivery))).await
}

/// The request took effect, whatever became of its answer.
async fn written(embedded: &Embedded) -> bool {
    !embedded.scan("state").await.unwrap().is_empty()
}

#[tokio::test]
async fn an_answer_that_is_dropped_ends_its_connection_without_a_byte() {
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
async fn a_truncated_answer_says_more_than_it_brings_or_nothing_of_its_length() {
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
async fn an_answer_that_is_withheld_stays_away_while_its_connection_stays_open() {
    for (delivery, arrives) in [
        (Delivery::Withheld, 0),
        (Delivery::WithheldInHead, 17),
        (Delivery::WithheldAfter(1), 100),
    ] {
        let (embedded, proxy) = delivered(delivery).await;
        let (start, mut stream) = start_of_put(&proxy, arrives).await;
        assert!(start.is_empty() || start.starts_with("HTTP/1.1 200 OK\r\n"));
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_millis(100), stream.read_to_end(&mut rest));
        assert!(ended.await.is_err(), "{delivery:?}");
        assert!(!rest.ends_with(BODY.as_bytes()), "{rest:?}");
        assert!(written(&embedded).await);
    }
}

#[tokio::test]
async fn an_answer_that_trickles_arrives_whole_in_the_end() {
    let (_embedded, proxy) = delivered(Delivery::Trickled(Duration::from_millis(1))).await;
    let (bytes, in_order) = bytes_of_put(&proxy).await;
    assert!(
        bytes.ends_with("content-length: 2\r\n\r\n{}") && in_order,
        "{bytes}"
    );
}

#[tokio::test]
async fn a_corrupted_answer_has_the_checksum_of_what_it_was() {
    let (_embedded, proxy) = delivered(Delivery::Corrupted).await;
    let (start, _stream) = start_of_put(&proxy, 300).await;
    let (head, body) = start.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!(
        "x-amz-crc32: {}",
        crc32fast::hash(BODY.as_bytes())
    )));
    assert_eq!(body, "{|");
}

#[tokio::test]
async fn a_compressed_answer_says_so_and_has_its_own_checksum() {
    let (_embedded, proxy) = delivered(Delivery::Gzipped).await;
    let mut stream = connect(&proxy).await.unwrap();
    send_put(&mut stream).await;
    let mut bytes = [0; 1024];
    let read = stream.read(&mut bytes).await.unwrap();
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let body = &bytes[end + 4..read];
    assert!(head.contains("content-encoding: gzip"));
    assert!(head.contains(&format!("x-amz-crc32: {}", crc32fast::hash(body))));
    assert_eq!(body[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn what_http_allows_is_framed_as_http_has_it() {
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
async fn an_answer_may_be_followed_by_one_that_nobody_asked_for() {
    let (_embedded, proxy) = delivered(Delivery::Followed).await;
    let mut stream = connect(&proxy).await.unwrap();
    send_put(&mut stream).await;
    let mut bytes = String::new();
    while bytes.matches("HTTP/1.1 200 OK").count() < 2 || !bytes.ends_with("{}") {
        let mut more = [0; 256];
        let read = stream.read(&mut more).await.unwrap();
        bytes.push_str(std::str::from_utf8(&more[..read]).unwrap());
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_has_no_effect_and_what_is_delayed_has_its_later() {
    let (embedded, proxy) = proxied(Writes(Action::drop_request())).await;
    assert_eq!(bytes_of_put(&proxy).await, (String::new(), true));
    assert!(!written(&embedded).await);
    assert_eq!(
        proxy.count("PutItem"),
        Count {
            arrived: 1,
            forwarded: 0
        }
    );

    let slow = Action::pass().delayed(Duration::from_millis(20));
    let (embedded, proxy) = proxied(Writes(slow)).await;
    raw_call(proxy.endpoint(), "PutItem", &put("k"))
        .await
        .unwrap();
    assert!(written(&embedded).await);
    assert_eq!(
        proxy.count("PutItem"),
        Count {
            arrived: 1,
            forwarded: 1
        }
    );
}

#[tokio::test]
async fn pages_for_people_and_redirects_take_the_place_of_answers() {
    let redirect = Reply::redirect(StatusCode::TEMPORARY_REDIRECT, "http://127.0.0.1:1/");
    let html = Reply::html(StatusCode::OK);
    for (reply, says) in [(redirect, "location: http://127.0.0.1:1/"), (html, "<h1>")] {
        let (embedded, proxy) = proxied(Writes(Action::answer(reply))).await;
        let mut stream = connect(&proxy).await.unwrap();
        send_put(&mut stream).await;
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(String::from_utf8_lossy(&bytes[..read]).contains(says));
        assert!(!written(&embedded).await);
    }
}
