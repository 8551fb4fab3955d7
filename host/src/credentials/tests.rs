//! Tests that all callers share one fetch of credentials, and that no secret is printed.

use super::{AwsCredentials, Cached, NoCredentials};
use crate::egress::Tls;
use crate::egress::tests::server::Server;
use crate::egress::tests::tls;
use crate::error::HostError;
use crate::tests::runtime;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

const SECRET: &str = "c4n4ry-of-a-source";

/// A source that counts its calls, and answers when a test allows it.
#[derive(Clone, Debug)]
struct Source {
    asked: Arc<AtomicUsize>,
    let_answer: Arc<Semaphore>,
    life: Option<Duration>,
}

impl Source {
    fn that_lives(life: Option<Duration>) -> Self {
        Self {
            asked: Arc::default(),
            let_answer: Arc::new(Semaphore::new(0)),
            life,
        }
    }

    async fn answer(&self) -> provider::Result {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.let_answer.acquire().await.unwrap().forget();
        let life = self
            .life
            .ok_or_else(|| CredentialsError::provider_error(format!("failure number {asked}")))?;
        let expiry = SystemTime::now() + life;
        Ok(Credentials::new(
            format!("AKID{asked}"),
            SECRET,
            None,
            Some(expiry),
            "test",
        ))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl ProvideCredentials for Source {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.answer())
    }
}

const HOUR: Option<Duration> = Some(Duration::from_secs(3_600));
/// The timeout of a test that would hang otherwise.
const LONG: Duration = Duration::from_secs(60);

fn keys(id: &str, expiry: Option<SystemTime>) -> Credentials {
    Credentials::new(id, SECRET, Some(format!("token-of-{id}")), expiry, "test")
}

/// Returns credentials whose source returned `AKIDOLD` an hour ago. They are valid for `life` from now.
fn known_for_an_hour(source: &Source, life: Duration) -> AwsCredentials {
    let now = SystemTime::now();
    let old = keys("AKIDOLD", Some(now + life));
    let credentials = AwsCredentials::new(source.clone()).wait_timeout(LONG);
    credentials.given(old, now - Duration::from_secs(3_600))
}

async fn id(credentials: &AwsCredentials) -> Result<String, NoCredentials> {
    let current = credentials.current().await?;
    Ok(current.access_key_id().to_owned())
}

