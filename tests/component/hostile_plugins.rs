//! One instance of a component that does harm, 63 honest ones of the same component, and 63 of the real one share a thread
//! and an egress: whatever the one does, the others serve, and what it was lent comes back whole.

use std::num::NonZeroUsize;
use std::time::Duration;

use dapr_wasm_host::{
    CallError, CapturedStderr, Egress, InstanceOptions, InstancePool, Plugin, PooledInstance,
};
use futures_util::future::{join, join_all};

use crate::faulty_server::{Fault, FaultyServer, answer};
use crate::fixture::{Table, engine, plugin};

/// How many instances a pool has: one that misbehaves, and the others.
const POOL: usize = 64;
const MEMORY: usize = 16 << 20;
const TIME: Duration = Duration::from_secs(1);
const REQUESTS: usize = 8;
/// Each of the 63 has one, and the one that misbehaves has its own; without a bound it would have them all.
const CONNECTIONS: usize = POOL + REQUESTS;

/// The component that misbehaves, which may have no more instances than its pool: what a lost one leaves must be free.
fn misbehaving() -> Plugin {
    let plugin = Plugin::builder().max_instances(POOL as u32);
    plugin.from_file(host_test::misbehaving_path()).unwrap()
}

struct Scene {
    hostile: InstancePool,
    real: InstancePool,
    authority: &'static str,
    stderr: CapturedStderr,
}

impl Scene {
    async fn new() -> Self {
        let endpoint = engine().await.endpoint();
        let egress = Egress::builder()
            .allow_url(endpoint)
            .max_connections_per_host(number(CONNECTIONS))
            .build()
            .unwrap();
        let stderr = CapturedStderr::new();
        let limited = InstanceOptions::new()
            .egress(egress.clone())
            .memory_limit(MEMORY)
            .time_limit(TIME)
            .max_requests(number(REQUESTS))
            .stderr(&stderr);
        let settings = Table::new().await.settings().await;
        Self {
            hostile: InstancePool::builder(&misbehaving())
                .options(limited)
                .size(number(POOL))
                .build(),
            real: InstancePool::builder(&plugin())
                .options(InstanceOptions::new().egress(egress))
                .state(settings.metadata)
                .size(number(POOL - 1))
                .build(),
            authority: endpoint.trim_start_matches("http://").trim_end_matches('/'),
            stderr,
        }
    }

    /// What one instance gives that is asked for this harm, while all the others serve.
    async fn during(&self, harm: &str) -> Result<String, CallError> {
        let (mut lent, real) = join(all(&self.hostile), all(&self.real)).await;
        let mut one = lent.pop().unwrap();
        assert_eq!((lent.len(), real.len()), (POOL - 1, POOL - 1));
        let done = async {
            let item = one.state().unwrap().get(harm, None).await?;
            Ok(String::from_utf8(item.unwrap().value).unwrap())
        };
        let others = join_all(lent.into_iter().chain(real).map(serves));
        let (told, served) = join(done, others).await;
        assert_eq!(served.len(), 2 * (POOL - 1));
        assert_eq!(one.is_lost(), told.is_err());
        drop(one);

        // 64 at a time, and each of them well.
        let whole = all(&self.hostile).await;
        assert_eq!(whole.len(), POOL);
        join_all(whole.into_iter().map(serves)).await;
        told
    }
}

fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// All instances of a pool at a time.
async fn all(pool: &InstancePool) -> Vec<PooledInstance> {
    let lent = (0..pool.size().get()).map(|_| pool.acquire());
    let lent = join_all(lent).await.into_iter();
    lent.collect::<Result<_, _>>().unwrap()
}

async fn serves(mut instance: PooledInstance) {
    let mut state = instance.state().unwrap();
    for value in [b"one", b"two"] {
        state.set("key", value, None).await.unwrap();
        state.get("key", None).await.unwrap().unwrap();
    }
}

async fn loses(harm: &str) -> CallError {
    Scene::new().await.during(harm).await.unwrap_err()
}

fn is_trap(error: &CallError, reason: &str) -> bool {
    matches!(error, CallError::Trap(_)) && error.to_string().contains(reason)
}

#[tokio::test]
async fn one_that_computes_without_end_is_cancelled() {
    for harm in ["spin", "call-the-host-without-end", "fill-memory"] {
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
