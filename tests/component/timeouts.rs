//! No call waits longer than its configuration allows, and a timeout error names the field that set
//! the limit.

use crate::fixture::{Settings, assert_error, assert_refused, own_engine, reaching, whole};
use http::StatusCode;
use std::time::{Duration, Instant};
use test_support::faults::{Action, Delivery, FaultProxy, Reply};
use tokio::net::{TcpSocket, TcpStream};

/// Far longer than any configured time, so no machine is slow enough to exceed it by accident.
const IN_DUE_TIME: Duration = Duration::from_secs(30);

/// The timeout of the calls that are expected to reach it.
const SHORT: Duration = Duration::from_millis(300);

/// Asserts that `init` fails with a timeout that names this field, and not too early.
async fn assert_times_out(endpoint: &str, field: &str) {
    let settings = Settings::at(endpoint).with("table", "t");
    let settings = settings.with(field, "300ms").with("maxAttempts", "1");
    let mut store = settings.blank().await;
    let began = Instant::now();
    let answer = store.state().init(&settings.metadata).await;
    assert_refused(answer, "timeout", &[field]);
    let took = began.elapsed();
    assert!(took >= SHORT && took < IN_DUE_TIME, "{took:?}");
}

#[tokio::test]
async fn server_that_never_responds_is_a_timeout() {
    let server = FaultProxy::stub(Action::deliver(Delivery::Withheld)).unwrap();
    assert_times_out(server.endpoint(), "requestTimeout").await;
}

#[tokio::test]
async fn response_sent_byte_by_byte_still_times_out() {
    let delivery = Delivery::Trickled(Duration::from_millis(50));
    let long = "{}".repeat(200);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", long.len());
    let reply = Reply::text(StatusCode::OK, "application/x-amz-json-1.0", &long);
    for action in [Action::answer(reply), Action::bytes(head + &long)] {
        let server = FaultProxy::stub(Action { delivery, ..action }).unwrap();
        assert_times_out(server.endpoint(), "requestTimeout").await;
    }
}

/// Returns a port with a full backlog: the operating system drops the packet that would open
/// another connection.
async fn full_port() -> (String, TcpSocketInUse) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let listener = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    for _ in 0..64 {
        let connecting = TcpStream::connect(address);
        // If the backlog has room, the operating system itself connects, and the runtime only has
        // to notice it.
        match tokio::time::timeout(Duration::from_secs(3), connecting).await {
            Ok(connected) => waiting.push(connected.unwrap()),
            Err(_) => return (format!("http://{address}"), (listener, waiting)),
        }
    }
    panic!("the queue takes every connection");
}

/// The listener and the connections that keep the backlog full.
type TcpSocketInUse = (tokio::net::TcpListener, Vec<TcpStream>);

#[tokio::test]
async fn server_that_accepts_no_connection_is_a_timeout() {
    let (endpoint, _kept) = full_port().await;
    assert_times_out(&endpoint, "connectTimeout").await;
}

/// 20 requests that wait 2 s each would take 40 s one after another.
#[tokio::test]
async fn unanswered_bulk_call_sends_one_round_of_requests() {
    let server = FaultProxy::stub(Action::deliver(Delivery::Withheld)).unwrap();
    let more = [
        ("AWS_MAX_ATTEMPTS", "1"),
        ("DYNAMODB_REQUEST_TIMEOUT", "2s"),
    ];
    let mut store = reaching(server.endpoint(), &whole("t", server.endpoint(), &more)).await;
    let keys: Vec<String> = (0..2000).map(|i| format!("k-{i}")).collect();
    let began = Instant::now();
    let read = store.state().bulk_get(&keys, None).await.unwrap();
    let took = began.elapsed();
    assert_eq!(read.len(), 2000);
    for answer in read {
        assert_error(&answer.unwrap_err(), "timeout", &["requestTimeout"]);
    }
    assert_eq!((server.connections(), server.most_connections()), (8, 8));
    assert!(took < IN_DUE_TIME, "{took:?}");
}

/// A timer left over from an earlier call must neither end a later call early nor delay it.
#[tokio::test]
async fn timer_of_an_earlier_call_does_not_affect_a_later_one() {
    // An engine that no other test uses.
    let (_engine, settings) = own_engine().await;
    let server = FaultProxy::stub(Action::deliver(Delivery::Withheld)).unwrap();
    let settings = settings.with("requestTimeout", "3s");
    let silent = settings.through(server.endpoint()).with("maxAttempts", "1");
    let mut store = silent.blank().await;
    store.state().init(&settings.metadata).await.unwrap();
    // The timer of `init` is due by now. The timer of this call comes due in the middle of the next
    // call.
    tokio::time::sleep(Duration::from_millis(3_600)).await;
    assert_eq!(store.get("absent").await, None);
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    let began = Instant::now();
    let answer = store.state().init(&silent.metadata).await;
    assert_refused(answer, "timeout", &["requestTimeout"]);
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(3) && took < IN_DUE_TIME,
        "{took:?}"
    );
}
