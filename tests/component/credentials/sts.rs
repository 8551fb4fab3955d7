//! STS: the field `assumeRoleArn` and its related fields, the web identity token file, and responses
//! of STS without credentials. Another program replaces the token file.

use super::scene::{
    Guest, Lenders, ROLE, Scene, Source, lending, lent, refused, secret, works, write,
};
use http::StatusCode;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;
use test_support::aws::sts::{ASSUME_ROLE, Form, WITH_WEB_IDENTITY, refusal};
use test_support::faults::{Action, Delivery, Reply};

async fn asked_with(more: impl FnOnce(Guest) -> Guest) -> Form {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Metadata, scene.guest());
    let guest = lenders.reaching_sts(guest).metadata("assumeRoleArn", ROLE);
    more(guest).works().await;
    let asked = lenders.sts.asked(ASSUME_ROLE);
    assert_eq!(asked.len(), 1);
    Form::read(&asked[0].body)
}

#[tokio::test]
async fn session_name_defaults_to_daprs() {
    let form = asked_with(|guest| guest).await;
    assert_eq!(
        form.names(),
        ["Action", "Version", "RoleArn", "RoleSessionName"]
    );
    assert_eq!(form.text("RoleArn"), ROLE);
    assert_eq!(form.text("RoleSessionName"), "DaprDefaultSession");
    for name in ["sessionName", "assumeRoleSessionName"] {
        let form = asked_with(|guest| guest.metadata(name, "my=session")).await;
        assert_eq!(form.text("RoleSessionName"), "my=session", "{name}");
    }
}

#[tokio::test]
async fn external_id_may_have_every_allowed_character() {
    let external_id = "_+=,.@:/-aZ09";
    let form = asked_with(|guest| guest.metadata("externalId", external_id)).await;
    assert_eq!(form.text("ExternalId"), external_id);
}

#[tokio::test]
async fn sts_endpoint_variable_overrides_the_general_one() {
    for has_its_own in [false, true] {
        let (scene, lenders) = lending().await;
        let endpoint = lenders.sts.endpoint();
        let guest = lenders.lend(Source::Metadata, scene.guest());
        let guest = guest.metadata("assumeRoleArn", ROLE).reaching(endpoint);
        let guest = match has_its_own {
            true => guest
                .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
                .env("AWS_ENDPOINT_URL_STS", endpoint),
            false => guest.env("AWS_ENDPOINT_URL", endpoint),
        };
        guest.works().await;
        assert_eq!(lenders.sts.count(ASSUME_ROLE), 1);
    }
}

#[tokio::test]
async fn role_without_credentials_lists_the_sources_tried() {
    let scene = Scene::new().await;
    let guest = scene.guest().metadata("assumeRoleArn", ROLE);
    let words = ["accessKey", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    refused(guest.init().await, "invalid-configuration", &words);
}

#[tokio::test]
async fn session_name_or_external_id_needs_a_role() {
    let scene = Scene::new().await;
    for name in ["sessionName", "assumeRoleSessionName", "externalId"] {
        let guest = scene.guest().metadata(name, "a-name");
        let words = [name, "assumeRoleArn"];
        refused(guest.init().await, "invalid-configuration", &words);
    }
}

#[tokio::test]
async fn iam_roles_anywhere_is_refused_as_not_supported() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Metadata, scene.guest());
    for name in ["trustAnchorArn", "trustProfileArn"] {
        let guest = guest
            .clone()
            .metadata(name, "arn:aws:rolesanywhere:eu-central-1:123456789012:x");
        let words = [name, "IAM Roles Anywhere", "not supported"];
        refused(guest.init().await, "invalid-configuration", &words);
    }
}

#[tokio::test]
async fn message_of_sts_about_an_invalid_role_is_reported() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Metadata, scene.guest());
    let guest = lenders
        .reaching_sts(guest)
        .metadata("assumeRoleArn", "a-role");
    let words = ["ValidationError", "RoleArn is not the ARN of a role"];
    refused(guest.init().await, "invalid-configuration", &words);
}

