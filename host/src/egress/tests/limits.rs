//! Connections are limited per host and in total, and requests per instance and per plugin. Requests above a limit wait until
//! their timeout.

use super::server::{OK, Server, refusing};
use super::{
    Egress, EgressBuilder, Outgoing, Parts, allowing, call, connecting_within, egress_to, instance,
    post, send, whole,
};
use crate::InternalAddresses;
use crate::tests::{assert_matches, number};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, yield_now};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// The timeout of a request that must wait without success. Requests that must succeed do not have this timeout.
const BRIEFLY: Duration = Duration::from_millis(100);

fn egress_with(connections: usize, urls: &[String]) -> Egress {
    let builder = urls
        .iter()
        .fold(Egress::builder(), EgressBuilder::allow_url);
    let builder = builder.max_connections_per_host(number(connections));
    builder.build().unwrap()
}

/// A server that reports the path of each request and responds when a test allows it.
struct Held {
    server: Server,
    arrived: mpsc::UnboundedReceiver<String>,
    answers: Arc<Semaphore>,
    /// The number of concurrent requests now, and its maximum.
    at_a_time: Arc<Mutex<(usize, usize)>>,
}

impl Held {
    async fn start() -> Self {
        let (arriving, arrived) = mpsc::unbounded_channel();
        let answers = Arc::new(Semaphore::new(0));
        let at_a_time = Arc::new(Mutex::new((0, 0)));
        let (may_answer, counted) = (Arc::clone(&answers), Arc::clone(&at_a_time));
        let server = Server::start(move |mut connection| {
            let arriving = arriving.clone();
            let (may_answer, counted) = (Arc::clone(&may_answer), Arc::clone(&counted));
            async move {
                while let Some(head) = connection.request().await {
                    {
                        let (now, most) = &mut *counted.lock().unwrap();
                        *now += 1;
                        *most = (*most).max(*now);
                    }
                    let _ = arriving.send(head.split(' ').nth(1).unwrap().to_owned());
                    may_answer.acquire().await.unwrap().forget();
                    counted.lock().unwrap().0 -= 1;
                    connection.write(OK).await;
                }
            }
        })
        .await;
        Self {
            server,
            arrived,
            answers,
            at_a_time,
        }
    }
}

type Called = Result<(StatusCode, bytes::Bytes), Error>;

fn spawn_call(egress: &Egress, url: &str) -> JoinHandle<Called> {
    let (egress, url) = (egress.clone(), url.to_owned());
    tokio::spawn(async move { call(&egress, &url).await })
}

#[tokio::test]
async fn concurrent_requests_to_a_host_are_limited() {
    let mut held = Held::start().await;
    let url = held.server.url();
    let egress = egress_with(2, std::slice::from_ref(&url));
    let calls = [(); 6].map(|()| spawn_call(&egress, &url));
    held.arrived.recv().await.unwrap();
    held.arrived.recv().await.unwrap();
    held.answers.add_permits(6);
    for answer in calls {
        assert_eq!(answer.await.unwrap().unwrap().1, "ok");
    }
    assert_eq!(held.server.requests(), 6);
    assert_eq!(held.at_a_time.lock().unwrap().1, 2);
    assert_eq!(held.server.connections(), 2);
}

#[tokio::test]
async fn waiting_requests_are_served_in_order() {
    let mut held = Held::start().await;
    let url = held.server.url();
    let egress = egress_with(1, std::slice::from_ref(&url));
    let mut calls = Vec::new();
    for path in 0..5 {
        calls.push(spawn_call(&egress, &format!("{url}{path}")));
        if path == 0 {
            assert_eq!(held.arrived.recv().await.unwrap(), "/0");
        }
        yield_now().await;
    }
    held.answers.add_permits(5);
    for path in 1..5 {
        assert_eq!(held.arrived.recv().await.unwrap(), format!("/{path}"));
    }
    for answer in calls {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(held.server.connections(), 1);
}

#[tokio::test]
async fn wait_for_a_connection_counts_as_connecting() {
    let mut held = Held::start().await;
    let url = held.server.url();
    let egress = egress_with(1, std::slice::from_ref(&url));
    let first = spawn_call(&egress, &url);
    held.arrived.recv().await.unwrap();
    let late = post(&egress, &url, connecting_within(BRIEFLY)).await;
    assert_matches!(late, Err(Error::ConnectionTimeout));
    held.answers.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap().1, "ok");
    // A caller that gave up does not keep a permit.
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    assert_eq!(held.server.connections(), 1);
    assert_eq!(held.server.requests(), 2);
}

