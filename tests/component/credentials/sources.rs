//! Rules for all sources of credentials. Each source is enough by itself. If two are configured,
//! the earlier one is asked. A role can be assumed over each.
//!
//! If there are no credentials at all, the error lists the sources that were tried and how to
//! configure each. If the host does not allow a source, the error names the source and the port to
//! allow. Both keys of a pair must come from one place, metadata or environment.

use super::scene::{LENT, ROLE, SOURCES, Scene, Source, label, lending, refused, section, write};
use test_support::aws::sts::{ASSUME_ROLE, Form};

#[tokio::test]
async fn each_source_provides_valid_credentials() {
    for source in SOURCES {
        let (scene, lenders) = lending().await;
        lenders.lend(source, scene.guest()).works().await;
        assert_eq!(scene.signers(), [source.label()]);
        assert!(scene.gate.refused().is_empty());
        let others = SOURCES.into_iter().filter(|other| *other != source);
        assert_eq!(others.map(|other| lenders.asked(other)).sum::<usize>(), 0);
    }
}

#[tokio::test]
async fn only_the_earlier_of_two_sources_is_asked() {
    for (place, earlier) in SOURCES.into_iter().enumerate() {
        for later in SOURCES.into_iter().skip(place + 1) {
            let (scene, lenders) = lending().await;
            let guest = lenders.lend(later, lenders.lend(earlier, scene.guest()));
            guest.works().await;
            assert_eq!(
                scene.signers(),
                [earlier.label()],
                "{earlier:?} before {later:?}"
            );
            assert_eq!(lenders.asked(later), 0, "{earlier:?} before {later:?}");
        }
    }
}

#[tokio::test]
async fn role_is_assumed_with_the_credentials_of_each_source() {
    for source in SOURCES {
        let (scene, lenders) = lending().await;
        let guest = lenders.reaching_sts(lenders.lend(source, scene.guest()));
        guest.metadata("assumeRoleArn", ROLE).works().await;
        // The table never sees the source's own credentials.
        assert_eq!(scene.signers(), ["STS"], "{source:?}");
        assert_eq!(scene.gate.passed().len(), 1, "{source:?}");
        let asked = lenders.sts.asked(ASSUME_ROLE);
        let [request] = asked.as_slice() else {
            panic!("{} requests for a role over {source:?}", asked.len());
        };
        assert_eq!(request.access_key().map(label), Some(source.label()));
        let form = Form::read(&request.body);
        assert_eq!(form.text("RoleSessionName"), "DaprDefaultSession");
    }
}

#[tokio::test]
async fn many_calls_of_an_instance_ask_the_source_once() {
    for source in SOURCES {
        let (scene, lenders) = lending().await;
        let mut store = lenders.lend(source, scene.guest()).store().await;
        let asked = lenders.asked(source);
        for _ in 0..20 {
            store.state().get("k", None).await.expect("a read");
        }
        assert_eq!(lenders.asked(source), asked, "{source:?}");
    }
}

const TRIED: [&str; 7] = [
    "no AWS credentials",
    "`accessKey`",
    "AWS_ACCESS_KEY_ID",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_EC2_METADATA_DISABLED",
];

#[tokio::test]
async fn error_without_credentials_lists_all_sources() {
    let scene = Scene::new().await;
    let guest = scene.guest();
    let mut store = guest.blank().await;
    let answer = store.state().init(guest.metadata_fields()).await;
    refused(answer, "invalid-configuration", &TRIED);
    let answer = store.binding().init(guest.metadata_fields()).await;
    refused(answer, "invalid-configuration", &TRIED);
    // With the configuration from the environment, the call itself looks for credentials.
    let mut store = scene.guest_of_environment().blank().await;
    let answer = store.state().get("k", None).await;
    refused(answer, "invalid-configuration", &TRIED);
    let answer = store.state().set("k", b"v", None).await;
    refused(answer, "invalid-configuration", &TRIED);
    let answer = store.binding().ping().await;
    refused(answer, "invalid-configuration", &TRIED);
    assert!(
        scene.gate.refused().is_empty(),
        "an unsigned request was sent"
    );
}

#[tokio::test]
async fn error_names_the_metadata_address_to_allow() {
    let scene = Scene::new().await;
    let guest = scene.guest().env("AWS_EC2_METADATA_DISABLED", "");
    let words = ["no AWS credentials", "`169.254.169.254:80`", "allow-list"];
    refused(guest.init().await, "invalid-configuration", &words);
}

#[tokio::test]
async fn credentials_added_later_are_found_by_the_next_call() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().unwrap();
    let guest = scene.guest().lend(folder.path()).env("HOME", LENT);
    let mut store = guest.blank().await;
    let answer = store.state().init(guest.metadata_fields()).await;
    refused(answer, "invalid-configuration", &["no AWS credentials"]);
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    let key = scene.account.user("FILES");
    let text = section("default", &key);
    write(&folder.path().join(".aws"), "credentials", &text);
    store
        .state()
        .init(guest.metadata_fields())
        .await
        .expect("init succeeds");
    assert_eq!(scene.signers(), ["FILES"]);
}

