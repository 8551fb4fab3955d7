//! Tests of the profiles of the shared files. The cases are those of the SDK
//! (`assume-role-tests.json` of smithy-rs), and those that a component must refuse.

use super::stage::{id, signers, stage};
use crate::error::Error;
use crate::test_support::{Scene, Scripted, Sent, answer, assert_tells};
use std::rc::Rc;

const CONFIG: &str = "/lent/config";
const CREDENTIALS: &str = "/lent/credentials";
const TOKEN: &str = "/lent/token";

pub(super) const FILES: &[(&str, &str)] = &[
    ("AWS_CONFIG_FILE", CONFIG),
    ("AWS_SHARED_CREDENTIALS_FILE", CREDENTIALS),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// Responds as STS and as instance metadata. STS returns credentials whose id is the ARN of the
/// role. Instance metadata has the role `ROLEOFTHEINSTANCE`.
pub(super) fn server(sent: &Sent) -> Scene {
    const EXPIRATION: &str = "2023-11-14T23:13:20Z";
    if sent.method == "POST" {
        let body = String::from_utf8(sent.body.clone()).expect("a form");
        let id = body
            .split("RoleArn=")
            .nth(1)
            .and_then(|rest| rest.split('&').next());
        let id = id.expect("a role");
        return answer(
            200,
            &format!(
                "<R><S><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>s-c4n4ry</SecretAccessKey>\
                 <SessionToken>t-c4n4ry</SessionToken><Expiration>{EXPIRATION}</Expiration></Credentials></S></R>"
            ),
        )
        .into();
    }
    let body = match sent.url.rsplit('/').next() {
        Some("token") => "token-c4n4ry".to_owned(),
        Some("") => "name".to_owned(),
        _ => format!(
            r#"{{"Code":"Success","AccessKeyId":"ROLEOFTHEINSTANCE","SecretAccessKey":"s-c4n4ry","Token":"t-c4n4ry","Expiration":"{EXPIRATION}"}}"#
        ),
    };
    answer(200, &body).into()
}

/// Returns the id of the signer with those files and variables, and all requests for it. Each
/// request is shown with the id that signed it and its parameters.
pub(super) async fn with(
    config: &str,
    credentials: &str,
    variables: &[(&str, &str)],
) -> (Result<String, Error>, Vec<String>) {
    let stage = stage(server);
    stage.folder.write(CONFIG, config);
    stage.folder.write(CREDENTIALS, credentials);
    stage.folder.write(TOKEN, "web-c4n4ry\n");
    let environment = [variables, FILES].concat();
    on(&stage, &environment).await
}

pub(super) async fn on(
    stage: &Rc<Scripted>,
    environment: &[(&str, &str)],
) -> (Result<String, Error>, Vec<String>) {
    let id = id(stage, &signers(stage, environment)).await;
    let sent = stage.sent();
    (id, sent.iter().map(spelled).collect())
}

fn spelled(sent: &Sent) -> String {
    let by = sent
        .header("authorization")
        .and_then(|field| field.split(['=', '/']).nth(1));
    let by = by.unwrap_or("nobody");
    match sent.method.as_str() {
        "POST" => format!(
            "{by}: {}",
            String::from_utf8_lossy(&sent.body).replace("&Version=2011-06-15", "")
        ),
        method => format!("{method} {}", sent.url),
    }
}

pub(super) fn keys(id: &str) -> String {
    format!("aws_access_key_id = {id}\naws_secret_access_key = secret-c4n4ry\n")
}

#[tokio::test(start_paused = true)]
async fn roles_are_assumed_with_the_credentials_of_each_other() {
    let b = keys("B");
    for (config, expected) in [
        (format!("[default]\n{}", keys("A")), vec![]),
        (
            format!(
                "[default]\n{}source_profile = b\n[profile b]\n{b}",
                keys("A")
            ),
            vec![],
        ),
        (
            format!("[default]\nrole_arn = RA\nsource_profile = b\n[profile b]\n{b}"),
            vec!["B: Action=AssumeRole&RoleArn=RA&RoleSessionName=DaprDefaultSession"],
        ),
        (
            format!(
                "[default]\nrole_arn = RA\nsource_profile = b\nrole_session_name = s\nexternal_id = e\n\
                 duration_seconds = 900\n[profile b]\n{b}"
            ),
            vec![
                "B: Action=AssumeRole&RoleArn=RA&RoleSessionName=s&ExternalId=e&DurationSeconds=900",
            ],
        ),
        (
            format!(
                "[default]\nrole_arn = RA\nsource_profile = default\n{}",
                keys("A")
            ),
            vec!["A: Action=AssumeRole&RoleArn=RA&RoleSessionName=DaprDefaultSession"],
        ),
        (
            format!(
                "[default]\nrole_arn = RA\nsource_profile = b\n[profile b]\nrole_arn = RB\nsource_profile = c\n\
                 [profile c]\n{}",
                keys("C")
            ),
            vec![
                "C: Action=AssumeRole&RoleArn=RB&RoleSessionName=DaprDefaultSession",
                "RB: Action=AssumeRole&RoleArn=RA&RoleSessionName=DaprDefaultSession",
            ],
        ),
        // If another profile names this one, its keys take precedence over its role.
        (
            format!(
                "[default]\nrole_arn = RA\nsource_profile = b\n[profile b]\nrole_arn = RB\nsource_profile = c\n{b}"
            ),
            vec!["B: Action=AssumeRole&RoleArn=RA&RoleSessionName=DaprDefaultSession"],
        ),
        (
            format!(
                "[default]\nrole_arn = RA\nsource_profile = b\n[profile b]\nrole_arn = RB\n\
                 web_identity_token_file = {TOKEN}\nrole_session_name = web"
            ),
            vec![
                "nobody: Action=AssumeRoleWithWebIdentity&RoleArn=RB&RoleSessionName=web&WebIdentityToken=web-c4n4ry",
                "RB: Action=AssumeRole&RoleArn=RA&RoleSessionName=DaprDefaultSession",
            ],
        ),
    ] {
        let (id, requests) = with(&config, "", &[]).await;
        let last = if requests.is_empty() { "A" } else { "RA" };
        assert_eq!(
            (id.expect("credentials").as_str(), requests),
            (last, expected.iter().map(|r| (*r).to_owned()).collect())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn profile_can_name_instance_metadata_as_its_source() {
    let config = "[default]\nrole_arn = RA\ncredential_source = Ec2InstanceMetadata";
    let stage = stage(server);
    stage.folder.write(CONFIG, config);
    let (id, requests) = on(&stage, &[("AWS_CONFIG_FILE", CONFIG)]).await;
    assert_eq!(id, Ok("RA".to_owned()));
    let last = "ROLEOFTHEINSTANCE: Action=AssumeRole&RoleArn=RA&RoleSessionName=DaprDefaultSession";
    assert_eq!((requests.len(), requests[3].as_str()), (4, last));
    let (id, requests) = with(config, "", &[]).await;
    let error = id.expect_err("it is disabled").to_string();
    assert_tells(
        &error,
        &["Ec2InstanceMetadata", "AWS_EC2_METADATA_DISABLED"],
    );
    assert!(requests.is_empty());
}

#[tokio::test(start_paused = true)]
async fn profile_without_credentials_is_refused_by_its_name() {
    let b = keys("B");
    for (config, words) in [
        ("[default]\nrole_arn = RA".to_owned(), ["\"default\"", "source_profile"]),
        (format!("[default]\nrole_arn = RA\nsource_profile = b\ncredential_source = Environment\n[profile b]\n{b}"), ["\"default\"", "both"]),
        ("[default]\nrole_arn = RA\nsource_profile = b".to_owned(), ["\"b\"", "do not have"]),
        ("[default]\nrole_arn = RA\nsource_profile = b\n[profile b]\nregion = x".to_owned(), ["\"b\"", "has no credentials"]),
        ("[default]\nrole_arn = RA\nsource_profile = b\n[profile b]\naws_access_key_id = B".to_owned(), ["\"b\"", "aws_secret_access_key"]),
        ("[default]\naws_secret_access_key = s-c4n4ry".to_owned(), ["\"default\"", "aws_access_key_id"]),
        ("[default]\nrole_arn = RA\nsource_profile = b\n[profile b]\nrole_arn = RB\nsource_profile = default".to_owned(), ["\"default\"", "leads back"]),
        (format!("[default]\nweb_identity_token_file = {TOKEN}"), ["\"default\"", "role_arn"]),
        ("[default]\nrole_arn = RA\ncredential_source = Elsewhere".to_owned(), ["\"default\"", "credential_source"]),
        ("[default]\nrole_arn = RA\ncredential_source = Environment".to_owned(), ["\"default\"", "AWS_ACCESS_KEY_ID"]),
        ("[default]\ncredential_process = /bin/true".to_owned(), ["\"default\"", "credential_process"]),
        ("[default]\nsso_session = s".to_owned(), ["\"default\"", "sso_session"]),
        ("[default]\nlogin_session = s".to_owned(), ["\"default\"", "login_session"]),
        (format!("[default]\nrole_arn = RA\nsource_profile = b\nmfa_serial = m\n[profile b]\n{b}"), ["\"default\"", "mfa_serial"]),
        ("[default]\n= nothing".to_owned(), ["config", "2"]),
    ] {
        let (id, requests) = with(&config, "", &[]).await;
        let error = id.expect_err("no credentials").to_string();
        assert!(error.starts_with("invalid-configuration"), "{error}");
        assert!(words.iter().all(|word| error.contains(word)), "{error}: {words:?}");
        assert!(requests.is_empty() && !error.contains("c4n4ry"), "{error}");
    }
}