/// Asks until the credentials have been renewed.
async fn renewed(credentials: &AwsCredentials) -> String {
    let renewed = async {
        loop {
            let id = id(credentials).await.unwrap();
            if id != "AKIDOLD" {
                return id;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, renewed).await.expect("no renewal")
}

/// Runs fifty concurrent callers and returns their results.
async fn fifty<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    source: &Source,
    credentials: &AwsCredentials,
    ask: impl Fn(AwsCredentials) -> F,
) -> Vec<T> {
    let asking: JoinSet<_> = (0..50).map(|_| ask(credentials.clone())).collect();
    source.let_answer.add_permits(50);
    asking.join_all().await
}

#[tokio::test]
async fn concurrent_callers_share_one_fetch() {
    for (life, expected) in [(HOUR, Ok("AKID1")), (None, Err(NoCredentials::Broken))] {
        let source = Source::that_lives(life);
        let credentials = AwsCredentials::new(source.clone());
        let all = fifty(&source, &credentials, |credentials| async move {
            id(&credentials).await
        });
        for got in all.await {
            assert_eq!(got, expected.map(str::to_owned));
        }
        assert_eq!(source.asked(), 1);
    }
}

#[tokio::test]
async fn fetch_continues_when_its_caller_gives_up() {
    let source = Source::that_lives(HOUR);
    let credentials = AwsCredentials::new(source.clone());
    let first = tokio::spawn({
        let credentials = credentials.clone();
        async move { credentials.current().await.map(drop) }
    });
    while source.asked() == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    source.let_answer.add_permits(1);
    assert_eq!(id(&credentials).await.unwrap(), "AKID1");
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn expired_credentials_of_the_source_are_refused() {
    let source = Source::that_lives(Some(Duration::ZERO));
    source.let_answer.add_permits(1);
    let refused = AwsCredentials::new(source).current().await;
    assert_eq!(refused.unwrap_err(), NoCredentials::Expired);
}

#[tokio::test]
async fn credentials_invalid_in_a_header_are_refused() {
    let token = |token: &str| Some(token.to_owned());
    for (id, secret, token) in [
        ("AKID\n", SECRET, None),
        ("AKID", "c4n4ry of a source", None),
        ("AKID", SECRET, token("c4n4ry-\u{e9}-of-a-source")),
    ] {
        let keys = Credentials::new(id, secret, token, None, "test");
        let refused = AwsCredentials::new(keys).current().await;
        assert!(matches!(refused, Err(NoCredentials::Broken)));
    }
}

#[tokio::test(start_paused = true)]
async fn wait_for_a_silent_source_times_out() {
    let source = Source::that_lives(HOUR);
    let refused = AwsCredentials::new(source).current().await;
    assert_eq!(refused.unwrap_err(), NoCredentials::Late);
}

#[test]
fn idle_runtime_does_not_block_a_fetch() {
    let source = Source::that_lives(HOUR);
    let credentials = AwsCredentials::new(source.clone()).wait_timeout(LONG);
    let (idle, driven) = (runtime(), runtime());
    idle.block_on(async {
        let credentials = credentials.clone();
        tokio::spawn(async move { credentials.current().await });
        while source.asked() == 0 {
            tokio::task::yield_now().await;
        }
    });
    source.let_answer.add_permits(1);
    let got = driven.block_on(async { timeout(LONG, id(&credentials)).await });
    assert_eq!(
        got.expect("the fetch waits for the idle runtime").unwrap(),
        "AKID1"
    );
    assert_eq!(source.asked(), 1);
}

#[test]
fn renewal_continues_while_its_runtime_is_idle() {
    let source = Source::that_lives(HOUR);
    let credentials = known_for_an_hour(&source, LONG);
    let (idle, driven) = (runtime(), runtime());
    let old = idle.block_on(id(&credentials));
    assert_eq!(old.unwrap(), "AKIDOLD");
    source.let_answer.add_permits(1);
    assert_eq!(driven.block_on(renewed(&credentials)), "AKID1");
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn slow_source_answers_later_requests() {
    let source = Source::that_lives(HOUR);
    let credentials = AwsCredentials::new(source.clone());
    let hasty = credentials.clone().wait_timeout(Duration::from_millis(10));
    for _ in 0..3 {
        assert_eq!(id(&hasty).await.unwrap_err(), NoCredentials::Late);
    }
    source.let_answer.add_permits(1);
    let patient = credentials.wait_timeout(LONG);
    assert_eq!(id(&patient).await.unwrap(), "AKID1");
    assert_eq!(id(&hasty).await.unwrap(), "AKID1");
    assert_eq!(source.asked(), 1, "a second fetch was started");
}

// The clock of this test's runtime is paused and advances at once, so a timeout of seconds on the renewal would expire.
#[tokio::test(start_paused = true)]
async fn renewal_may_take_longer_than_requests_wait() {
    let source = Source::that_lives(HOUR);
    let credentials = known_for_an_hour(&source, LONG);
    assert_eq!(id(&credentials).await.unwrap(), "AKIDOLD");
    tokio::time::sleep(Duration::from_secs(30)).await;
    source.let_answer.add_permits(1);
    let begun = std::time::Instant::now();
    while id(&credentials).await.unwrap() == "AKIDOLD" {
        assert!(begun.elapsed() < LONG, "no renewal");
        std::thread::yield_now();
    }
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn source_that_hangs_is_asked_again() {
    let source = Source::that_lives(HOUR);
    let credentials = AwsCredentials::with_fetch_timeout(source.clone(), Duration::from_millis(20));
    let credentials = credentials.wait_timeout(LONG);
    assert_eq!(id(&credentials).await.unwrap_err(), NoCredentials::Late);
    // The same state as after the pause.
    credentials.state().cached = Cached::default();
    source.let_answer.add_permits(1);
    assert_eq!(id(&credentials).await.unwrap(), "AKID2");
}

/// A source that never answers, and has a fallback for callers that give up.
#[derive(Debug)]
struct Fallback;

impl ProvideCredentials for Fallback {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(std::future::pending())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        Some(keys("AKIDFALLBACK", None))
    }
}

#[tokio::test]
async fn fallback_of_a_hanging_source_is_used() {
    let short = Duration::from_millis(10);
    let one = AwsCredentials::new(Fallback).wait_timeout(short);
    assert_eq!(id(&one).await.unwrap(), "AKIDFALLBACK");
    let other = AwsCredentials::with_fetch_timeout(Fallback, short).wait_timeout(LONG);
    assert_eq!(id(&other).await.unwrap(), "AKIDFALLBACK");
}

/// A source that panics at the first call.
#[derive(Debug, Default)]
struct Panicking(AtomicUsize);

impl ProvideCredentials for Panicking {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let asked = self.0.fetch_add(1, Ordering::SeqCst);
            assert!(asked > 0, "this panic is part of a test");
            Ok(keys("AKIDCALM", None))
        })
    }
}

#[tokio::test]
async fn source_that_panics_is_asked_again() {
    let credentials = AwsCredentials::new(Panicking::default()).wait_timeout(LONG);
    assert_eq!(id(&credentials).await.unwrap_err(), NoCredentials::Broken);
    assert_eq!(id(&credentials).await.unwrap(), "AKIDCALM");
}