#[tokio::test]
async fn abandoned_request_makes_room() {
    let mut held = Held::start().await;
    let url = held.server.url();
    let egress = egress_with(1, std::slice::from_ref(&url));
    let abandoned = spawn_call(&egress, &url);
    held.arrived.recv().await.unwrap();
    abandoned.abort();
    held.answers.add_permits(2);
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    assert_eq!(held.server.connections(), 2);
}

#[tokio::test]
async fn broken_connection_makes_room() {
    let server = Server::that_ends_with("").await;
    let egress = egress_with(1, &[server.url()]);
    for connections in 1..=3 {
        let lost = call(&egress, &server.url()).await;
        assert_matches!(lost, Err(Error::ConnectionTerminated));
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn partly_read_response_makes_room() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = egress_with(1, &[server.url()]);
    for connections in 1..=3 {
        drop(post(&egress, &server.url(), None).await.unwrap());
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn failed_connection_makes_room() {
    let (_socket, url) = refusing();
    let egress = egress_with(1, std::slice::from_ref(&url));
    for _ in 0..3 {
        let refused = call(&egress, &url).await;
        assert_matches!(refused, Err(Error::ConnectionRefused));
    }
}

#[tokio::test]
async fn each_host_has_its_own_limit() {
    let mut held = Held::start().await;
    let other = Server::that_answers().await;
    let egress = egress_with(1, &[held.server.url(), other.url()]);
    let first = spawn_call(&egress, &held.server.url());
    held.arrived.recv().await.unwrap();
    assert_eq!(call(&egress, &other.url()).await.unwrap().1, "ok");
    held.answers.add_permits(1);
    assert_eq!(first.await.unwrap().unwrap().1, "ok");
}

/// Returns an egress that allows any number of names for the server.
fn by_wildcard(server: &Server, connections: usize) -> Egress {
    let port = server.address().port();
    let egress = Egress::builder()
        .allow(format!("*.example:{port}"))
        .internal_addresses(InternalAddresses::Allow)
        .resolver(|_| async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) })
        .max_connections(number(connections));
    egress.build().unwrap()
}

fn named(name: impl std::fmt::Display, server: &Server) -> String {
    format!("http://{name}.example:{}/", server.address().port())
}

#[tokio::test]
async fn idle_connections_to_many_names_are_limited() {
    let (server, mut is_closed) = Server::that_tells_of_closing().await;
    let egress = by_wildcard(&server, 4);
    for name in 0..20 {
        let answer = call(&egress, &named(name, &server)).await;
        assert_eq!(answer.unwrap().1, "ok");
    }
    assert_eq!(egress.pool.kept(), 4);
    assert_eq!(server.connections(), 20);
    for _ in 0..16 {
        is_closed.recv().await.unwrap();
    }
    // The most recent connections are kept.
    for name in 16..20 {
        call(&egress, &named(name, &server)).await.unwrap();
    }
    assert_eq!(server.connections(), 20);
}

#[tokio::test]
async fn used_connections_to_many_names_are_limited() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = by_wildcard(&server, 2);
    let one = post(&egress, &named("one", &server), None).await.unwrap();
    let _two = post(&egress, &named("two", &server), None).await.unwrap();
    let three = named("three", &server);
    let late = post(&egress, &three, connecting_within(BRIEFLY)).await;
    assert_matches!(late, Err(Error::ConnectionTimeout));
    assert_eq!(server.connections(), 2);
    drop(one);
    post(&egress, &three, None).await.unwrap();
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn idle_connection_makes_room_for_another_host() {
    let server = Server::that_answers().await;
    let egress = by_wildcard(&server, 1);
    let first = post(&egress, &named("one", &server), None).await.unwrap();
    let waiting = spawn_call(&egress, &named("two", &server));
    while !egress.pool.somebody_waits() {
        yield_now().await;
    }
    first.into_body().collect().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().1, "ok");
    assert_eq!(server.connections(), 2);
    assert_eq!(egress.pool.kept(), 1);
}

async fn post_as(instance: &mut Outgoing, server: &Server) -> Result<Response<WasiBody>, Error> {
    post_with(instance, server, None).await
}

async fn post_with(
    instance: &mut Outgoing,
    server: &Server,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    send(instance, &server.url(), options, whole("{}")).await
}

/// Sends a request with a short timeout. Returns true if the limit refuses it.
async fn is_one_too_many(instance: &mut Outgoing, server: &Server) -> bool {
    let refused = post_with(instance, server, connecting_within(BRIEFLY)).await;
    matches!(refused, Err(Error::ConnectionLimitReached))
}

