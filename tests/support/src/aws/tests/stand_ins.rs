use crate::aws::sts::{ASSUME_ROLE, WITH_WEB_IDENTITY};
use crate::aws::{
    Account, CANARY, Container, InstanceMetadata, StandIn, Sts, container, instance_metadata,
};
use crate::faults::{Action, Delivery};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// Sends a request and returns the status and the body.
async fn ask(method: Method, url: String, fields: &[(&str, &str)], body: String) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn get(url: String, fields: &[(&str, &str)]) -> (u16, String) {
    ask(Method::GET, url, fields, String::new()).await
}

fn form(action: &str, more: &str) -> String {
    format!(
        "Action={action}&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&RoleSessionName=session{more}"
    )
}

#[tokio::test]
async fn sts_issues_a_role_only_for_a_trusted_token() {
    let account = Account::new();
    let sts = StandIn::start(Sts::of(&account)).unwrap();
    let token = format!("{CANARY}-web-identity");
    sts.service().trust(&token);
    let url = || format!("{}/", sts.endpoint());
    let body = form(WITH_WEB_IDENTITY, &format!("&WebIdentityToken={token}"));
    let (status, answer) = ask(Method::POST, url(), &[FORM], body.clone()).await;
    assert_eq!(status, 200);
    let (_, id) = answer.split_once("<AccessKeyId>").unwrap();
    let (id, _) = id.split_once('<').unwrap();
    assert!(account.key(id).is_some(), "{id}");

    let signed = [FORM, ("authorization", "AWS4-HMAC-SHA256")];
    for (fields, body, code) in [
        (&signed[..], body.clone(), "ValidationError"),
        (&[], body.clone(), "ValidationError"),
        (
            &[FORM],
            body.replace(&token, "other"),
            "InvalidIdentityToken",
        ),
        (
            &[FORM],
            body.replace("2011-06-15", "2010-05-08"),
            "ValidationError",
        ),
        (
            &[FORM],
            form(WITH_WEB_IDENTITY, "&RoleArn=twice"),
            "ValidationError",
        ),
        (
            &[FORM],
            body.replace("role%2Fr", "user%2Fu"),
            "ValidationError",
        ),
        (&[FORM], "Version=2011-06-15".to_owned(), "ValidationError"),
    ] {
        let (status, answer) = ask(Method::POST, url(), fields, body).await;
        let code = format!("<Code>{code}</Code>");
        assert!(
            status == 400 && answer.contains(&code),
            "{status}, not {code}"
        );
    }
    assert_eq!(sts.count(WITH_WEB_IDENTITY), 7);
}

#[tokio::test]
async fn sts_refuses_an_unsigned_assume_role() {
    let sts = StandIn::start(Sts::of(&Account::new())).unwrap();
    let url = format!("{}/", sts.endpoint());
    let (status, answer) = ask(Method::POST, url, &[FORM], form(ASSUME_ROLE, "")).await;
    assert_eq!(status, 403);
    assert!(answer.contains("<Code>MissingAuthenticationToken</Code>"));
}

#[tokio::test]
async fn instance_metadata_requires_its_last_token() {
    let account = Account::new();
    let instance = StandIn::start(InstanceMetadata::of(&account, "a-role")).unwrap();
    let url = |path: &str| format!("{}{path}", instance.endpoint());
    let put = async |ttl: &[(&str, &str)]| {
        ask(Method::PUT, url("/latest/api/token"), ttl, String::new()).await
    };
    assert_eq!(get(url(ROLES), &[]).await.0, 401);
    assert_eq!(put(&[]).await.0, 400);
    assert_eq!(put(&[(TTL, "21601")]).await.0, 400);
    let (_, old) = put(&[(TTL, "21600")]).await;
    let (_, token) = put(&[(TTL, "1")]).await;
    let field = "x-aws-ec2-metadata-token";
    assert_eq!(get(url(ROLES), &[(field, &old)]).await.0, 401);
    let shown = [(field, token.as_str())];
    assert_eq!(get(url(ROLES), &shown).await, (200, "a-role".to_owned()));
    let (status, document) = get(url(&format!("{ROLES}a-role")), &shown).await;
    assert_eq!(status, 200);
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert!(
        account
            .key(document["AccessKeyId"].as_str().unwrap())
            .is_some()
    );
    instance.service().set_role(None);
    assert_eq!(get(url(ROLES), &shown).await.0, 404);
    assert_eq!(instance.count(instance_metadata::TOKEN), 4);
}

#[tokio::test]
async fn container_agent_requires_path_token_and_accept_header() {
    let account = Account::new();
    let token = format!("{CANARY}-authorization");
    let agent = StandIn::start(Container::eks(&account, &token)).unwrap();
    let url = || format!("{}/v1/credentials", agent.endpoint());
    let json = ("accept", "application/json");
    let fields = [json, ("authorization", token.as_str())];
    assert_eq!(get(url(), &fields).await.0, 200);
    assert_eq!(get(url(), &fields[..1]).await.0, 400);
    assert_eq!(get(url(), &fields[1..]).await.0, 400);
    assert_eq!(get(format!("{}?a=1", url()), &fields).await.0, 404);
    assert_eq!(agent.count(container::CREDENTIALS), 4);
}

#[tokio::test]
async fn order_applies_to_its_number_of_requests() {
    let account = Account::new();
    let agent = StandIn::start(Container::ecs(&account)).unwrap();
    let url = || format!("{}{}", agent.endpoint(), agent.service().path());
    let json = [("accept", "application/json")];
    let refusal = container::refusal(http::StatusCode::FORBIDDEN, "no", "no");
    agent.order(2, container::CREDENTIALS, Action::answer(refusal));
    agent.order(
        1,
        container::CREDENTIALS,
        Action::deliver(Delivery::Gzipped),
    );
    assert_eq!(get(url(), &json).await.0, 403);
    assert_eq!(get(url(), &json).await.0, 403);
    assert!(!get(url(), &json).await.1.starts_with('{'));
    assert!(get(url(), &json).await.1.starts_with('{'));
}
