//! `init` and `ping` of a table that cannot be read now, or never with this role. They succeed if
//! the table is usable nevertheless, and write a warning to stderr.

use crate::fixture::{Settings, Store, Table, assert_no_secret, assert_refused};
use dapr_wasm_host::CapturedStderr;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use test_support::faults::{Action, Arrived, AwsError, FaultProxy};

struct Scene {
    settings: Settings,
    /// The keys that requests asked for.
    keys: Arc<Mutex<Vec<String>>>,
    heard: CapturedStderr,
    _proxy: FaultProxy,
    _table: Table,
}

impl Scene {
    /// Returns a table of which every read fails with this error.
    async fn new(code: &str) -> Self {
        let table = Table::new().await;
        let error = AwsError::named(code).expect("an error of DynamoDB");
        let keys: Arc<Mutex<Vec<String>>> = Arc::default();
        let asked = Arc::clone(&keys);
        let director = move |arrived: &Arrived| match arrived.operation.as_str() {
            "GetItem" => {
                let key = arrived.json()["Key"]["key"]["S"].to_string();
                asked.lock().unwrap().push(key);
                Action::error(&error)
            }
            _ => Action::pass(),
        };
        let (settings, proxy) = table.behind(director).await;
        Self {
            settings: settings.with("maxAttempts", "1"),
            keys,
            heard: CapturedStderr::new(),
            _proxy: proxy,
            _table: table,
        }
    }

    async fn instance(&self) -> Store {
        let settings = &self.settings;
        let instance = settings.blank_with(|options| options.stderr(&self.heard));
        instance.await
    }

    /// Returns the lines of stderr.
    fn heard(&self) -> Vec<String> {
        let heard = self.heard.contents();
        assert_no_secret(&heard);
        heard.lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn init_and_ping_of_a_throttled_table_succeed() {
    let scene = Scene::new("ProvisionedThroughputExceededException").await;
    let mut store = scene.instance().await;
    store.state().init(&scene.settings.metadata).await.unwrap();
    store.state().ping().await.unwrap();
    let answer = store.binding().init(&scene.settings.metadata).await;
    answer.unwrap();
    store.binding().ping().await.unwrap();
    store.set("k", b"v").await;
    let heard = scene.heard();
    assert_eq!(heard.len(), 4, "{heard:?}");
    for line in heard {
        let start = "dapr-dynamodb: table `";
        let middle = "` is reachable, but throttled now: ";
        assert!(line.starts_with(start) && line.contains(middle), "{line}");
    }
}

#[tokio::test]
async fn binding_accepts_a_role_that_may_write_but_not_read() {
    let scene = Scene::new("AccessDeniedException").await;
    let mut store = scene.instance().await;
    let answer = store.binding().init(&scene.settings.metadata).await;
    answer.unwrap();
    store.binding().ping().await.unwrap();
    store.create(r#"{"key":"k","n":1}"#).await.unwrap();
    let heard = scene.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    for line in heard {
        assert!(line.contains("dynamodb:GetItem"), "{line}");
    }
    let answer = store.state().init(&scene.settings.metadata).await;
    assert_refused(answer, "access-denied", &["GetItem"]);
}

#[tokio::test]
async fn binding_refuses_unknown_credentials() {
    let scene = Scene::new("UnrecognizedClientException").await;
    let mut store = scene.instance().await;
    let answer = store.binding().init(&scene.settings.metadata).await;
    assert_refused(answer, "access-denied", &["GetItem"]);
    assert_eq!(scene.heard(), [""; 0]);
}

#[tokio::test]
async fn each_instance_checks_the_table_with_its_own_key() {
    let scene = Scene::new("ThrottlingException").await;
    for _ in 0..3 {
        let mut store = scene.instance().await;
        store.state().init(&scene.settings.metadata).await.unwrap();
    }
    let keys = scene.keys.lock().unwrap();
    let own: HashSet<&String> = keys.iter().collect();
    assert_eq!((keys.len(), own.len()), (3, 3), "{keys:?}");
}
