//! `signing: host`: the host signs all requests to DynamoDB, and the component never has a key. The
//! module `lends` tests lent credentials.

mod lends;
mod memory;
mod scene;

use self::memory::guests_hold;
use self::scene::{Scene, Sources, denied};
use dapr_wasm_host::{AwsCredentials, Egress};
use test_support::aws::{Account, Key};

/// Returns the egress of a host that signs with this key.
fn signing(scene: &Scene, key: &Key) -> Egress {
    let credentials = AwsCredentials::new(scene::keys(key));
    scene.egress(|egress| egress.sign(scene.endpoint(), "eu-central-1", "dynamodb", &credentials))
}

#[tokio::test]
async fn host_signs_and_component_never_has_the_key() {
    let scene = Scene::new().await;
    let key = scene.session("HOST");
    let egress = signing(&scene, &key);
    let pool = scene.pool(1, &[("signing", "host")], |options| options.egress(egress));
    let mut instance = pool.acquire().await.unwrap();
    let mut state = instance.state().unwrap();
    state.set("k", b"v", None).await.unwrap();
    assert_eq!(state.get("k", None).await.unwrap().unwrap().value, b"v");
    let keys: Vec<_> = (0..30).map(|n| format!("k{n}")).collect();
    assert!(
        state
            .bulk_get(&keys, None)
            .await
            .unwrap()
            .iter()
            .all(Result::is_ok)
    );

    assert_eq!(scene.gate.passed_of(&key.id), 4);
    assert_eq!(scene.gate.refused(), Vec::<String>::new());
    for secret in scene::secrets(&key) {
        assert!(
            !guests_hold(&secret),
            "a guest's memory holds a key of the host"
        );
    }
}

#[tokio::test]
async fn host_does_not_sign_for_a_component_that_signs() {
    let scene = Scene::new().await;
    let (hosts, own) = (scene.user("HOST"), scene.user("OWN"));
    let egress = signing(&scene, &hosts);
    let keys = [
        ("accessKey", own.id.as_str()),
        ("secretKey", own.secret.as_str()),
    ];
    let pool = scene.pool(1, &keys, |options| options.egress(egress));
    scene::write(&pool).await;
    assert_eq!(scene.gate.passed_of(&own.id), 2);
    assert_eq!(scene.gate.passed_of(&hosts.id), 0);
    // This shows that the search of the other test works: it finds a key that a guest has.
    assert!(guests_hold(own.secret.as_bytes()));
}

#[tokio::test]
async fn unsigned_request_is_refused_with_a_remedy() {
    let scene = Scene::new().await;
    let egress = scene.egress(|egress| egress);
    let pool = scene.pool(1, &[("signing", "host")], |options| options.egress(egress));
    let sentence = denied(pool.acquire().await);
    for word in [
        "MissingAuthenticationToken",
        "`signing` is `host`",
        "host must sign",
    ] {
        assert!(sentence.contains(word), "{sentence}");
    }
    assert_eq!(
        scene.gate.refused(),
        ["MissingAuthenticationTokenException"]
    );
}

#[tokio::test]
async fn host_without_credentials_sends_nothing() {
    let scene = Scene::new().await;
    let nobody = scene::keys(&Account::new().session("OVER", std::time::Duration::ZERO));
    let credentials = AwsCredentials::new(nobody);
    let egress = scene
        .egress(|egress| egress.sign(scene.endpoint(), "eu-central-1", "dynamodb", &credentials));
    let pool = scene.pool(1, &[("signing", "host")], |options| options.egress(egress));
    let sentence = denied(pool.acquire().await);
    assert!(sentence.contains("no AWS credentials"), "{sentence}");
    assert!(!sentence.contains("attempts"), "{sentence}");
    assert_eq!(scene.gate.refused(), Vec::<String>::new());
}

#[tokio::test]
async fn wrong_clock_is_corrected_by_dynamodbs_response() {
    let scene = Scene::new().await;
    let key = scene.user("HOST");
    scene
        .account
        .clock()
        .advance(std::time::Duration::from_secs(3_600));
    let egress = signing(&scene, &key);
    let pool = scene.pool(1, &[("signing", "host")], |options| options.egress(egress));
    scene::write(&pool).await;
    assert_eq!(scene.gate.refused().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool_of_fifty_with_signing_host_asks_sts_once() {
    let scene = Scene::new().await;
    let sources = Sources::of(&scene);
    let credentials = AwsCredentials::new(sources.role().await);
    let egress = scene
        .egress(|egress| egress.sign(scene.endpoint(), "eu-central-1", "dynamodb", &credentials));
    let pool = scene.pool(50, &[("signing", "host")], |options| options.egress(egress));
    scene.load(&pool).await;
    assert_eq!(sources.asked(), 1);
    assert_eq!(scene.gate.refused(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_fifty_asks_sts_without_signing_or_lending() {
    let scene = Scene::new().await;
    let sources = Sources::of(&scene);
    let egress = scene.egress(|egress| egress.allow_url(sources.sts.endpoint()));
    let keys = [
        ("accessKey", sources.user.id.as_str()),
        ("secretKey", sources.user.secret.as_str()),
        ("assumeRoleArn", scene::ROLE),
    ];
    let pool = scene.pool(50, &keys, |options| {
        let options = options.egress(egress);
        options.env("AWS_ENDPOINT_URL_STS", sources.sts.endpoint())
    });
    scene.load(&pool).await;
    assert_eq!(sources.asked(), 50);
}
