//! All connections of an egress together are bounded, and so are all requests of a plugin.

use super::server::{OK, Server};
use super::{Egress, EgressBuilder, Outgoing, call, post, send};
use crate::InternalAddresses;
use http::Response;
use http_body_util::{BodyExt, Full};
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// Allows as many names of the server as a plugin likes.
fn by_wildcard(server: &Server) -> EgressBuilder {
    let port = server.address().port();
    Egress::builder()
        .allow(format!("*.example:{port}"))
        .internal_addresses(InternalAddresses::Allow)
        .resolver(|_| async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) })
}

fn named(name: &str, server: &Server) -> String {
    format!("http://{name}.example:{}/", server.address().port())
}

fn briefly() -> Option<RequestOptions> {
    Some(RequestOptions {
        connect_timeout: Some(Duration::from_millis(100)),
        ..RequestOptions::default()
    })
}

#[tokio::test]
async fn idle_connections_to_many_names_are_bounded_in_all() {
    let (closed, mut is_closed) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let closed = closed.clone();
        async move {
            while connection.request().await.is_some() {
                connection.write(OK).await;
            }
            let _ = closed.send(());
        }
    })
    .await;
    let egress = by_wildcard(&server).max_connections(number(4));
    let egress = egress.build().unwrap();
    for name in 0..20 {
        let url = named(&format!("n{name}"), &server);
        assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    }
    assert_eq!(egress.pool.kept(), 4);
    assert_eq!(server.connections(), 20);
    for _ in 0..16 {
        is_closed.recv().await.unwrap();
    }
    // The last ones are kept.
    for name in 16..20 {
        call(&egress, &named(&format!("n{name}"), &server))
            .await
            .unwrap();
    }
    assert_eq!(server.connections(), 20);
}

#[tokio::test]
async fn connections_in_use_to_many_names_are_bounded_in_all() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = by_wildcard(&server).max_connections(number(2));
    let egress = egress.build().unwrap();
    let one = post(&egress, &named("one", &server), None).await.unwrap();
    let _two = post(&egress, &named("two", &server), None).await.unwrap();
    let three = named("three", &server);
    let late = post(&egress, &three, briefly()).await;
    assert!(matches!(late, Err(Error::ConnectionTimeout)), "{late:?}");
    assert_eq!(server.connections(), 2);
    drop(one);
    post(&egress, &three, None).await.unwrap();
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_connection_that_becomes_idle_makes_room_for_another_host() {
    let server = Server::that_answers().await;
    let egress = by_wildcard(&server).max_connections(number(1));
    let egress = egress.build().unwrap();
    let first = post(&egress, &named("one", &server), None).await.unwrap();
    let waiting = {
        let (egress, url) = (egress.clone(), named("two", &server));
        tokio::spawn(async move { call(&egress, &url).await })
    };
    while !egress.pool.somebody_waits() {
        tokio::task::yield_now().await;
    }
    first.into_body().collect().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().1, "ok");
    assert_eq!(server.connections(), 2);
    assert_eq!(egress.pool.kept(), 1);
}

async fn post_as(
    instance: &mut Outgoing,
    server: &Server,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let body = Full::from("{}").map_err(|never| match never {});
    send(instance, &server.url(), options, body).await
}

#[tokio::test]
async fn the_instances_of_a_plugin_have_no_more_requests_than_it_may() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = Egress::builder().allow_url(server.url()).build().unwrap();
    let [greedy, other] = [2, 1].map(|requests| Arc::new(Semaphore::new(requests)));
    let instance = |of_plugin: &Arc<Semaphore>| {
        Outgoing::new(Some(egress.clone()), number(64)).of_plugin(Arc::clone(of_plugin))
    };
    let mut instances = [(); 3].map(|()| instance(&greedy));
    let mut kept = Vec::new();
    for instance in &mut instances[..2] {
        kept.push(post_as(instance, &server, None).await.unwrap());
    }
    let refused = post_as(&mut instances[2], &server, briefly()).await;
    assert!(
        matches!(refused, Err(Error::ConnectionLimitReached)),
        "{refused:?}"
    );
    assert_eq!(server.connections(), 2);

    let mut of_other = instance(&other);
    post_as(&mut of_other, &server, None).await.unwrap();

    kept.pop();
    post_as(&mut instances[2], &server, None).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_left_unread_is_closed_in_time() {
    let (server, mut is_closed) = Server::that_answers_in_part().await;
    let egress = Egress::builder()
        .allow_url(server.url())
        .unread_timeout(Duration::from_millis(20));
    let mut instance = Outgoing::new(Some(egress.build().unwrap()), number(1));
    let mut unread = post_as(&mut instance, &server, None).await.unwrap();
    is_closed.recv().await.unwrap();
    let late = unread.body_mut().frame().await.unwrap();
    assert!(matches!(late, Err(Error::HttpResponseTimeout)), "{late:?}");
    // Its room is free, though the plugin still has it.
    post_as(&mut instance, &server, None).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_a_plugin_waits_for_is_not_closed() {
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
    let egress = Egress::builder()
        .allow_url(server.url())
        .allow_url(other.url())
        .unread_timeout(Duration::from_millis(20));
    let egress = egress.build().unwrap();
    let mut waited_for = post(&egress, &server.url(), None).await.unwrap();
    let first = waited_for.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "part");
    let waiting = tokio::spawn(async move { waited_for.into_body().collect().await });
    // Twice as long as a plugin may leave an answer unread.
    for _ in 0..2 {
        let _unread = post(&egress, &other.url(), None).await.unwrap();
        is_closed.recv().await.unwrap();
    }
    go_on.send(()).unwrap();
    let rest = waiting.await.unwrap().unwrap().to_bytes();
    assert_eq!(rest, "part");
}
