//! Hostile components: one, eight or all 64 instances of a component do harm at once.
//!
//! The other instances of that component, and 64 instances of the real component, share a thread
//! and an egress with them. All the others must keep serving, and the pool must lend 64 instances
//! again afterwards.
//!
//! The harms here go through WASI. Those of `whole_requests` go through `dapr-wasm:host`.

mod scene;
mod whole_requests;

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

/// Starts a server that sends this response to every request.
fn server(reply: Reply) -> FaultProxy {
    FaultProxy::stub(Action::answer(reply)).unwrap()
}

fn page() -> Reply {
    Reply::html(StatusCode::OK)
}

fn authority(server: &FaultProxy) -> &str {
    server.endpoint().trim_start_matches("http://")
}

/// Waits for something that takes a moment on an idle machine. Gives up after a minute.
async fn in_time(waiting: impl Future<Output = ()>) {
    let waited = timeout(Duration::from_secs(60), waiting).await;
    waited.expect("it takes less than a minute");
}

/// Lets crowds of each size do this harm, and checks the result of each instance.
async fn each_of_a_crowd(harm: &str, gives: impl Fn(&Result<String, CallError>) -> bool) {
    in_scene(Scene::new().await, harm, gives).await;
}

/// Does the same with a short time limit, so every call must be cancelled.
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
async fn crowd_that_calls_the_host_endlessly_is_cancelled() {
    each_of_a_crowd_is_cancelled("call-the-host-without-end").await;
}

#[tokio::test]
async fn crowd_that_polls_endlessly_is_cancelled() {
    each_of_a_crowd_is_cancelled("poll-without-end").await;
}

#[tokio::test]
async fn crowd_that_fills_its_memory_endlessly_is_cancelled() {
    each_of_a_crowd_is_cancelled("fill-memory").await;
}

#[tokio::test]
async fn crowd_that_waits_endlessly_is_cancelled() {
    each_of_a_crowd_is_cancelled("sleep").await;
}

#[tokio::test]
async fn crowd_that_floods_stderr_is_cancelled_and_its_output_cut() {
    let scene = Scene::with_time_limit(TIME).await;
    for crowd in CROWDS {
        let told = scene.during("flood-stderr", crowd).await;
        assert!(told.iter().all(is_time_limit), "{told:?}");
        assert!(scene.stderr.contents().len() <= 64 * 1024);
    }
}

#[tokio::test]
async fn crowd_that_allocates_stays_within_its_memory_limit() {
    each_of_a_crowd("allocate", |told| {
        matches!(told, Err(CallError::MemoryLimit { limit: MEMORY, .. }))
    })
    .await;
}

#[tokio::test]
async fn crowd_that_traps_loses_only_its_own_instances() {
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

/// One instance only: the host stores 43 MB for it, which do not count as its memory.
#[tokio::test]
async fn instance_that_holds_requests_runs_out_of_handles() {
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
async fn crowd_cannot_connect_to_a_forbidden_host() {
    let other = server(page());
    each_of_a_crowd(
        &format!("call {}", authority(&other)),
        |told| matches!(told, Ok(told) if told == "ErrorCode::HttpRequestDenied"),
    )
    .await;
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn every_odd_request_of_a_crowd_is_refused() {
    let harm = format!("send-odd-requests {}", engine_authority().await);
    each_of_a_crowd(
        &harm,
        |told| matches!(told, Ok(told) if told == "ordinary: 200, ordinary: 200"),
    )
    .await;
}

#[tokio::test]
async fn redirect_of_a_guests_request_is_not_followed() {
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
async fn crowd_that_keeps_responses_stays_within_its_limit() {
    for crowd in CROWDS {
        // A new scene for each crowd: the instances stay healthy and keep the responses that they
        // have.
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
async fn crowd_that_finishes_no_request_stays_within_its_limit() {
    for crowd in CROWDS {
        let scene = Scene::new().await;
        let harm = format!("keep-requests {}", scene.authority);
        for told in scene.during(&harm, crowd).await {
            assert_eq!(told.unwrap(), "ErrorCode::ConnectionLimitReached");
        }
    }
}

#[tokio::test]
async fn lost_instance_releases_its_connections() {
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

/// The ways in which an instance ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Dropped,
    Traps,
    CallIsDropped,
}

/// On two threads, so that a request can continue while its instance is dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_lost_mid_request_completes_no_request() {
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
async fn crowd_with_many_names_stays_within_connection_limit() {
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
    // Not 64 at once, because each name occupies a port of this machine for a minute.
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