#[tokio::test]
async fn wrong_secret_key_is_refused_by_sts_and_not_shown() {
    let (scene, lenders) = lending().await;
    let key = scene.account.user("");
    let guest = scene.guest().metadata("accessKey", &key.id);
    let guest = guest.metadata("secretKey", &format!("{}-not", key.secret));
    let guest = lenders.reaching_sts(guest).metadata("assumeRoleArn", ROLE);
    let answer = guest.init().await;
    refused(answer, "access-denied", &["SignatureDoesNotMatch"]);
}

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

#[tokio::test]
async fn web_identity_request_has_documented_form_and_is_unsigned() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    guest
        .clone()
        .env("AWS_ROLE_SESSION_NAME", "a.name@b")
        .works()
        .await;
    guest.works().await;
    let asked = lenders.sts.asked(WITH_WEB_IDENTITY);
    let names = [
        "Action",
        "Version",
        "RoleArn",
        "RoleSessionName",
        "WebIdentityToken",
    ];
    for (request, session) in asked.iter().zip(["a.name@b", "DaprDefaultSession"]) {
        let form = Form::read(&request.body);
        assert_eq!(form.names(), names);
        assert_eq!(form.text("RoleArn"), ROLE);
        assert_eq!(form.text("RoleSessionName"), session);
        assert!(!request.headers.contains_key("authorization"));
    }
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn replaced_token_is_read_at_the_next_refresh() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let mut store = guest.store().await;
    let next = secret("next-web-identity");
    lenders.sts.service().trust(&next);
    write(lenders.folder.path(), "web-identity-token", &next);
    scene.expire_keys();
    works(&mut store).await;
    assert_eq!(lenders.sts.count(WITH_WEB_IDENTITY), 2);
}

