//! The setting of the tests: an account's table behind a gate, a pool of instances, and a role that
//! the host may assume.

use crate::fixture::{Settings, Table, engine, plugin};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use dapr_wasm_host::{
    Egress, EgressBuilder, InstanceOptions, InstancePool, PoolError, PooledInstance,
};
use futures_util::future::join_all;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use test_support::aws::sts::ASSUME_ROLE;
use test_support::aws::{Account, CANARY, Key, SignatureProxy, StandIn, Sts};

const HOUR: Duration = Duration::from_secs(3_600);
pub const ROLE: &str = "arn:aws:iam::123456789012:role/orders";

pub struct Scene {
    pub account: Account,
    pub gate: SignatureProxy,
    table: Table,
}

impl Scene {
    pub async fn new() -> Self {
        let account = Account::new();
        let gate =
            SignatureProxy::start(engine().await.endpoint(), &account).expect("the gate starts");
        Self {
            account,
            gate,
            table: Table::new().await,
        }
    }

    pub fn endpoint(&self) -> &str {
        self.gate.endpoint()
    }

    /// Returns the key of a session. No other test has its secrets, so tests can search memory for
    /// them.
    pub fn session(&self, label: &str) -> Key {
        self.unlike_others(self.account.session(label, HOUR))
    }

    /// Returns the key of a user, with secrets that no other test has.
    pub fn user(&self, label: &str) -> Key {
        self.unlike_others(self.account.user(label))
    }

    fn unlike_others(&self, mut key: Key) -> Key {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let alone = format!("{CANARY}/alone/{number}/");
        key.secret.insert_str(0, &alone);
        if let Some(token) = &mut key.session_token {
            token.insert_str(0, &alone);
        }
        self.account.insert(key.clone());
        key
    }

    /// Returns an egress that allows the gate, with more settings.
    pub fn egress(&self, more: impl FnOnce(EgressBuilder) -> EgressBuilder) -> Egress {
        let egress = more(Egress::builder().allow_url(self.endpoint()));
        egress.build().expect("the egress is built")
    }

    /// Returns a pool of instances for the table. Their only credentials are those of these fields
    /// and options.
    pub fn pool(
        &self,
        size: usize,
        fields: &[(&str, &str)],
        more: impl FnOnce(InstanceOptions) -> InstanceOptions,
    ) -> InstancePool {
        let mut settings = Settings::at(self.endpoint())
            .without("accessKey")
            .without("secretKey")
            .with("table", &self.table.name);
        for (name, value) in fields {
            settings = settings.with(name, value);
        }
        // Even if a test has a mistake, no instance asks for the metadata of this machine.
        let options = InstanceOptions::new().env("AWS_EC2_METADATA_DISABLED", "true");
        InstancePool::builder(&plugin())
            .options(more(options))
            .state(settings.metadata)
            .max_instances(NonZeroUsize::new(size).expect("a pool has an instance"))
            .build()
    }

    /// Uses all instances of a pool at once, with a write and a read each. Then runs four times as
    /// many tasks, which take instances as they become free.
    pub async fn load(&self, pool: &InstancePool) {
        let size = pool.max_instances().get();
        let all = join_all((0..size).map(|_| pool.acquire())).await;
        let called = all
            .into_iter()
            .enumerate()
            .map(|(number, instance)| async move {
                call(&mut instance.expect("an instance"), number).await;
            });
        join_all(called).await;
        let tasks = (0..4 * size).map(|number| {
            let pool = pool.clone();
            tokio::spawn(async move {
                call(&mut pool.acquire().await.expect("an instance"), number).await;
            })
        });
        for task in join_all(tasks).await {
            task.expect("a task");
        }
    }
}

/// Writes an item with an instance of the pool.
pub async fn write(pool: &InstancePool) {
    let mut instance = pool.acquire().await.expect("an instance");
    let mut state = instance.state().expect("a store");
    state.set("k", b"v", None).await.expect("a write");
}

async fn call(instance: &mut PooledInstance, number: usize) {
    let key = format!("key-{number}");
    let mut state = instance.state().expect("a store");
    state.set(&key, b"v", None).await.expect("a write");
    let item = state.get(&key, None).await.expect("a read");
    assert_eq!(item.expect("the item").value, b"v");
}

/// Returns the component's error. Panics unless it was denied access.
#[track_caller]
pub fn denied(acquired: Result<PooledInstance, PoolError>) -> String {
    let error = acquired.expect_err("access is denied");
    let PoolError::Init(cause) = &error else {
        panic!("no instance starts: {error}");
    };
    let case = cause.component().map(dapr_wasm_host::types::Error::case);
    assert_eq!(case, Some("access-denied"), "{error}");
    error.to_string()
}

pub fn keys(key: &Key) -> Credentials {
    let token = key.session_token.clone();
    Credentials::new(
        key.id.clone(),
        key.secret.clone(),
        token,
        key.expiry,
        "test",
    )
}

pub fn secrets(key: &Key) -> Vec<Vec<u8>> {
    let token = key.session_token.as_ref();
    let secrets = [Some(&key.secret), token].into_iter().flatten();
    secrets.map(|secret| secret.clone().into_bytes()).collect()
}

/// A user, and the STS that issues a role to it.
pub struct Sources {
    pub user: Key,
    pub sts: StandIn<Sts>,
}

impl Sources {
    pub fn of(scene: &Scene) -> Self {
        let sts = StandIn::start(Sts::of(&scene.account)).expect("STS starts");
        let user = scene.account.user("USER");
        Self { user, sts }
    }

    /// Returns a provider of the role: the one of AWS's SDK.
    pub async fn role(&self) -> AssumeRoleProvider {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .no_credentials()
            .region(Region::new("eu-central-1"))
            .endpoint_url(self.sts.endpoint())
            .http_client(http);
        let config = config.load().await;
        let role = AssumeRoleProvider::builder(ROLE).session_name("host");
        let role = role.configure(&config);
        role.build_from_provider(keys(&self.user)).await
    }

    /// Returns the number of times that STS was asked for the role.
    pub fn asked(&self) -> usize {
        self.sts.count(ASSUME_ROLE)
    }
}