#[tokio::test]
async fn source_that_the_host_does_not_allow_is_named() {
    let (scene, lenders) = lending().await;
    for (source, endpoint, name) in [
        (
            Source::WebIdentity,
            lenders.sts.endpoint(),
            "STS (web identity)",
        ),
        (
            Source::Container,
            lenders.container.endpoint(),
            "container credentials",
        ),
    ] {
        let guest = lenders.lend(source, scene.guest()).reaching_only_the_gate();
        let authority = format!("`{}`", endpoint.trim_start_matches("http://"));
        let words = [name, authority.as_str(), "allow-list"];
        refused(guest.init().await, "access-denied", &words);
    }
    let guest = lenders.lend(Source::Environment, scene.guest());
    let guest = guest.metadata("assumeRoleArn", ROLE);
    let words = ["`sts.eu-central-1.amazonaws.com:443`", "allow-list"];
    refused(guest.init().await, "access-denied", &words);
    assert_eq!(lenders.sts.count_all() + lenders.container.count_all(), 0);
}

#[tokio::test]
async fn instance_metadata_that_is_not_allowed_is_named_too() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::InstanceMetadata, scene.guest());
    let endpoint = lenders
        .instance_metadata
        .endpoint()
        .trim_start_matches("http://");
    let answer = guest.reaching_only_the_gate().init().await;
    let words = ["EC2 instance metadata", endpoint, "allow-list"];
    refused(answer, "access-denied", &words);
    assert_eq!(lenders.instance_metadata.count_all(), 0);
}

#[tokio::test]
async fn temporary_key_needs_its_session_token() {
    for (id, secret, token) in [
        ("accessKey", "secretKey", "sessionToken"),
        ("awsAccessKey", "awsSecretKey", "awsSessionToken"),
    ] {
        let scene = Scene::new().await;
        let key = scene
            .account
            .session("", std::time::Duration::from_secs(3600));
        let token_text = key.session_token.as_deref().unwrap_or_default();
        let guest = scene
            .guest()
            .metadata(id, &key.id)
            .metadata(secret, &key.secret);
        refused(guest.init().await, "access-denied", &["is invalid"]);
        guest.metadata(token, token_text).works().await;
        assert_eq!(scene.gate.passed_of(&key.id), 3);
        assert_eq!(scene.gate.refused(), ["UnrecognizedClientException"]);

        let guest = scene.guest().env("AWS_ACCESS_KEY_ID", &key.id);
        let guest = guest.env("AWS_SECRET_ACCESS_KEY", &key.secret);
        guest.env("AWS_SESSION_TOKEN", token_text).works().await;
        assert_eq!(scene.gate.passed_of(&key.id), 6);
    }
}

#[tokio::test]
async fn half_a_key_pair_is_refused_whatever_other_sources_have() {
    let (scene, lenders) = lending().await;
    let key = scene.account.user("");
    let others = SOURCES.into_iter().skip(2);
    let guest = others.fold(scene.guest(), |guest, other| lenders.lend(other, guest));
    let metadata = ["`accessKey`", "`secretKey`"];
    let environment = ["`AWS_ACCESS_KEY_ID`", "`AWS_SECRET_ACCESS_KEY`"];
    let half = || guest.clone();
    // The key ID from one place and the secret from another.
    let torn = lenders.lend(Source::Environment, half());
    let half = [
        (half().metadata("accessKey", &key.id), metadata),
        (half().metadata("secretKey", &key.secret), metadata),
        (half().env("AWS_ACCESS_KEY_ID", &key.id), environment),
        (
            half().env("AWS_SECRET_ACCESS_KEY", &key.secret),
            environment,
        ),
        (torn.metadata("accessKey", &key.id), metadata),
    ];
    for (guest, words) in half {
        refused(guest.init().await, "invalid-configuration", &words);
    }
    assert!(scene.gate.passed().is_empty());
}

#[tokio::test]
async fn empty_keys_count_as_unset() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::SharedFiles, scene.guest());
    let guest = guest.metadata("accessKey", "").metadata("secretKey", "");
    let guest = guest
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    guest.works().await;
    assert_eq!(scene.signers(), ["FILES"]);
}

#[tokio::test]
async fn wrong_secret_key_is_denied_and_not_shown() {
    let scene = Scene::new().await;
    let key = scene.account.user("");
    let guest = scene.guest().metadata("accessKey", &key.id);
    let guest = guest.metadata("secretKey", &format!("{}-not", key.secret));
    refused(guest.init().await, "access-denied", &["signature"]);
    assert_eq!(scene.gate.refused(), ["InvalidSignatureException"]);
}