#[tokio::test]
async fn requests_of_a_plugin_are_limited() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = egress_to(&server);
    let [greedy, other] = [2, 1].map(|requests| Arc::new(Semaphore::new(requests)));
    let of_plugin = |requests: &Arc<Semaphore>| instance(&egress, 64).of_plugin(requests.clone());
    let mut instances = [(); 3].map(|()| of_plugin(&greedy));
    let mut kept = Vec::new();
    for instance in &mut instances[..2] {
        kept.push(post_as(instance, &server).await.unwrap());
    }
    assert!(is_one_too_many(&mut instances[2], &server).await);
    assert_eq!(server.connections(), 2);

    post_as(&mut of_plugin(&other), &server).await.unwrap();

    kept.pop();
    post_as(&mut instances[2], &server).await.unwrap();
}

#[tokio::test]
async fn unread_responses_of_an_instance_are_limited() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = egress_to(&server);
    let mut greedy = instance(&egress, 2);
    let one = post_as(&mut greedy, &server).await.unwrap();
    let _other = post_as(&mut greedy, &server).await.unwrap();
    assert!(is_one_too_many(&mut greedy, &server).await);
    assert_eq!(server.connections(), 2);

    // Another instance has its own limit.
    post_as(&mut instance(&egress, 2), &server).await.unwrap();

    drop(one);
    post_as(&mut greedy, &server).await.unwrap();
}

#[tokio::test]
async fn request_with_a_read_response_is_not_in_flight() {
    let server = Server::that_answers().await;
    let mut instance = instance(&egress_to(&server), 1);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mut answer = post_as(&mut instance, &server).await.unwrap();
        while let Some(frame) = answer.frame().await {
            frame.unwrap();
        }
        // The plugin keeps the empty response.
        answers.push(answer);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn request_is_in_flight_until_its_end_is_seen() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    let mut instance = instance(&egress, 1);
    let mut answer = post_as(&mut instance, &server).await.unwrap();
    // This is the whole body. The plugin may leave it in the host's memory.
    answer.frame().await.unwrap().unwrap();
    assert_eq!(egress.pool.kept(), 1);
    assert!(is_one_too_many(&mut instance, &server).await);
    assert!(answer.frame().await.is_none());
    post_as(&mut instance, &server).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn unfinished_request_is_in_flight_until_dropped() {
    let (server, _) = Server::that_answers_in_part().await;
    let mut instance = instance(&egress_to(&server), 1);
    let (_never_written, unfinished) = Parts::new();
    let answer = send(&mut instance, &server.url(), None, unfinished).await;
    assert!(is_one_too_many(&mut instance, &server).await);
    drop(answer.unwrap());
    post_as(&mut instance, &server).await.unwrap();
}

#[tokio::test]
async fn failed_request_makes_room() {
    let server = Server::that_ends_with("").await;
    let mut instance = instance(&egress_to(&server), 1);
    for _ in 0..3 {
        let lost = post_as(&mut instance, &server).await;
        assert_matches!(lost, Err(Error::ConnectionTerminated));
    }
}

#[tokio::test]
async fn unread_response_is_closed_after_its_timeout() {
    let (server, mut is_closed) = Server::that_answers_in_part().await;
    let egress = allowing(&server).unread_timeout(Duration::from_millis(20));
    let mut instance = instance(&egress.build().unwrap(), 1);
    let mut unread = post_as(&mut instance, &server).await.unwrap();
    is_closed.recv().await.unwrap();
    let late = unread.body_mut().frame().await.unwrap();
    assert_matches!(late, Err(Error::HttpResponseTimeout));
    // Its permit is free, although the plugin still has the response.
    post_as(&mut instance, &server).await.unwrap();
}

#[tokio::test]
async fn response_that_a_plugin_waits_for_is_not_closed() {
    let (go_on, goes_on) = mpsc::unbounded_channel::<()>();
    let goes_on = Arc::new(tokio::sync::Mutex::new(goes_on));
    let server = Server::start(move |mut connection| {
        let goes_on = Arc::clone(&goes_on);
        async move {
            connection.request().await;
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 8";
            connection.write(&format!("{head}\r\n\r\npart")).await;
            goes_on.lock().await.recv().await;
            connection.write("part").await;
            let _ = connection.closed().await;
        }
    })
    .await;
    let (other, mut is_closed) = Server::that_answers_in_part().await;
    let egress = allowing(&server).allow_url(other.url());
    let egress = egress.unread_timeout(Duration::from_millis(20)).build();
    let egress = egress.unwrap();
    let mut waited_for = post(&egress, &server.url(), None).await.unwrap();
    let first = waited_for.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "part");
    let waiting = tokio::spawn(async move { waited_for.into_body().collect().await });
    // Twice the time for which a plugin may leave a response unread.
    for _ in 0..2 {
        let _unread = post(&egress, &other.url(), None).await.unwrap();
        is_closed.recv().await.unwrap();
    }
    go_on.send(()).unwrap();
    let rest = waiting.await.unwrap().unwrap().to_bytes();
    assert_eq!(rest, "part");
}
