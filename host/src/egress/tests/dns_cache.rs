//! One lookup serves the connections of a short time, and what led nowhere is looked up anew.

use super::server::{OK, Server};
use super::{Egress, call, post};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{advance, pause, resume};
use wasmtime_wasi_http::{Error, RequestOptions};

/// The server by a name that only these tests resolve.
fn named(server: &Server) -> String {
    server.url().replace("127.0.0.1", "store.example")
}

/// An egress that keeps no connection, asks `lookup` with the number of the lookup, and counts.
fn egress_that_asks(
    url: &str,
    lookup: impl Fn(usize) -> io::Result<&'static str> + Send + Sync + 'static,
) -> (Egress, Arc<AtomicUsize>) {
    let lookups = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&lookups);
    let builder = Egress::builder()
        .allow_url(url)
        .idle_timeout(Duration::ZERO);
    let egress = builder.resolver(move |name| {
        assert_eq!(name, "store.example");
        let answer = lookup(counting.fetch_add(1, Ordering::SeqCst) + 1);
        async move {
            yield_now().await;
            Ok(vec![answer?.parse().unwrap()])
        }
    });
    (egress.build().unwrap(), lookups)
}

#[tokio::test]
async fn connections_that_are_opened_at_once_share_one_lookup() {
    let all = Arc::new(Barrier::new(8));
    let server = Server::start(move |mut connection| {
        let all = Arc::clone(&all);
        async move {
            connection.request().await;
            all.wait().await;
            connection.write(OK).await;
        }
    })
    .await;
    let url = named(&server);
    let (egress, lookups) = egress_that_asks(&url, |_| Ok("127.0.0.1"));
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let (egress, url) = (egress.clone(), url.clone());
        calls.spawn(async move { call(&egress, &url).await.unwrap().1 });
    }
    assert!(calls.join_all().await.iter().all(|answer| answer == "ok"));
    assert_eq!(server.connections(), 8);
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_is_looked_up_again_after_five_seconds() {
    let server = Server::that_answers().await;
    let url = named(&server);
    let (egress, lookups) = egress_that_asks(&url, |_| Ok("127.0.0.1"));
    // Real time passes as well, of which there is a rest of four seconds.
    for (passed, expected) in [(0, 1), (1, 1), (4, 2), (1, 2), (5, 3)] {
        pause();
        advance(Duration::from_secs(passed)).await;
        resume();
        call(&egress, &url).await.unwrap();
        assert_eq!(lookups.load(Ordering::SeqCst), expected);
    }
    assert_eq!(server.connections(), 5);
}

#[tokio::test]
async fn a_name_whose_addresses_all_refuse_is_looked_up_again() {
    let server = Server::that_answers().await;
    let url = named(&server);
    // The server listens on the second address only.
    let (egress, lookups) = egress_that_asks(&url, |lookup| match lookup {
        1 => Ok("127.0.0.2"),
        _ => Ok("127.0.0.1"),
    });
    let refused = call(&egress, &url).await;
    assert!(
        matches!(refused, Err(Error::ConnectionRefused)),
        "{refused:?}"
    );
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    assert_eq!(lookups.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_name_whose_address_does_not_get_anywhere_in_time_is_looked_up_again() {
    // Nobody accepts, so TCP connects and TLS waits for ever.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://store.example:{port}/");
    let (egress, lookups) = egress_that_asks(&url, |_| Ok("127.0.0.1"));
    for expected in 1..=2 {
        let options = RequestOptions {
            // The lookup is to end in that time, and connecting is not to.
            connect_timeout: Some(Duration::from_millis(500)),
            ..RequestOptions::default()
        };
        let late = post(&egress, &url, Some(options)).await;
        assert!(matches!(late, Err(Error::ConnectionTimeout)), "{late:?}");
        assert_eq!(lookups.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn a_lookup_that_fails_fails_for_all_who_waited_for_it() {
    let url = "http://store.example:80/";
    let lookups = Arc::new(AtomicUsize::new(0));
    let fails = Arc::new(Semaphore::new(0));
    let (counting, may_fail) = (Arc::clone(&lookups), Arc::clone(&fails));
    let egress = Egress::builder().allow_url(url).resolver(move |_| {
        counting.fetch_add(1, Ordering::SeqCst);
        let may_fail = Arc::clone(&may_fail);
        async move {
            may_fail.acquire().await.unwrap().forget();
            Err(io::Error::other("no such name"))
        }
    });
    let egress = egress.build().unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let egress = egress.clone();
        calls.spawn(async move { call(&egress, url).await.map(drop) });
    }
    // Each of them waits now, for there is one thread.
    yield_now().await;
    fails.add_permits(8);
    let all = calls.join_all().await;
    assert!(
        all.iter()
            .all(|outcome| matches!(outcome, Err(Error::DnsError { .. }))),
        "{all:?}"
    );
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_lookup_that_fails_is_not_remembered() {
    let server = Server::that_answers().await;
    let url = named(&server);
    let (egress, lookups) = egress_that_asks(&url, |lookup| match lookup {
        1 => Err(io::Error::other("no such name")),
        _ => Ok("127.0.0.1"),
    });
    let unknown = call(&egress, &url).await;
    assert!(
        matches!(unknown, Err(Error::DnsError { .. })),
        "{unknown:?}"
    );
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    assert_eq!(lookups.load(Ordering::SeqCst), 2);
}