/// Kubernetes replaces a symbolic link to a directory, not the file.
#[tokio::test]
async fn token_behind_a_replaced_link_is_read_again() {
    let (scene, lenders) = lending().await;
    let folder = lenders.folder.path();
    let (first, next) = (secret("first"), secret("next"));
    for (name, token) in [("..2026_1", &first), ("..2026_2", &next)] {
        fs::create_dir(folder.join(name)).unwrap();
        write(&folder.join(name), "token", token);
    }
    symlink("..2026_1", folder.join("..data")).unwrap();
    symlink("..data/token", folder.join("token")).unwrap();
    lenders.sts.service().trust(&first);
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let mut store = guest.env(TOKEN_FILE, &lent("token")).store().await;
    symlink("..2026_2", folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    lenders.sts.service().trust(&next);
    scene.expire_keys();
    works(&mut store).await;
    assert_eq!(lenders.sts.count(WITH_WEB_IDENTITY), 2);
}

#[tokio::test]
async fn unusable_token_file_is_named_and_no_other_source_asked() {
    let (scene, lenders) = lending().await;
    let folder = lenders.folder.path();
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let guest = lenders.lend(Source::Container, guest);
    write(folder, "empty", "\n");
    fs::write(folder.join("binary"), [0xff, 0xfe]).unwrap();
    fs::write(folder.join("huge"), vec![b'a'; 20_001]).unwrap();
    fs::create_dir(folder.join("directory")).unwrap();
    symlink("/etc/hostname", folder.join("outside")).unwrap();
    for (path, why) in [
        (lent("missing"), "does not exist"),
        (
            "/elsewhere/token".to_owned(),
            "outside the directories that the host grants",
        ),
        (lent("empty"), "is empty"),
        (lent("binary"), "is not UTF-8 text"),
        (lent("huge"), "exceeds the size limit"),
        (lent("directory"), "cannot be read"),
        (lent("outside"), "does not allow the component to read"),
    ] {
        let answer = guest.clone().env(TOKEN_FILE, &path).init().await;
        let words = [TOKEN_FILE, path.as_str(), why];
        refused(answer, "invalid-configuration", &words);
    }
    assert_eq!(lenders.sts.count_all() + lenders.container.count_all(), 0);
}

#[tokio::test]
async fn token_file_needs_a_role_but_a_role_alone_is_ignored() {
    let (scene, lenders) = lending().await;
    let guest = scene.guest().env(TOKEN_FILE, &lent("web-identity-token"));
    let answer = guest.init().await;
    refused(
        answer,
        "invalid-configuration",
        &[TOKEN_FILE, "AWS_ROLE_ARN"],
    );
    let guest = lenders.lend(Source::Container, scene.guest());
    guest.env("AWS_ROLE_ARN", ROLE).works().await;
}

/// Returns a guest that assumes a role with the keys of the environment.
fn over_keys(scene: &Scene, lenders: &Lenders) -> Guest {
    let guest = lenders.lend(Source::Environment, scene.guest());
    lenders.reaching_sts(guest).metadata("assumeRoleArn", ROLE)
}

fn with_a_token(scene: &Scene, lenders: &Lenders) -> Guest {
    lenders.lend(Source::WebIdentity, scene.guest())
}

fn xml(text: &str) -> Action {
    Action::answer(Reply::text(StatusCode::OK, "text/xml", text))
}

fn error(status: u16, code: &str, message: &str) -> Action {
    let status = StatusCode::from_u16(status).expect("a status");
    Action::answer(refusal(status, code, message))
}

fn empty(status: StatusCode) -> Action {
    Action::answer(Reply::text(status, "text/xml", ""))
}

/// Returns responses of STS, each with the case of the resulting error and words of its sentence.
fn answers() -> Vec<(Action, &'static str, &'static [&'static str])> {
    let denied = |action, words| (action, "access-denied", words);
    let invalid = |action, words| (action, "invalid-configuration", words);
    let passing = |action, words| (action, "unavailable", words);
    let not_sts: &[&str] = &["not a valid STS response"];
    let not_authorized = "User is not authorized to perform: sts:AssumeRole";
    let page = Action::answer(Reply::html(StatusCode::FORBIDDEN));
    let half = "<AssumeRoleResponse><AssumeRoleResult><Credentials>";
    let no_expiration = "<R><S><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken></Credentials></S></R>";
    let no_secret = "<R><S><Credentials><AccessKeyId>A</AccessKeyId><Expiration>2036-01-01T00:00:00Z</Expiration></Credentials></S></R>";
    let truncated = Action::deliver(Delivery::Truncated(300));
    let withheld = Action::deliver(Delivery::Withheld);
    let throttling = error(400, "Throttling", "Rate exceeded");
    vec![
        denied(
            error(403, "AccessDenied", not_authorized),
            &["AccessDenied", "not authorized"][..],
        ),
        denied(
            error(400, "InvalidIdentityToken", "No provider"),
            &["No provider"],
        ),
        denied(
            error(400, "ExpiredTokenException", "Token expired"),
            &["Token expired"],
        ),
        invalid(
            error(403, "RegionDisabledException", "off"),
            &["RegionDisabled"][..],
        ),
        invalid(error(400, "ValidationError", "no ARN"), &["no ARN"]),
        passing(
            error(400, "IDPCommunicationError", "no keys"),
            &["no keys"][..],
        ),
        (throttling, "throttled", &["Rate exceeded"]),
        passing(
            error(500, "InternalFailure", "oh"),
            &["InternalFailure", "500"],
        ),
        passing(empty(StatusCode::SERVICE_UNAVAILABLE), &["503"]),
        passing(empty(StatusCode::OK), not_sts),
        passing(page, &["403", "not a valid STS response"]),
        passing(xml("{\"AccessKeyId\": \"A\"}"), not_sts),
        passing(xml(half), not_sts),
        passing(xml(no_expiration), &["no valid `Expiration`"]),
        passing(xml(no_secret), &["incomplete"]),
        passing(xml(&"<a>".repeat(100_000)), &["300000 bytes"]),
        passing(truncated, &[]),
        passing(Action::drop_request(), &[]),
        (withheld, "timeout", &["300 ms"]),
    ]
}

#[tokio::test]
async fn each_failure_is_reported_with_source_and_address() {
    let (scene, lenders) = lending().await;
    let short = |guest: Guest| {
        guest
            .metadata("maxAttempts", "1")
            .metadata("requestTimeout", "300ms")
    };
    for (subject, guest, source) in [
        (
            WITH_WEB_IDENTITY,
            with_a_token(&scene, &lenders),
            "STS (web identity)",
        ),
        (
            ASSUME_ROLE,
            over_keys(&scene, &lenders),
            "STS (`assumeRoleArn`)",
        ),
    ] {
        let guest = short(guest);
        for (action, case, words) in answers() {
            let mut store = guest.blank().await;
            lenders.sts.order(1, subject, action);
            let answer = store.state().init(guest.metadata_fields()).await;
            let mut words = words.to_vec();
            words.extend([source, lenders.sts.endpoint()]);
            refused(answer, case, &words);
        }
    }
    assert!(scene.gate.passed().is_empty());
    assert!(scene.gate.refused().is_empty());
}

#[tokio::test]
async fn transient_errors_are_retried_up_to_max_attempts() {
    for (refusal, attempts) in [
        (empty(StatusCode::SERVICE_UNAVAILABLE), 2),
        (error(400, "IDPCommunicationError", "no keys"), 2),
        (Action::drop_request(), 2),
    ] {
        let (scene, lenders) = lending().await;
        lenders.sts.order(1, WITH_WEB_IDENTITY, refusal.clone());
        with_a_token(&scene, &lenders).works().await;
        assert_eq!(lenders.sts.count_all(), attempts);
    }
    let (scene, lenders) = lending().await;
    lenders
        .sts
        .order_always(WITH_WEB_IDENTITY, empty(StatusCode::BAD_GATEWAY));
    let guest = with_a_token(&scene, &lenders).metadata("maxAttempts", "3");
    refused(guest.init().await, "unavailable", &["502"]);
    assert_eq!(lenders.sts.count_all(), 3);
}

#[tokio::test]
async fn permanent_refusal_of_sts_is_not_retried() {
    let (scene, lenders) = lending().await;
    let denied = error(403, "AccessDenied", "no");
    lenders.sts.order_always(ASSUME_ROLE, denied);
    let answer = over_keys(&scene, &lenders).init().await;
    refused(answer, "access-denied", &[]);
    assert_eq!(lenders.sts.count_all(), 1);
}

#[tokio::test]
async fn secret_repeated_by_sts_is_not_shown() {
    let (scene, lenders) = lending().await;
    let token = secret("web-identity");
    let repeated = error(400, "InvalidIdentityToken", &format!("Bad token: {token}"));
    lenders.sts.order_always(WITH_WEB_IDENTITY, repeated);
    let answer = with_a_token(&scene, &lenders).init().await;
    refused(answer, "access-denied", &["Bad token: ***"]);
}

#[tokio::test]
async fn credentials_issued_expired_are_refused() {
    let (scene, lenders) = lending().await;
    lenders.sts.service().set_lifetime(Duration::ZERO);
    let answer = with_a_token(&scene, &lenders).init().await;
    refused(answer, "unavailable", &["already expired"]);
    assert!(scene.gate.refused().is_empty());
}

#[tokio::test]
async fn wrong_clock_is_corrected_by_stss_response() {
    let (scene, lenders) = lending().await;
    scene.account.clock().advance(Duration::from_secs(1800));
    over_keys(&scene, &lenders).works().await;
    assert_eq!(lenders.sts.count(ASSUME_ROLE), 2);
}
