//! A connection makes progress only while the runtime that opened it runs. So no other runtime uses it.

use super::server::Server;
use super::{Egress, allowing, call, egress_to, post};
use crate::tests::{number, runtime};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// Returns a runtime with a thread of its own, for the server.
fn running() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

fn call_on(runtime: &Runtime, egress: &Egress, server: &Server) {
    let url = server.url();
    let answer = async { timeout(Duration::from_secs(60), call(egress, &url)).await };
    let (_, body) = runtime.block_on(answer).unwrap().unwrap();
    assert_eq!(body, "ok");
}

#[tokio::test]
async fn connection_of_an_ended_runtime_is_not_used() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    let (other, url) = (egress.clone(), server.url());
    let elsewhere = std::thread::spawn(move || {
        let runtime = runtime();
        runtime.block_on(call(&other, &url)).unwrap();
        // After the runtime ends, the reaper may close the connection at any time.
        assert_eq!(other.pool.kept(), 1);
    });
    while !elsewhere.is_finished() {
        tokio::task::yield_now().await;
    }
    elsewhere.join().unwrap();
    assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
    assert_eq!(server.connections(), 2);
}

#[test]
fn connection_of_an_idle_runtime_is_not_used() {
    let servers = running();
    let server = servers.block_on(Server::that_answers());
    let egress = egress_to(&server);
    let [one, other] = [runtime(), runtime()];
    for (runtime, connections) in [(&one, 1), (&other, 2), (&one, 2), (&other, 2)] {
        call_on(runtime, &egress, &server);
        assert_eq!(server.connections(), connections);
    }
}

#[test]
fn idle_connections_of_an_idle_runtime_are_closed() {
    let servers = running();
    let (server, mut is_closed) = servers.block_on(Server::that_tells_of_closing());
    let egress = allowing(&server).idle_timeout(Duration::from_millis(20));
    let egress = egress.build().unwrap();
    let [first, second] = [runtime(), runtime()];
    for runtime in [&first, &second] {
        call_on(runtime, &egress, &server);
    }
    for _ in 0..2 {
        let closed = async { timeout(Duration::from_secs(60), is_closed.recv()).await };
        second.block_on(closed).unwrap().unwrap();
    }
}

#[test]
fn lookup_started_on_an_idle_runtime_ends() {
    let servers = running();
    let server = servers.block_on(Server::that_answers());
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let let_end = Arc::new(Semaphore::new(0));
    let may_end = Arc::clone(&let_end);
    let url = server.url().replace("127.0.0.1", "store.example");
    let egress = Egress::builder().allow_url(&url).resolver(move |_| {
        let (begun, may_end) = (begun.clone(), Arc::clone(&may_end));
        async move {
            let _ = begun.send(());
            may_end.acquire().await.unwrap().forget();
            Ok(vec![Ipv4Addr::LOCALHOST.into()])
        }
    });
    let egress = egress.build().unwrap();
    let [first, second] = [runtime(), runtime()];
    let asks = {
        let (egress, url) = (egress.clone(), url.clone());
        first.spawn(async move { call(&egress, &url).await.map(drop) })
    };
    first.block_on(has_begun.recv()).unwrap();
    let_end.add_permits(1);
    let answer = async { timeout(Duration::from_secs(60), call(&egress, &url)).await };
    assert_eq!(second.block_on(answer).unwrap().unwrap().1, "ok");
    first.block_on(asks).unwrap().unwrap();
}

#[test]
fn unread_response_of_an_idle_runtime_is_closed() {
    let servers = running();
    let (server, mut is_closed) = servers.block_on(Server::that_answers_in_part());
    let egress = allowing(&server).unread_timeout(Duration::from_millis(20));
    let egress = egress.build().unwrap();
    let first = runtime();
    let _unread = first.block_on(post(&egress, &server.url(), None)).unwrap();
    is_closed.blocking_recv().unwrap();
}

#[test]
fn oldest_connection_of_other_runtimes_makes_room() {
    let servers = running();
    let (server, mut is_closed) = servers.block_on(Server::that_tells_of_closing());
    let egress = allowing(&server).max_connections_per_host(number(2));
    let egress = egress.build().unwrap();
    let [first, second, third] = [runtime(), runtime(), runtime()];
    for runtime in [&first, &second, &third] {
        call_on(runtime, &egress, &server);
    }
    assert_eq!(egress.pool.kept(), 2);
    is_closed.blocking_recv().unwrap();

    // The first runtime's connection was closed, so the second's still exists.
    for (runtime, connections) in [(&second, 3), (&third, 3), (&first, 4)] {
        call_on(runtime, &egress, &server);
        assert_eq!(server.connections(), connections);
        assert_eq!(egress.pool.kept(), 2);
    }
}
