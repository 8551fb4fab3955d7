//! A host gets no more connections than are allowed; whoever comes too many waits for one, and no longer than it may.

use super::server::{OK, Server, refusing};
use super::{Egress, call, post};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinSet, yield_now};
use wasmtime_wasi_http::{Error, RequestOptions};

fn egress_with(connections: usize, urls: &[String]) -> Egress {
    let builder = urls.iter().fold(Egress::builder(), |builder, url| {
        builder.allow_url(url.as_str())
    });
    builder
        .max_connections_per_host(NonZeroUsize::new(connections).unwrap())
        .build()
        .unwrap()
}

/// A server that tells the path of each request and answers when it is let.
struct Held {
    server: Server,
    arrived: mpsc::UnboundedReceiver<String>,
    answers: Arc<Semaphore>,
    /// How many requests it had at a time, and at most.
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

fn within(connect_timeout: Duration) -> Option<RequestOptions> {
    Some(RequestOptions {
        connect_timeout: Some(connect_timeout),
        ..RequestOptions::default()
    })
}

#[tokio::test]
async fn a_host_is_sent_no_more_requests_at_a_time_than_connections_are_allowed() {
    let mut held = Held::start().await;
    let url = held.server.url();
    let egress = egress_with(2, std::slice::from_ref(&url));
    let mut calls = JoinSet::new();
    for _ in 0..6 {
        let (egress, url) = (egress.clone(), url.clone());
        calls.spawn(async move { call(&egress, &url).await.unwrap().1 });
    }
    held.arrived.recv().await.unwrap();
    held.arrived.recv().await.unwrap();
    held.answers.add_permits(6);
    assert!(calls.join_all().await.iter().all(|answer| answer == "ok"));
    assert_eq!(held.server.requests(), 6);
    assert_eq!(held.at_a_time.lock().unwrap().1, 2);
    assert_eq!(held.server.connections(), 2);
}

#[tokio::test]
async fn whoever_waits_longest_is_next() {
    let mut held = Held::start().await;
    let url = held.server.url();
    let egress = egress_with(1, std::slice::from_ref(&url));
    let mut calls = JoinSet::new();
    for path in 0..5 {
        let (egress, url) = (egress.clone(), format!("{url}{path}"));
        calls.spawn(async move { call(&egress, &url).await.map(drop) });
        if path == 0 {
            assert_eq!(held.arrived.recv().await.unwrap(), "/0");
        }
        yield_now().await;
    }
    held.answers.add_permits(5);
    for path in 1..5 {
        assert_eq!(held.arrived.recv().await.unwrap(), format!("/{path}"));
    }
    calls.join_all().await.into_iter().for_each(Result::unwrap);
    assert_eq!(held.server.connections(), 1);
}

#[tokio::test]
async fn waiting_for_a_connection_counts_as_connecting() {
    let mut held = Held::start().await;
    let url = held.server.url();
    let egress = egress_with(1, std::slice::from_ref(&url));
    let first = {
        let (egress, url) = (egress.clone(), url.clone());
        tokio::spawn(async move { call(&egress, &url).await })
    };
    held.arrived.recv().await.unwrap();
    let late = post(&egress, &url, within(Duration::from_millis(20))).await;
    assert!(matches!(late, Err(Error::ConnectionTimeout)), "{late:?}");
    held.answers.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap().1, "ok");
    // Who gave up waiting does not keep a place.
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    assert_eq!(held.server.connections(), 1);
    assert_eq!(held.server.requests(), 2);
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_makes_room() {
    let mut held = Held::start().await;
    let url = held.server.url();
    let egress = egress_with(1, std::slice::from_ref(&url));
    let abandoned = {
        let (egress, url) = (egress.clone(), url.clone());
        tokio::spawn(async move { call(&egress, &url).await })
    };
    held.arrived.recv().await.unwrap();
    abandoned.abort();
    held.answers.add_permits(2);
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    assert_eq!(held.server.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_makes_room() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    let egress = egress_with(1, &[server.url()]);
    for connections in 1..=3 {
        let lost = call(&egress, &server.url()).await;
        assert!(matches!(lost, Err(Error::ConnectionTerminated)), "{lost:?}");
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_read_to_its_end_makes_room() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000";
        connection.write(&format!("{head}\r\n\r\npart")).await;
        let _ = connection.closed().await;
    })
    .await;
    let egress = egress_with(1, &[server.url()]);
    for connections in 1..=3 {
        drop(post(&egress, &server.url(), None).await.unwrap());
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_makes_room() {
    let (_socket, url) = refusing();
    let egress = egress_with(1, std::slice::from_ref(&url));
    for _ in 0..3 {
        let refused = call(&egress, &url).await;
        assert!(
            matches!(refused, Err(Error::ConnectionRefused)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn each_host_has_connections_of_its_own() {
    let mut held = Held::start().await;
    let other = Server::that_answers().await;
    let egress = egress_with(1, &[held.server.url(), other.url()]);
    let first = {
        let (egress, url) = (egress.clone(), held.server.url());
        tokio::spawn(async move { call(&egress, &url).await })
    };
    held.arrived.recv().await.unwrap();
    assert_eq!(call(&egress, &other.url()).await.unwrap().1, "ok");
    held.answers.add_permits(1);
    assert_eq!(first.await.unwrap().unwrap().1, "ok");
}
