//! No call waits longer than its configuration allows, and what ran out is named.

use std::time::{Duration, Instant};

use host_test::embedded::{Embedded, Storage};
use tokio::net::{TcpSocket, TcpStream};

use crate::faulty_server::{Fault, FaultyServer, answer};
use crate::fixture::{Settings, assert_error, assert_refused, reaching, whole};

/// No configured time comes near to it, and no machine is so slow that it takes longer where it should take less.
const IN_DUE_TIME: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout_in_due_time() {
    let server = FaultyServer::start(Fault::Silence).await;
    let settings = Settings::at(&server.endpoint)
        .with("table", "t")
        .with("requestTimeout", "300ms");
    let mut store = settings.blank().await;
    let began = Instant::now();
    let answer = store.state().init(&settings.metadata).await;
    assert_refused(answer, "timeout", &["requestTimeout"]);
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(300) && took < IN_DUE_TIME,
        "{took:?}"
    );
}

#[tokio::test]
async fn a_server_that_answers_byte_by_byte_does_not_outrun_the_timeout() {
    let body = answer("200 OK", "", &"{}".repeat(200));
    let server = FaultyServer::start(Fault::Trickles(body, Duration::from_millis(50))).await;
    let settings = Settings::at(&server.endpoint)
        .with("table", "t")
        .with("requestTimeout", "300ms");
    let mut store = settings.blank().await;
    let began = Instant::now();
    let answer = store.state().init(&settings.metadata).await;
    assert_refused(answer, "timeout", &[]);
    assert!(began.elapsed() < IN_DUE_TIME, "{:?}", began.elapsed());
}

/// A port whose queue of waiting connections is full: the system drops the packet that would open another one.
async fn full_port() -> (String, TcpSocketInUse) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let listener = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    for _ in 0..64 {
        let connecting = TcpStream::connect(address);
        // Where there is room, the system itself connects, and the runtime has only to notice.
        match tokio::time::timeout(Duration::from_secs(3), connecting).await {
            Ok(connected) => waiting.push(connected.unwrap()),
            Err(_) => return (format!("http://{address}"), (listener, waiting)),
        }
    }
    panic!("the queue takes every connection");
}

/// What keeps the port full.
type TcpSocketInUse = (tokio::net::TcpListener, Vec<TcpStream>);

#[tokio::test]
async fn a_server_that_takes_no_connection_is_a_timeout_in_due_time() {
    let (endpoint, _kept) = full_port().await;
    let settings = Settings::at(&endpoint)
        .with("table", "t")
        .with("connectTimeout", "300ms")
        .with("maxAttempts", "1");
    let mut store = settings.blank().await;
    let began = Instant::now();
    let answer = store.state().init(&settings.metadata).await;
    assert_refused(answer, "timeout", &["connectTimeout"]);
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(300) && took < IN_DUE_TIME,
        "{took:?}"
    );
}

/// 20 requests that each wait 2 s would be 40 s in turn.
#[tokio::test]
async fn a_bulk_call_that_nobody_answers_sends_some_requests_together_and_the_rest_not_at_all() {
    let server = FaultyServer::start(Fault::Silence).await;
    let more = [
        ("AWS_MAX_ATTEMPTS", "1"),
        ("DYNAMODB_REQUEST_TIMEOUT", "2s"),
    ];
    let mut store = reaching(&server.endpoint, &whole("t", &server.endpoint, &more)).await;
    let keys: Vec<String> = (0..2000).map(|i| format!("k-{i}")).collect();
    let began = Instant::now();
    let read = store.state().bulk_get(&keys, None).await.unwrap();
    let took = began.elapsed();
    assert_eq!(read.len(), 2000);
    for answer in read {
        assert_error(&answer.unwrap_err(), "timeout", &["requestTimeout"]);
    }
    assert_eq!((server.connections(), server.most_at_once()), (8, 8));
    assert!(took < IN_DUE_TIME, "{took:?}");
}

/// What an earlier call has waited with in vain must neither end a later one early nor keep it waiting.
#[tokio::test]
async fn every_call_has_its_own_time_whatever_calls_went_before() {
    // An engine that no other test keeps busy.
    let engine = Embedded::start(Storage::Memory).await.unwrap();
    engine.create_table("own", "key").await.unwrap();
    let server = FaultyServer::start(Fault::Silence).await;
    let settings = Settings::at(engine.endpoint())
        .with("table", "own")
        .with("requestTimeout", "3s");
    let silent = settings.through(&server.endpoint).with("maxAttempts", "1");
    let mut store = silent.blank().await;
    store.state().init(&settings.metadata).await.unwrap();
    // What `init` waited with is due by now, and what this call waits with comes due in the middle of the next.
    tokio::time::sleep(Duration::from_millis(3_600)).await;
    assert_eq!(store.state().get("absent", None).await.unwrap(), None);
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