#[tokio::test]
async fn refused_credentials_are_renewed_once_for_all() {
    let source = Source::that_lives(HOUR);
    let credentials = known_for_an_hour(&source, 3 * LONG);
    let old = credentials.current().await.unwrap();
    let all = fifty(&source, &credentials, |credentials| {
        let old = old.clone();
        async move { credentials.instead_of(&old).await.unwrap() }
    });
    for got in all.await {
        assert_eq!(got.access_key_id(), "AKID1");
    }
    // A late caller still has the old credentials.
    let got = credentials.instead_of(&old).await.unwrap();
    assert_eq!(got.access_key_id(), "AKID1");
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn same_credentials_after_a_refusal_are_not_retried() {
    let same = keys("AKIDSAME", None);
    let long_ago = SystemTime::now() - Duration::from_secs(60);
    let credentials = AwsCredentials::new(same.clone()).given(same.clone(), long_ago);
    assert!(credentials.instead_of(&same).await.is_none());
    assert_eq!(id(&credentials).await.unwrap(), "AKIDSAME");
}

#[tokio::test]
async fn source_is_not_asked_twice_within_its_pause() {
    let source = Source::that_lives(HOUR);
    source.let_answer.add_permits(2);
    let credentials = AwsCredentials::new(source.clone()).wait_timeout(LONG);
    let new = credentials.current().await.unwrap();
    assert!(credentials.instead_of(&new).await.is_none());
    assert_eq!(id(&credentials).await.unwrap(), "AKID1");
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn debug_prints_no_credentials() {
    let keys = Credentials::new("AKID", SECRET, Some(SECRET.to_owned()), None, "test");
    let credentials = AwsCredentials::new(keys);
    credentials.current().await.unwrap();
    let options = crate::InstanceOptions::new().lend_credentials(&credentials);
    let egress = crate::Egress::builder().sign("http://a.example", "r", "s", &credentials);
    for printed in [
        format!("{credentials:#?}"),
        format!("{options:#?}"),
        format!("{egress:#?}"),
        format!("{:#?}", egress.build().unwrap()),
    ] {
        assert!(!printed.contains(SECRET), "a secret is printed");
        assert!(!printed.contains("AKID"), "{printed}");
    }
}

/// Returns the response of a container's agent with this key.
fn document(id: &str) -> String {
    let document = format!(
        r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{SECRET}","Token":"{SECRET}","Expiration":"2100-01-01T00:00:00Z"}}"#
    );
    let length = document.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{document}"
    )
}

/// Runs again in a process with its own environment.
#[tokio::test]
async fn default_chain_asks_a_container_agent() {
    const AGAIN: &str = "DAPR_WASM_HOST_TEST_OF_A_PROCESS";
    if std::env::var_os(AGAIN).is_some() {
        let credentials = AwsCredentials::of_environment("eu-west-1");
        let found = credentials.current().await.unwrap();
        assert_eq!(found.access_key_id(), "AKIDCONTAINER");
        return;
    }
    let agent = Server::that_answers_with(document("AKIDCONTAINER")).await;
    let name = "credentials::tests::default_chain_asks_a_container_agent";
    let again = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env_clear()
        .env(AGAIN, "1")
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output();
    let again = again.await.unwrap();
    assert!(again.status.success(), "the process found no credentials");
    assert_eq!(agent.requests(), 1);
}

/// Runs again in processes with their own environment that trust one root.
#[tokio::test]
async fn default_chain_uses_the_given_tls_roots() {
    const ROOT: &str = "DAPR_WASM_HOST_TEST_ROOT";
    if let Ok(root) = std::env::var(ROOT) {
        let tls = Tls::new().only_root_certificates().root_certificate(root);
        let credentials = AwsCredentials::of_environment_with("eu-west-1", &tls).unwrap();
        let found = credentials.wait_timeout(LONG).current().await.unwrap();
        assert_eq!(found.access_key_id(), "AKIDAGENT");
        return;
    }
    let (acceptor, root) = tls::acceptor(rustls::DEFAULT_VERSIONS, "127.0.0.1");
    let (_, other) = tls::acceptor(rustls::DEFAULT_VERSIONS, "127.0.0.1");
    let agent = Server::that_answers_over_tls(acceptor, document("AKIDAGENT")).await;
    let name = "credentials::tests::default_chain_uses_the_given_tls_roots";
    for (root, is_trusted) in [(&root, true), (&other, false)] {
        let again = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env_clear()
            .env(ROOT, root.as_ref().pem())
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .output();
        let again = again.await.unwrap();
        assert_eq!(again.status.success(), is_trusted);
    }
    let [head] = &agent.heads()[..] else {
        panic!("{} requests", agent.requests());
    };
    assert!(head.contains("host: 127.0.0.1:"), "{head}");
}

#[test]
fn unusable_tls_is_refused_at_once() {
    let tls = Tls::new().root_certificate("nonsense");
    let refused = AwsCredentials::of_environment_with("eu-west-1", &tls);
    assert!(matches!(refused, Err(HostError::RootCertificate(_))));
}
