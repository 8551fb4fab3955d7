//! One, eight or all 64 instances of a component do harm at once. The others of it and 64 of the real component share a
//! thread and an egress with them: whatever the crowd does, the others serve, and its pool lends 64 again afterwards.

mod scene;

use self::scene::{
    CROWDS, MEMORY, REQUESTS, REQUESTS_OF_PLUGIN, Scene, TIME, is_time_limit, misbehaving, number,
};
use crate::fixture::engine;
use dapr_wasm_host::{CallError, Egress, InstanceOptions, InternalAddresses};
use futures_util::FutureExt;
use futures_util::future::join_all;
use http::StatusCode;
use std::net::Ipv4Addr;
use std::time::Duration;
use test_support::faults::{Action, FaultProxy, Reply};
use tokio::time::timeout;

/// A server that answers every request with this.
fn server(reply: Reply) -> FaultProxy {
    FaultProxy::stub(Action::answer(reply)).unwrap()
}

fn page() -> Reply {
    Reply::html(StatusCode::OK)
}

fn authority(server: &FaultProxy) -> &str {
    server.endpoint().trim_start_matches("http://")
}

/// Waits for what takes a moment on an idle machine, and gives up after a minute.
async fn in_time(waiting: impl Future<Output = ()>) {
    let waited = timeout(Duration::from_secs(60), waiting).await;
    waited.expect("it takes less than a minute");
}

/// Asks crowds of each size for the harm, and checks what each instance gives.
async fn each_of_a_crowd(harm: &str, gives: impl Fn(&Result<String, CallError>) -> bool) {
    in_scene(Scene::new().await, harm, gives).await;
}

/// The same, with so little time for each call that the harm must come to its end.
async fn each_of_a_crowd_is_cancelled(harm: &str) {
    in_scene(Scene::with_time_limit(TIME).await, harm, is_time_limit).await;
}

async fn in_scene(scene: Scene, harm: &str, gives: impl Fn(&Result<String, CallError>) -> bool) {
    for crowd in CROWDS {
        for told in scene.during(harm, crowd).await {
            assert!(gives(&told), "{harm}, {crowd} at once: {told:?}");
        }
    }
}

#[tokio::test]
async fn crowd_that_spins_is_cancelled() {
    each_of_a_crowd_is_cancelled("spin").await;
}

#[tokio::test]
async fn crowd_that_calls_the_host_without_end_is_cancelled() {
    each_of_a_crowd_is_cancelled("call-the-host-without-end").await;
}

#[tokio::test]
async fn crowd_that_polls_without_end_is_cancelled() {
    each_of_a_crowd_is_cancelled("poll-without-end").await;
}

#[tokio::test]
async fn crowd_that_fills_its_memory_without_end_is_cancelled() {
    each_of_a_crowd_is_cancelled("fill-memory").await;
}

#[tokio::test]
async fn crowd_that_waits_without_end_is_cancelled() {
    each_of_a_crowd_is_cancelled("sleep").await;
}

#[tokio::test]
async fn crowd_that_floods_stderr_is_cancelled_and_fills_nothing() {
    let scene = Scene::with_time_limit(TIME).await;
    for crowd in CROWDS {
        let told = scene.during("flood-stderr", crowd).await;
        assert!(told.iter().all(is_time_limit), "{told:?}");
        assert!(scene.stderr.contents().len() <= 64 * 1024);
    }
}

#[tokio::test]
async fn crowd_that_allocates_has_no_more_than_its_limit_each() {
    each_of_a_crowd("allocate", |told| {
        matches!(told, Err(CallError::MemoryLimit { limit: MEMORY, .. }))
    })
    .await;
}

