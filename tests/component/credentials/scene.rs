//! A table behind a gate, and an instance that may reach both the gate and whatever the test lets it. No instance ever gets
//! to AWS's own addresses: its egress does not let it.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use dapr_wasm_host::{CallError, CapturedStderr};
use test_support::aws::{Account, CANARY, SignatureProxy};

use crate::fixture::{Settings, Store, Table, engine};

/// Where the instance finds what is lent to it.
pub const LENT: &str = "/lent";

/// An account and its table.
pub struct Scene {
    pub account: Account,
    pub gate: SignatureProxy,
    table: Table,
    stderr: CapturedStderr,
}

impl Scene {
    pub async fn new() -> Self {
        let account = Account::new();
        let gate =
            SignatureProxy::start(engine().await.endpoint(), &account).expect("the gate starts");
        Self {
            gate,
            account,
            table: Table::new().await,
            stderr: CapturedStderr::new(),
        }
    }

    /// An instance without credentials and without a way to AWS.
    pub fn guest(&self) -> Guest {
        let settings = Settings::at(self.gate.endpoint())
            .without("accessKey")
            .without("secretKey")
            .with("table", &self.table.name);
        Guest {
            settings,
            environment: Vec::new(),
            lent: None,
            stderr: self.stderr.clone(),
        }
        .env("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// The same, for an instance that is not told anything by `init`.
    pub fn guest_of_environment(&self) -> Guest {
        self.guest()
            .env("DYNAMODB_TABLE", &self.table.name)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.gate.endpoint())
    }

    /// Whose keys the requests that passed were signed with: labels, in alphabetical order.
    pub fn signers(&self) -> Vec<String> {
        let ids = self.gate.passed().into_keys();
        let mut labels: Vec<String> = ids.map(|id| label(&id).to_owned()).collect();
        labels.dedup();
        labels
    }
}

/// Whatever an instance of the test wrote to standard error, a secret is not in it.
impl Drop for Scene {
    fn drop(&mut self) {
        let told = self.stderr.contents();
        if !std::thread::panicking() {
            assert!(!told.contains(CANARY), "a secret is on standard error");
        }
    }
}

/// `STS` of `ASIASTS0000000000007`.
pub fn label(id: &str) -> &str {
    let (_, id) = id.split_at("ASIA".len());
    id.trim_end_matches(|character: char| character.is_ascii_digit())
}

/// An instance to be.
#[derive(Clone)]
pub struct Guest {
    settings: Settings,
    environment: Vec<(String, String)>,
    lent: Option<PathBuf>,
    stderr: CapturedStderr,
}

impl Guest {
    pub fn metadata(mut self, name: &str, value: &str) -> Self {
        self.settings = self.settings.with(name, value);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without_metadata(mut self, name: &str) -> Self {
        self.settings = self.settings.without(name);
        self
    }

    pub fn reaching(mut self, url: &str) -> Self {
        self.settings = self.settings.reaching(url);
        self
    }

    /// The table, and nothing else.
    pub fn reaching_only_the_gate(mut self) -> Self {
        self.settings = self.settings.reaching_only_its_endpoint();
        self
    }

    /// The instance sees this folder under [`LENT`].
    pub fn lend(mut self, folder: &Path) -> Self {
        self.lent = Some(folder.to_owned());
        self
    }

    /// What `init` is to get.
    pub fn metadata_fields(&self) -> &[(String, String)] {
        &self.settings.metadata
    }

    /// Not configured yet.
    pub async fn blank(&self) -> Store {
        let settings = &self.settings;
        let store = settings.blank_with(|mut options| {
            options = options.stderr(&self.stderr);
            for (name, value) in &self.environment {
                options = options.env(name, value);
            }
            match &self.lent {
                Some(folder) => options.read_only_directory(folder, LENT),
                None => options,
            }
        });
        store.await
    }

    /// What `init` of a new instance answers.
    pub async fn init(&self) -> Result<(), CallError> {
        self.blank()
            .await
            .state()
            .init(&self.settings.metadata)
            .await
    }

    /// Configured. That took a call, which was signed.
    pub async fn store(&self) -> Store {
        let mut store = self.blank().await;
        let answer = store.state().init(&self.settings.metadata).await;
        answer.expect("init succeeds");
        store
    }

    /// Writes and reads an item.
    pub async fn works(&self) {
        let mut store = self.store().await;
        works(&mut store).await;
    }
}

/// Writes and reads an item.
pub async fn works(store: &mut Store) {
    store.state().set("k", b"v", None).await.expect("a write");
    let item = store.state().get("k", None).await.expect("a read");
    assert_eq!(item.expect("the item").value, b"v");
}

/// The component refused with this case; its sentence has all of `words` and no secret.
#[track_caller]
pub fn refused<T: Debug>(answer: Result<T, CallError>, case: &str, words: &[&str]) {
    let told = format!("{answer:?}");
    assert!(!told.contains(CANARY), "a secret is told");
    let Err(CallError::Component(error)) = answer else {
        panic!("expected {case}, got {told}");
    };
    let sentence = error.to_string();
    assert!(!sentence.contains(CANARY), "a secret is told");
    assert_eq!(error.case(), case, "{sentence}");
    for word in words {
        assert!(sentence.contains(word), "{sentence:?} lacks {word:?}");
    }
}
