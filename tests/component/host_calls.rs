//! The host calls of a `get`, one by one, for both builds of the component. Every host call costs
//! time, and in some hosts a lot. A call that the worker of Node's shim handles takes a tenth of a
//! millisecond.
//!
//! wasmtime's WASI and our host open a span for every function that a component calls. They open none
//! when a component drops a handle. The portable build drops seven of the handles that the calls below
//! return.

use crate::fixture::{Build, reaching, whole};
use http::StatusCode;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use test_support::faults::{Action, FaultProxy, Reply};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// The name that wasmtime's bindings give to the span of an imported function.
const HOST_CALL: &str = "wit-bindgen import";

/// The host calls of a `get` with `wasi:http`.
const PORTABLE: &[&str] = &[
    "monotonic-clock now",
    "wall-clock now",
    "types [static]fields.from-list",
    "types [constructor]outgoing-request",
    "types [method]outgoing-request.set-method",
    "types [method]outgoing-request.set-scheme",
    "types [method]outgoing-request.set-authority",
    "types [method]outgoing-request.set-path-with-query",
    "types [method]outgoing-request.body",
    "types [constructor]request-options",
    "types [method]request-options.connect-timeout",
    "types [method]request-options.set-connect-timeout",
    "outgoing-handler handle",
    "types [method]outgoing-body.write",
    "streams [method]output-stream.check-write",
    "streams [method]output-stream.write",
    "types [static]outgoing-body.finish",
    "types [method]future-incoming-response.get",
    "types [method]future-incoming-response.subscribe",
    "poll poll",
    "types [method]future-incoming-response.get",
    "types [method]incoming-response.status",
    "types [method]incoming-response.headers",
    "types [method]fields.get",
    "types [method]incoming-response.consume",
    "types [method]incoming-body.stream",
    "streams [method]input-stream.read",
    "streams [method]input-stream.read",
    "types [method]fields.get",
];

/// The host calls of a `get` with `dapr-wasm:host`. Without a session token, the request is so short that the
/// component hashes it.
const HOSTED: &[&str] = &["monotonic-clock now", "wall-clock now", "http-client send"];

/// Records the host functions that are called on this thread.
#[derive(Clone)]
struct HostCalls {
    names: Arc<Mutex<Vec<String>>>,
    level: LevelFilter,
}

impl HostCalls {
    fn at(level: LevelFilter) -> Self {
        let names = Arc::default();
        Self { names, level }
    }

    /// Returns the host functions that are called during `action`.
    ///
    /// With only one subscriber, a span that another thread reaches first is registered for that
    /// thread's subscriber only. That thread has none, so this subscriber would never see the span.
    /// A second subscriber, registered first, prevents this: it lets no thread register anything.
    async fn during(action: impl Future<Output = ()>) -> Vec<String> {
        let _second = Dispatch::new(Self::at(LevelFilter::OFF));
        let calls = Self::at(LevelFilter::TRACE);
        let listening = tracing::subscriber::set_default(calls.clone());
        action.await;
        drop(listening);
        calls.names.lock().unwrap().clone()
    }
}

impl Subscriber for HostCalls {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.name() == HOST_CALL
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut name = Name::default();
        span.record(&mut name);
        let mut names = self.names.lock().unwrap();
        names.push(format!("{} {}", name.module, name.function));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Name {
    module: String,
    function: String,
}

impl Visit for Name {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "module" => self.module = value.to_owned(),
            "function" => self.function = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// Starts a server that sends this body in response to every request.
fn answering(body: &str) -> FaultProxy {
    let reply = Reply::text(StatusCode::OK, "application/x-amz-json-1.0", body);
    FaultProxy::stub(Action::answer(reply)).unwrap()
}

#[tokio::test]
async fn get_makes_exactly_these_host_calls() {
    let server = answering(r#"{"Item":{"key":{"S":"k"},"value":{"S":"v"}}}"#);
    let defaults = [
        ("DYNAMODB_CONNECT_TIMEOUT", "3s"),
        ("DYNAMODB_REQUEST_TIMEOUT", "10s"),
    ];
    let environment = whole("t", server.endpoint(), &defaults);
    let mut store = reaching(server.endpoint(), &environment).await;
    // The first call reads the environment, and leaves a timer behind.
    store.get("k").await.unwrap();
    let calls = HostCalls::during(async {
        store.get("k").await.unwrap();
    });
    let expected = match Build::tested() {
        Build::Portable => PORTABLE,
        Build::Hosted => HOSTED,
    };
    assert_eq!(calls.await, expected);
}

/// The server works on a request while the component prepares the next one.
#[tokio::test]
async fn bulk_call_sends_each_request_before_it_signs_the_next() {
    let server = answering(r#"{"Responses":{"t":[]},"UnprocessedKeys":{}}"#);
    let mut store = reaching(server.endpoint(), &whole("t", server.endpoint(), &[])).await;
    let keys: Vec<_> = (0..300).map(|n| n.to_string()).collect();
    // The first request reads the credentials.
    store.state().bulk_get(&keys[..1], None).await.unwrap();
    let calls = HostCalls::during(async {
        let found = store.state().bulk_get(&keys, None).await;
        assert_eq!(found.unwrap().len(), 300);
    });
    let sends = match Build::tested() {
        Build::Portable => "outgoing-handler handle",
        Build::Hosted => "http-client start",
    };
    let reads_time = "wall-clock now";
    let mut steps = calls.await;
    steps.retain(|call| call == sends || call == reads_time);
    steps.truncate(6);
    assert_eq!(steps, [reads_time, sends].repeat(3));
}
