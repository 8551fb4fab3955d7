//! One lookup serves the connections of a short time, and a name is looked up again after a failed connection. Lookups are
//! limited. Names resolve only to addresses that the embedder allows.

use super::server::{OK, Server};
use super::{Egress, EgressBuilder, allowing, call, connecting_within, post};
use crate::InternalAddresses;
use crate::tests::assert_matches;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{advance, pause, resume};
use wasmtime_wasi_http::Error;

/// Returns the URL of the server with a name that only these tests resolve.
fn named(server: &Server) -> String {
    server.url().replace("127.0.0.1", "store.example")
}

/// Returns an egress that keeps no connection, and the number of its lookups. `lookup` gets the number of the lookup.
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
async fn concurrent_connections_share_one_lookup() {
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
async fn name_is_looked_up_again_after_five_seconds() {
    let server = Server::that_answers().await;
    let url = named(&server);
    let (egress, lookups) = egress_that_asks(&url, |_| Ok("127.0.0.1"));
    // Real time passes as well. There are four seconds of margin.
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
async fn name_is_looked_up_again_after_a_refused_connection() {
    let server = Server::that_answers().await;
    let url = named(&server);
    // The server listens on the second address only.
    let (egress, lookups) = egress_that_asks(&url, |lookup| match lookup {
        1 => Ok("127.0.0.2"),
        _ => Ok("127.0.0.1"),
    });
    let refused = call(&egress, &url).await;
    assert_matches!(refused, Err(Error::ConnectionRefused));
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    assert_eq!(lookups.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn name_is_looked_up_again_after_a_connect_timeout() {
    // The server does not accept, so TCP connects and TLS waits forever.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://store.example:{port}/");
    let (egress, lookups) = egress_that_asks(&url, |_| Ok("127.0.0.1"));
    for expected in 1..=2 {
        // The lookup must end in that time, and the connection must not.
        let options = connecting_within(Duration::from_millis(500));
        let late = post(&egress, &url, options).await;
        assert_matches!(late, Err(Error::ConnectionTimeout));
        assert_eq!(lookups.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn failed_lookup_fails_for_all_waiting_callers() {
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
    // All calls wait now, because there is one thread.
    yield_now().await;
    fails.add_permits(8);
    for outcome in calls.join_all().await {
        assert_matches!(outcome, Err(Error::DnsError { .. }));
    }
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn failed_lookup_is_not_cached() {
    let server = Server::that_answers().await;
    let url = named(&server);
    let (egress, lookups) = egress_that_asks(&url, |lookup| match lookup {
        1 => Err(io::Error::other("no such name")),
        _ => Ok("127.0.0.1"),
    });
    let unknown = call(&egress, &url).await;
    assert_matches!(unknown, Err(Error::DnsError { .. }));
    assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    assert_eq!(lookups.load(Ordering::SeqCst), 2);
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn answers(builder: EgressBuilder, server: &Server) -> Result<bool, Error> {
    let resolving = builder.resolver(|_| async { Ok(vec![LOOPBACK]) });
    let url = format!("http://store.example:{}/", server.address().port());
    let answer = call(&resolving.build().unwrap(), &url).await;
    answer.map(|(_, body)| body == "ok")
}

#[tokio::test]
async fn wildcard_name_must_not_be_internal() {
    let server = Server::that_answers().await;
    let rule = format!("*.example:{}", server.address().port());
    let builder = Egress::builder().allow(&rule);
    let refused = answers(builder.clone(), &server).await;
    assert_matches!(refused, Err(Error::DestinationIpProhibited));
    assert_eq!(server.connections(), 0);
    let allowed = builder.internal_addresses(InternalAddresses::Allow);
    assert!(answers(allowed, &server).await.unwrap());
}

#[tokio::test]
async fn exact_name_may_be_internal_unless_denied() {
    let server = Server::that_answers().await;
    let port = server.address().port();
    // The explicit rule applies, whatever its position.
    for builder in [
        Egress::builder().allow(format!("store.example:{port}")),
        Egress::builder()
            .allow(format!("*.example:{port}"))
            .allow(format!("store.example:{port}")),
        Egress::builder()
            .allow_url(format!("http://store.example:{port}"))
            .allow(format!("*.example:{port}")),
    ] {
        assert!(answers(builder.clone(), &server).await.unwrap());
        let denied = builder.internal_addresses(InternalAddresses::Deny);
        let refused = answers(denied, &server).await;
        assert_matches!(refused, Err(Error::DestinationIpProhibited));
    }
}

#[tokio::test]
async fn address_in_a_rule_is_always_allowed() {
    let server = Server::that_answers().await;
    let egress = allowing(&server).internal_addresses(InternalAddresses::Deny);
    let answer = call(&egress.build().unwrap(), &server.url()).await;
    assert_eq!(answer.unwrap().1, "ok");
}

/// Returns an egress whose resolver knows one name and never answers for others. It records the names in `asked`.
fn resolving_one(builder: EgressBuilder, asked: &Arc<Mutex<Vec<String>>>) -> Egress {
    let asked = Arc::clone(asked);
    let builder = builder.resolver(move |name| {
        let is_known = name == "store.example";
        asked.lock().unwrap().push(name);
        async move {
            if is_known {
                Ok(vec![LOOPBACK])
            } else {
                pending().await
            }
        }
    });
    builder.build().unwrap()
}

#[tokio::test]
async fn slow_wildcard_names_do_not_delay_exact_names() {
    let server = Server::that_answers().await;
    let port = server.address().port();
    let asked = Arc::default();
    let builder = Egress::builder()
        .allow(format!("*.slow.example:{port}"))
        .allow(format!("store.example:{port}"));
    let egress = resolving_one(builder, &asked);
    let mut slow = JoinSet::new();
    for n in 0..100 {
        let (egress, url) = (egress.clone(), format!("http://n{n}.slow.example:{port}/"));
        slow.spawn(async move { call(&egress, &url).await });
    }
    while asked.lock().unwrap().len() < 16 {
        tokio::task::yield_now().await;
    }
    let answer = call(&egress, &format!("http://store.example:{port}/")).await;
    assert_eq!(answer.unwrap().1, "ok");
    assert_eq!(asked.lock().unwrap().len(), 17);
}

#[tokio::test]
async fn abandoned_lookups_do_not_accumulate() {
    let asked = Arc::default();
    let egress = resolving_one(Egress::builder().allow("*.example:80"), &asked);
    for n in 0..40 {
        let url = format!("http://n{}.example/", n % 20);
        let late = post(&egress, &url, connecting_within(Duration::from_millis(5))).await;
        assert_matches!(late, Err(Error::ConnectionTimeout));
    }
    let asked = asked.lock().unwrap().len();
    assert!(asked <= 16, "{asked}");
}