#[tokio::test]
async fn crowd_that_traps_or_breaks_a_rule_loses_itself_alone() {
    for (harm, reason) in [
        ("trap", "unreachable"),
        ("recurse", "call stack exhausted"),
        ("exit", "exit"),
        ("take-handles", "resource table has no free keys"),
        ("poll-a-long-list", "handle limit exceeded"),
        ("make-a-giant-header", "exceeds limit"),
        ("take-random-bytes", "exceeds limit"),
        ("write-beyond-the-permit", "more zeroes"),
    ] {
        each_of_a_crowd(harm, |told| match told {
            Err(trap @ CallError::Trap(_)) => trap.to_string().contains(reason),
            _ => false,
        })
        .await;
    }
}

/// One alone: it has the host keep 43 MB, which are no part of its memory.
#[tokio::test]
async fn one_that_makes_requests_without_end_has_as_many_as_it_may() {
    let scene = Scene::new().await;
    let told = scene.during("hold-requests", 1).await.pop().unwrap();
    let full = "resource table has no free keys";
    assert!(
        matches!(&told, Err(trap @ CallError::Trap(_)) if trap.to_string().contains(full)),
        "{told:?}"
    );
}

#[tokio::test]
async fn guest_sees_only_granted_env() {
    let options = InstanceOptions::new().env("GIVEN", "value");
    let mut instance = misbehaving().instantiate(&options).await.unwrap();
    let mut state = instance.state().unwrap();
    let told = state.get("look-around", None).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(told.value).unwrap(), "GIVEN");
}

#[tokio::test]
async fn crowd_that_calls_another_host_reaches_nobody() {
    let other = server(page());
    each_of_a_crowd(
        &format!("call {}", authority(&other)),
        |told| matches!(told, Ok(told) if told == "ErrorCode::HttpRequestDenied"),
    )
    .await;
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn crowd_that_sends_odd_requests_is_refused_each() {
    let harm = format!("send-odd-requests {}", engine_authority().await);
    each_of_a_crowd(
        &harm,
        |told| matches!(told, Ok(told) if told == "ordinary: 200, ordinary: 200"),
    )
    .await;
}

#[tokio::test]
async fn one_that_is_sent_elsewhere_is_not_taken_there() {
    let other = server(page());
    let elsewhere = Reply::redirect(StatusCode::TEMPORARY_REDIRECT, other.endpoint());
    let server = server(elsewhere);
    let egress = Egress::builder()
        .allow_url(server.endpoint())
        .allow_url(other.endpoint());
    let options = InstanceOptions::new().egress(egress.build().unwrap());
    let mut instance = misbehaving().instantiate(&options).await.unwrap();
    let harm = format!("call {}", authority(&server));
    let mut state = instance.state().unwrap();
    let told = state.get(&harm, None).await.unwrap();
    assert_eq!(told.unwrap().value, b"307");
    assert_eq!((server.connections(), other.connections()), (1, 0));
}

#[tokio::test]
async fn crowd_that_keeps_answers_keeps_no_more_than_it_may() {
    for crowd in CROWDS {
        // A scene each: the instances are as well as before, and keep what they have.
        let scene = Scene::new().await;
        let harm = format!("keep-answers {}", scene.authority);
        let mut kept = 0;
        for told in scene.during(&harm, crowd).await {
            let told = told.unwrap();
            let (answers, error) = told.split_once(' ').unwrap();
            assert_eq!(error, "ErrorCode::ConnectionLimitReached", "{crowd}");
            kept += answers.parse::<usize>().unwrap();
        }
        assert_eq!(kept, (crowd * REQUESTS).min(REQUESTS_OF_PLUGIN));
    }
}

#[tokio::test]
async fn crowd_that_finishes_no_request_keeps_no_more_than_it_may() {
    for crowd in CROWDS {
        let scene = Scene::new().await;
        let harm = format!("keep-requests {}", scene.authority);
        for told in scene.during(&harm, crowd).await {
            assert_eq!(told.unwrap(), "ErrorCode::ConnectionLimitReached");
        }
    }
}

#[tokio::test]
async fn what_a_lost_one_kept_of_the_connections_comes_back() {
    let endpoint = engine().await.endpoint();
    let egress = Egress::builder().allow_url(endpoint);
    let egress = egress.max_connections_per_host(number(REQUESTS));
    let options = InstanceOptions::new()
        .egress(egress.build().unwrap())
        .max_requests(number(REQUESTS));
    let plugin = misbehaving();
    let harm = format!("keep-answers {}", endpoint.trim_start_matches("http://"));
    for _ in 0..3 {
        let mut instance = plugin.instantiate(&options).await.unwrap();
        let mut state = instance.state().unwrap();
        let told = state.get(&harm, None).await.unwrap().unwrap();
        assert!(told.value.starts_with(format!("{REQUESTS} ").as_bytes()));
        state.get("trap", None).await.unwrap_err();
        assert!(instance.is_lost());
    }
}

/// How an instance goes.
#[derive(Clone, Copy, Debug)]
enum End {
    Dropped,
    Traps,
    CallIsDropped,
}

/// On two threads, so that a request may go on while its instance is being dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_that_is_lost_mid_request_completes_none() {
    let server = server(page());
    let egress = Egress::builder().allow_url(server.endpoint());
    let egress = egress.build().unwrap();
    let options = InstanceOptions::new().egress(egress);
    let plugin = misbehaving();
    let harm = format!("drop-mid-body {}", authority(&server));
    for end in [End::Dropped, End::Traps, End::CallIsDropped] {
        for crowd in CROWDS {
            let mut instances = Vec::new();
            for _ in 0..crowd {
                let mut instance = plugin.instantiate(&options).await.unwrap();
                let told = instance.state().unwrap().get(&harm, None).await;
                assert_eq!(told.unwrap().unwrap().value, b"half sent");
                instances.push(instance);
            }
            let begun = crowd.min(REQUESTS_OF_PLUGIN);
            in_time(server.partial_requests(begun)).await;
            let lost = instances.into_iter().map(|mut instance| {
                tokio::spawn(async move {
                    let mut state = instance.state().unwrap();
                    match end {
                        End::Dropped => {}
                        End::Traps => drop(state.get("trap", None).await.unwrap_err()),
                        End::CallIsDropped => {
                            let call = state.get("sleep", None);
                            assert!(call.now_or_never().is_none());
                        }
                    }
                })
            });
            for lost in join_all(lost).await {
                lost.unwrap();
            }
            in_time(server.closed_connections()).await;
            let whole = server.count_all().arrived;
            assert_eq!(whole, 0, "{end:?}, {crowd} at once");
        }
    }
}

