//! What `init` and `ping` make of a table that cannot be read now, or never by this role: they succeed where that is no
//! reason against using it, and say so on stderr.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use dapr_wasm_host::CapturedStderr;
use test_support::faults::{Action, Arrived, AwsError, Decision, Director, FaultProxy};

use crate::fixture::{Settings, Store, Table, assert_no_secret, assert_refused, engine};

/// Answers every read with an error, and keeps the keys that were asked for.
struct NoReads {
    code: &'static str,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Director for NoReads {
    fn decide<'a>(&'a self, arrived: &'a Arrived) -> Decision<'a, Action> {
        let action = match arrived.operation.as_str() {
            "GetItem" => {
                let key = arrived.json()["Key"]["key"]["S"]
                    .as_str()
                    .map(str::to_owned);
                let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
                keys.extend(key);
                let error = AwsError::named(self.code);
                Action::error(&error.expect("an error of DynamoDB"))
            }
            _ => Action::pass(),
        };
        Box::pin(async { action })
    }
}

struct Scene {
    settings: Settings,
    keys: Arc<Mutex<Vec<String>>>,
    heard: CapturedStderr,
    _proxy: FaultProxy,
    _table: Table,
}

impl Scene {
    /// A table of which every read ends with this error.
    async fn new(code: &'static str) -> Self {
        let table = Table::new().await;
        let keys = Arc::default();
        let director = NoReads {
            code,
            keys: Arc::clone(&keys),
        };
        let proxy = FaultProxy::start(engine().await.endpoint(), director).unwrap();
        let settings = table.settings().await.through(proxy.endpoint());
        Self {
            settings: settings.with("maxAttempts", "1"),
            keys,
            heard: CapturedStderr::new(),
            _proxy: proxy,
            _table: table,
        }
    }

    async fn instance(&self) -> Store {
        let with_ears = self
            .settings
            .blank_with(|options| options.stderr(&self.heard));
        with_ears.await
    }

    /// The lines of stderr.
    fn heard(&self) -> Vec<String> {
        let heard = self.heard.contents();
        assert_no_secret(&heard);
        heard.lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_throttled_table_is_usable_for_init_and_ping() {
    let scene = Scene::new("ProvisionedThroughputExceededException").await;
    let mut store = scene.instance().await;
    store.state().init(&scene.settings.metadata).await.unwrap();
    store.state().ping().await.unwrap();
    store
        .binding()
        .init(&scene.settings.metadata)
        .await
        .unwrap();
    store.binding().ping().await.unwrap();
    store.state().set("k", b"v", None).await.unwrap();
    let heard = scene.heard();
    assert_eq!(heard.len(), 4, "{heard:?}");
    for line in heard {
        let start = "dapr-dynamodb: table `";
        let middle = "` can be reached, but is throttled now: ";
        assert!(line.starts_with(start) && line.contains(middle), "{line}");
    }
}

#[tokio::test]
async fn a_binding_takes_a_role_that_may_write_and_not_read() {
    let scene = Scene::new("AccessDeniedException").await;
    let mut store = scene.instance().await;
    store
        .binding()
        .init(&scene.settings.metadata)
        .await
        .unwrap();
    store.binding().ping().await.unwrap();
    let data = br#"{"key":"k","n":1}"#;
    let mut binding = store.binding();
    binding.invoke("create", data, None).await.unwrap();
    let heard = scene.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    for line in heard {
        assert!(line.contains("dynamodb:GetItem"), "{line}");
    }
    let answer = store.state().init(&scene.settings.metadata).await;
    assert_refused(answer, "access-denied", &["GetItem"]);
}

#[tokio::test]
async fn credentials_that_nobody_knows_are_no_role() {
    let scene = Scene::new("UnrecognizedClientException").await;
    let mut store = scene.instance().await;
    let answer = store.binding().init(&scene.settings.metadata).await;
    assert_refused(answer, "access-denied", &["GetItem"]);
    assert_eq!(scene.heard(), [""; 0]);
}

#[tokio::test]
async fn each_instance_checks_the_table_with_a_key_of_its_own() {
    let scene = Scene::new("ThrottlingException").await;
    for _ in 0..3 {
        let mut store = scene.instance().await;
        store.state().init(&scene.settings.metadata).await.unwrap();
    }
    let keys = scene.keys.lock().unwrap_or_else(PoisonError::into_inner);
    let own: HashSet<&String> = keys.iter().collect();
    assert_eq!((keys.len(), own.len()), (3, 3), "{keys:?}");
}
