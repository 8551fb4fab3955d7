//! One instance of a component that does harm, 63 honest ones of the same component, and 63 of the real one share a thread
//! and an egress: whatever the one does, the others serve, and what it was lent comes back whole.

mod scene;

use dapr_wasm_host::{CallError, Egress, InstanceOptions};

use self::scene::{MEMORY, REQUESTS, Scene, TIME, misbehaving, number};
use crate::faulty_server::{Fault, FaultyServer, answer};
use crate::fixture::engine;

async fn loses(harm: &str) -> CallError {
    Scene::new().await.during(harm).await.unwrap_err()
}

fn is_trap(error: &CallError, reason: &str) -> bool {
    matches!(error, CallError::Trap(_)) && error.to_string().contains(reason)
}

#[tokio::test]
async fn one_that_computes_without_end_is_cancelled() {
    for harm in [
        "spin",
        "call-the-host-without-end",
        "poll-without-end",
        "fill-memory",
    ] {
        let lost = loses(harm).await;
        assert!(
            matches!(lost, CallError::TimeLimit { limit: TIME }),
            "{harm}: {lost}"
        );
    }
}

#[tokio::test]
async fn one_that_waits_without_end_is_cancelled() {
    let lost = loses("sleep").await;
    assert!(
        matches!(lost, CallError::TimeLimit { limit: TIME }),
        "{lost}"
    );
}

#[tokio::test]
async fn one_that_writes_to_stderr_without_end_is_cancelled_and_fills_nothing() {
    let scene = Scene::new().await;
    let lost = scene.during("flood-stderr").await.unwrap_err();
    assert!(matches!(lost, CallError::TimeLimit { .. }), "{lost}");
    assert_eq!(scene.stderr.contents().len(), 64 * 1024);
}

#[tokio::test]
async fn one_that_allocates_without_end_has_no_more_than_its_limit() {
    let lost = loses("allocate").await;
    assert!(
        matches!(lost, CallError::MemoryLimit { limit: MEMORY, .. }),
        "{lost}"
    );
}

#[tokio::test]
async fn one_that_traps_exits_or_breaks_a_rule_of_the_host_loses_itself_alone() {
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
        let lost = loses(harm).await;
        assert!(is_trap(&lost, reason), "{harm}: {lost}");
    }
}

#[tokio::test]
async fn one_that_looks_around_finds_the_variables_that_it_was_given_and_nothing_else() {
    let options = InstanceOptions::new().env("GIVEN", "value");
    let mut instance = misbehaving().instantiate(&options).await.unwrap();
    let mut state = instance.state().unwrap();
    let told = state.get("look-around", None).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(told.value).unwrap(), "GIVEN");
}

#[tokio::test]
async fn one_that_calls_another_host_reaches_nobody() {
    let other = FaultyServer::start(Fault::Answers(answer("200 OK", "", "secret"))).await;
    let authority = other.endpoint.trim_start_matches("http://");
    let told = Scene::new()
        .await
        .during(&format!("call {authority}"))
        .await;
    assert_eq!(told.unwrap(), "ErrorCode::HttpRequestDenied");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn one_that_sends_odd_requests_is_refused_each() {
    let scene = Scene::new().await;
    let harm = format!("send-odd-requests {}", scene.authority);
    let answered = scene.during(&harm).await.unwrap();
    assert_eq!(answered, "ordinary: 200, ordinary: 200");
}

#[tokio::test]
async fn one_that_is_sent_elsewhere_is_not_taken_there() {
    let other = FaultyServer::start(Fault::Answers(answer("200 OK", "", "secret"))).await;
    let location = format!("Location: {}\r\n", other.endpoint);
    let redirect = answer("307 Temporary Redirect", &location, "");
    let server = FaultyServer::start(Fault::Answers(redirect)).await;
    let egress = Egress::builder()
        .allow_url(&server.endpoint)
        .allow_url(&other.endpoint);
    let options = InstanceOptions::new().egress(egress.build().unwrap());
    let mut instance = misbehaving().instantiate(&options).await.unwrap();
    let authority = server.endpoint.trim_start_matches("http://");
    let mut state = instance.state().unwrap();
    let told = state.get(&format!("call {authority}"), None).await.unwrap();
    assert_eq!(told.unwrap().value, b"307");
    assert_eq!((server.connections(), other.connections()), (1, 0));
}

#[tokio::test]
async fn one_that_keeps_answers_unread_keeps_no_more_connections_than_it_may() {
    let scene = Scene::new().await;
    let harm = format!("keep-answers {}", scene.authority);
    let told = scene.during(&harm).await.unwrap();
    assert_eq!(
        told,
        format!("{REQUESTS} ErrorCode::ConnectionLimitReached")
    );
}

#[tokio::test]
async fn one_that_finishes_no_request_keeps_no_more_connections_than_it_may() {
    let scene = Scene::new().await;
    let harm = format!("keep-requests {}", scene.authority);
    let told = scene.during(&harm).await.unwrap();
    assert_eq!(told, "ErrorCode::ConnectionLimitReached");
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
