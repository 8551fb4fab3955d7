//! The setting of the tests: a table behind a gate, an instance, and all sources of credentials,
//! including the component's own metadata.
//!
//! Each source issues credentials with its own label. The instance may reach the gate and the
//! servers that the test allows. No instance ever connects to AWS's own addresses, because its
//! egress forbids it.

use crate::fixture::{Settings, Store, Table, engine};
use dapr_wasm_host::{CallError, CapturedStderr};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
pub use test_support::aws::sources::ROLE;
use test_support::aws::{self, Account, CANARY, Key, SignatureProxy};

/// The path of the lent folder inside the instance.
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

    /// Returns an instance without credentials, which cannot reach AWS.
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

    /// Returns the same as [`Self::guest`], configured by its environment instead of `init`.
    pub fn guest_of_environment(&self) -> Guest {
        self.guest()
            .env("DYNAMODB_TABLE", &self.table.name)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.gate.endpoint())
    }

    /// Expires all keys that were used so far.
    pub fn expire_keys(&self) {
        for id in self.gate.passed().into_keys() {
            self.account.expire(&id);
        }
    }

    /// Returns the labels of the keys that signed the accepted requests, in alphabetical order.
    pub fn signers(&self) -> Vec<String> {
        let ids = self.gate.passed().into_keys();
        let mut labels: Vec<String> = ids.map(|id| label(&id).to_owned()).collect();
        labels.dedup();
        labels
    }
}

/// Asserts that no instance of the test wrote a secret to standard error.
impl Drop for Scene {
    fn drop(&mut self) {
        let told = self.stderr.contents();
        if !std::thread::panicking() {
            assert!(!told.contains(CANARY), "a secret is on standard error");
        }
    }
}

/// Returns the label in a key ID, such as `STS` in `ASIASTS0000000000007`.
pub fn label(id: &str) -> &str {
    let (_, id) = id.split_at("ASIA".len());
    id.trim_end_matches(|character: char| character.is_ascii_digit())
}

/// The options of an instance that is not created yet.
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

    /// Allows the instance to reach the table only.
    pub fn reaching_only_the_gate(mut self) -> Self {
        self.settings = self.settings.reaching_only_its_endpoint();
        self
    }

    /// Lends this folder to the instance, at the path [`LENT`].
    pub fn lend(mut self, folder: &Path) -> Self {
        self.lent = Some(folder.to_owned());
        self
    }

    /// Returns the metadata for `init`.
    pub fn metadata_fields(&self) -> &[(String, String)] {
        &self.settings.metadata
    }

    /// Creates the instance without `init`.
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

    /// Creates an instance and returns the result of its `init`.
    pub async fn init(&self) -> Result<(), CallError> {
        self.blank()
            .await
            .state()
            .init(&self.settings.metadata)
            .await
    }

    /// Creates the instance and runs `init`, which makes one signed call.
    pub async fn store(&self) -> Store {
        let mut store = self.blank().await;
        let answer = store.state().init(&self.settings.metadata).await;
        answer.expect("init succeeds");
        store
    }

    /// Creates a store with `init`, then writes and reads an item.
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

/// Asserts that the component refused with this case. The error must contain all of `words` and no
/// secret.
#[track_caller]
pub fn refused<T: Debug>(answer: Result<T, CallError>, case: &str, words: &[&str]) {
    let told = format!("{answer:?}");
    assert!(!told.contains(CANARY), "the error shows a secret");
    let Err(CallError::Component(error)) = answer else {
        panic!("expected {case}, got {told}");
    };
    let sentence = error.to_string();
    assert!(!sentence.contains(CANARY), "the error shows a secret");
    assert_eq!(error.case(), case, "{sentence}");
    for word in words {
        assert!(sentence.contains(word), "{sentence:?} lacks {word:?}");
    }
}

/// A source of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Metadata,
    Environment,
    SharedFiles,
    WebIdentity,
    Container,
    InstanceMetadata,
}

/// All sources, in the order in which the component asks them.
pub const SOURCES: [Source; 6] = [
    Source::Metadata,
    Source::Environment,
    Source::SharedFiles,
    Source::WebIdentity,
    Source::Container,
    Source::InstanceMetadata,
];

impl Source {
    /// Returns AWS's source, or `None` for the metadata.
    fn of_aws(self) -> Option<aws::Source> {
        match self {
            Self::Metadata => None,
            Self::Environment => Some(aws::Source::Environment),
            Self::SharedFiles => Some(aws::Source::SharedFiles),
            Self::WebIdentity => Some(aws::Source::WebIdentity),
            Self::Container => Some(aws::Source::Container),
            Self::InstanceMetadata => Some(aws::Source::InstanceMetadata),
        }
    }

    /// Returns the label in the IDs of the source's keys.
    pub fn label(self) -> &'static str {
        self.of_aws().map_or("METADATA", aws::Source::label)
    }
}

/// The servers and files of all sources.
pub struct Lenders {
    pub aws: aws::Sources,
    pub folder: TempDir,
    metadata: Key,
}

impl std::ops::Deref for Lenders {
    type Target = aws::Sources;

    fn deref(&self) -> &aws::Sources {
        &self.aws
    }
}

/// Returns a scene and all the sources.
pub async fn lending() -> (Scene, Lenders) {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    (scene, lenders)
}

impl Lenders {
    fn of(scene: &Scene) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let aws = aws::Sources::start(&scene.account, folder.path());
        Self {
            aws: aws.expect("the sources start"),
            folder,
            metadata: scene.account.user(Source::Metadata.label()),
        }
    }

    /// Configures the instance for this source in addition.
    pub fn lend(&self, source: Source, guest: Guest) -> Guest {
        let guest = guest.lend(self.folder.path());
        let Some(of_aws) = source.of_aws() else {
            let guest = guest.metadata("accessKey", &self.metadata.id);
            return guest.metadata("secretKey", &self.metadata.secret);
        };
        let variables = self.aws.environment(of_aws, LENT);
        let guest = variables
            .iter()
            .fold(guest, |guest, (name, value)| guest.env(name, value));
        match source {
            Source::WebIdentity => self.reaching_sts(guest),
            Source::Container => guest.reaching(self.container.endpoint()),
            Source::InstanceMetadata => guest.reaching(self.instance_metadata.endpoint()),
            Source::Metadata | Source::Environment | Source::SharedFiles => guest,
        }
    }

    pub fn reaching_sts(&self, guest: Guest) -> Guest {
        let endpoint = self.sts.endpoint();
        guest
            .env("AWS_ENDPOINT_URL_STS", endpoint)
            .reaching(endpoint)
    }

    /// Returns the number of requests to a source.
    pub fn asked(&self, source: Source) -> usize {
        source.of_aws().map_or(0, |source| self.aws.asked(source))
    }
}

/// Returns a secret text, such as the web identity token or the authorization token.
pub fn secret(what: &str) -> String {
    format!("{CANARY}.{what}.token")
}

/// Returns the path of the file inside the instance.
pub fn lent(name: &str) -> String {
    format!("{LENT}/{name}")
}

pub fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file is written");
}

/// Returns the section of a profile in the credentials file.
pub fn section(profile: &str, key: &Key) -> String {
    let Key { id, secret, .. } = key;
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}
