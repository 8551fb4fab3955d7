//! One, eight or all 64 instances of a component do harm at once. The others of it and 64 of the real component share a
//! thread and an egress with them: whatever the crowd does, the others serve, and its pool lends 64 again afterwards.

mod scene;

use dapr_wasm_host::{CallError, Egress, InstanceOptions};

use self::scene::{
    CROWDS, MEMORY, REQUESTS, REQUESTS_OF_PLUGIN, Scene, is_time_limit, misbehaving, number,
};
use crate::faulty_server::{Fault, FaultyServer, answer};
use crate::fixture::engine;

/// Asks crowds of each size for the harm, and checks what each instance gives.
async fn each_of_a_crowd(harm: &str, gives: impl Fn(&Result<String, CallError>) -> bool) {
    let scene = Scene::new().await;
    for crowd in CROWDS {
        for told in scene.during(harm, crowd).await {
            assert!(gives(&told), "{harm}, {crowd} at once: {told:?}");
        }
    }
}

#[tokio::test]
async fn a_crowd_that_spins_is_cancelled() {
    each_of_a_crowd("spin", is_time_limit).await;
}

#[tokio::test]
async fn a_crowd_that_calls_the_host_without_end_is_cancelled() {
    each_of_a_crowd("call-the-host-without-end", is_time_limit).await;
}

#[tokio::test]
async fn a_crowd_that_polls_without_end_is_cancelled() {
    each_of_a_crowd("poll-without-end", is_time_limit).await;
}

#[tokio::test]
async fn a_crowd_that_fills_its_memory_without_end_is_cancelled() {
    each_of_a_crowd("fill-memory", is_time_limit).await;
}

#[tokio::test]
async fn a_crowd_that_waits_without_end_is_cancelled() {
    each_of_a_crowd("sleep", is_time_limit).await;
}

#[tokio::test]
async fn a_crowd_that_writes_to_stderr_without_end_is_cancelled_and_fills_nothing() {
    let scene = Scene::new().await;
    for crowd in CROWDS {
        let told = scene.during("flood-stderr", crowd).await;
        assert!(told.iter().all(is_time_limit), "{told:?}");
        assert!(scene.stderr.contents().len() <= 64 * 1024);
    }
}

#[tokio::test]
async fn a_crowd_that_allocates_without_end_has_no_more_than_its_limit_each() {
    each_of_a_crowd("allocate", |told| {
        matches!(told, Err(CallError::MemoryLimit { limit: MEMORY, .. }))
    })
    .await;
}

#[tokio::test]
async fn a_crowd_that_traps_exits_or_breaks_a_rule_of_the_host_loses_itself_alone() {
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

#[tokio::test]
async fn one_that_looks_around_finds_the_variables_that_it_was_given_and_nothing_else() {
    let options = InstanceOptions::new().env("GIVEN", "value");
    let mut instance = misbehaving().instantiate(&options).await.unwrap();
    let mut state = instance.state().unwrap();
    let told = state.get("look-around", None).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(told.value).unwrap(), "GIVEN");
}

#[tokio::test]
async fn a_crowd_that_calls_another_host_reaches_nobody() {
    let other = FaultyServer::start(Fault::Answers(answer("200 OK", "", "secret"))).await;
    let authority = other.endpoint.trim_start_matches("http://");
    each_of_a_crowd(
        &format!("call {authority}"),
        |told| matches!(told, Ok(told) if told == "ErrorCode::HttpRequestDenied"),
    )
    .await;
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_crowd_that_sends_odd_requests_is_refused_each() {
    let harm = format!("send-odd-requests {}", engine_authority().await);
    each_of_a_crowd(
        &harm,
        |told| matches!(told, Ok(told) if told == "ordinary: 200, ordinary: 200"),
    )
    .await;
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
async fn a_crowd_that_keeps_answers_unread_keeps_no_more_connections_than_it_may() {
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
async fn a_crowd_that_finishes_no_request_keeps_no_more_connections_than_it_may() {
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

async fn engine_authority() -> &'static str {
    let endpoint = engine().await.endpoint();
    endpoint.trim_start_matches("http://").trim_end_matches('/')
}
