//! Credentials on loan: the component signs, and the host asks for all of its instances.

use super::memory::guests_hold;
use super::scene::{Scene, Sources, denied, keys, write};
use dapr_wasm_host::AwsCredentials;

#[tokio::test]
async fn an_instance_signs_with_what_it_was_lent() {
    let scene = Scene::new().await;
    let key = scene.session("LENT");
    let credentials = AwsCredentials::new(keys(&key));
    let egress = scene.egress(|egress| egress);
    let pool = scene.pool(1, &[], |options| {
        options.egress(egress).lend_credentials(&credentials)
    });
    write(&pool).await;
    assert_eq!(scene.gate.passed_of(&key.id), 2);
    // That is what a host that signs spares it.
    assert!(guests_hold(key.secret.as_bytes()));
}

#[tokio::test]
async fn a_host_that_has_nothing_to_lend_says_so() {
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
async fn sts_sees_one_request_of_a_pool_of_fifty_that_are_lent_a_role() {
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