#[tokio::test]
async fn crowd_with_many_names_keeps_no_more_connections_than_allowed() {
    const CONNECTIONS: usize = 16;
    let server = server(page());
    let (_, port) = server.endpoint().rsplit_once(':').unwrap();
    let egress = Egress::builder()
        .allow(format!("*.wild.example:{port}"))
        .resolver(|_| async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) })
        .internal_addresses(InternalAddresses::Allow)
        .max_connections(number(CONNECTIONS))
        .idle_timeout(Duration::from_secs(600));
    let options = InstanceOptions::new().egress(egress.build().unwrap());
    let plugin = misbehaving();
    let harm = format!("look-up-names wild.example {port}");
    // Not 64 at once: each name takes a port of this machine for a minute.
    for crowd in [1, 8] {
        let asking = (0..crowd).map(async |_| {
            let mut instance = plugin.instantiate(&options).await.unwrap();
            let told = instance.state().unwrap().get(&harm, None).await;
            assert_eq!(told.unwrap().unwrap().value, b"400");
        });
        join_all(asking).await;
        in_time(server.at_most_open(CONNECTIONS)).await;
    }
}

async fn engine_authority() -> &'static str {
    let endpoint = engine().await.endpoint();
    endpoint.trim_start_matches("http://").trim_end_matches('/')
}
