//! Lent credentials: the component signs, and the host fetches the credentials for all of its
//! instances.

use super::memory::guests_hold;
use super::scene::{Scene, Sources, denied, keys, write};
use dapr_wasm_host::AwsCredentials;

#[tokio::test]
async fn instance_signs_with_lent_credentials() {
    let scene = Scene::new().await;
    let key = scene.session("LENT");
    let credentials = AwsCredentials::new(keys(&key));
    let egress = scene.egress(|egress| egress);
    let pool = scene.pool(1, &[], |options| {
        options.egress(egress).lend_credentials(&credentials)
    });
    write(&pool).await;
    assert_eq!(scene.gate.passed_of(&key.id), 2);
    // The guest holds the secret here. A signing host avoids that.
    assert!(guests_hold(key.secret.as_bytes()));
}

#[tokio::test]
async fn host_without_credentials_to_lend_reports_it() {
    let scene = Scene::new().await;
    let over = scene.account.session("OVER", std::time::Duration::ZERO);
    let credentials = AwsCredentials::new(keys(&over));
    let egress = scene.egress(|egress| egress);
    let pool = scene.pool(1, &[], |options| {
        options.egress(egress).lend_credentials(&credentials)
    });
    let sentence = denied(pool.acquire().await);
    assert!(
        sentence.contains("no AWS credentials to lend"),
        "{sentence}"
    );
    assert_eq!(scene.gate.refused(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool_of_fifty_with_lent_role_asks_sts_once() {
    let scene = Scene::new().await;
    let sources = Sources::of(&scene);
    let credentials = AwsCredentials::new(sources.role().await);
    let egress = scene.egress(|egress| egress);
    let pool = scene.pool(50, &[], |options| {
        options.egress(egress).lend_credentials(&credentials)
    });
    scene.load(&pool).await;
    assert_eq!(sources.asked(), 1);
    assert_eq!(scene.gate.refused(), Vec::<String>::new());
}
