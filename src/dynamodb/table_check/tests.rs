//! Tests of the errors and warnings for DynamoDB's responses to the probe.

use super::{Needs, Warning, check};
use crate::dynamodb::Client;
use crate::error::Error;
use crate::http::TransportError;
use crate::test_support::{
    SESSION_TOKEN, Scene, Scripted, Sent, config, html, json, refusal, refused, signature_error,
    success,
};
use serde_json::json;
use std::collections::HashSet;

/// The messages of DynamoDB and of a self-hosted engine for another primary key.
const KEY: [&str; 2] = [
    "The provided key element does not match the schema",
    "One or more parameter values were invalid: Type mismatch for key pk expected: N actual: S",
];

/// The message of servers if the request has one key attribute but the table has two.
const SORT_KEY: &str = "The number of conditions on the keys is invalid";

/// DynamoDB's messages for an invalid table name.
const TABLE_NAME: [&str; 3] = [
    "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'",
    "1 validation error detected: Value 'no' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
    "TableName must be at least 3 characters long and at most 255 characters long",
];

fn invalid(words: &str) -> Scene {
    refused("ValidationException", words).into()
}

async fn told(scene: impl Into<Scene>, needs: Needs) -> (Result<Warning, Error>, Vec<Sent>) {
    told_of("orders", scene, needs).await
}

async fn told_of(
    table: &str,
    scene: impl Into<Scene>,
    needs: Needs,
) -> (Result<Warning, Error>, Vec<Sent>) {
    let client = Client::new(Scripted::new([scene.into()]), config().client);
    let result = check(&client, table, "pk", needs).await;
    (result, client.platform().requests())
}

#[tokio::test]
async fn probe_is_one_read_of_an_unused_key() {
    let probe = "dapr-dynamodb||probe||0000000000000000";
    let item = json(&json!({"Item": {"pk": {"S": probe}}}));
    for answer in [success(), item] {
        for needs in [Needs::PartitionKey, Needs::AnyKey] {
            let (result, requests) = told(answer.clone(), needs).await;
            assert_eq!((result, requests.len()), (Ok(None), 1));
            assert_eq!(requests[0].operation(), "GetItem");
            let key = json!({"pk": {"S": probe}});
            let expected = json!({"TableName": "orders", "Key": key});
            assert_eq!(requests[0].json(), expected);
        }
    }
}

#[tokio::test]
async fn each_instance_reads_its_own_probe() {
    let mut probes = HashSet::new();
    for random in [1, 2, u64::MAX] {
        let platform = Scripted::new([success()]).random(random);
        let client = Client::new(platform, config().client);
        let result = check(&client, "orders", "pk", Needs::PartitionKey).await;
        assert_eq!(result, Ok(None));
        let sent = client.platform().requests()[0].json();
        probes.insert(sent["Key"]["pk"]["S"].as_str().unwrap().to_owned());
    }
    assert_eq!(probes.len(), 3);
}

#[tokio::test]
async fn wrong_primary_key_error_names_field_and_remedy() {
    for words in KEY {
        let (result, requests) = told(invalid(words), Needs::PartitionKey).await;
        let expected = format!(
            "invalid `partitionKey` \"pk\": the primary key of table `orders` is not a string attribute of that name alone ({words}); set `partitionKey` to the table's partition key; if the table has a sort key, use a table without a sort key"
        );
        assert_eq!(result, Err(Error::InvalidConfiguration(expected)));
        assert_eq!(requests.len(), 1);
    }
}

#[tokio::test]
async fn sort_key_is_named_if_dynamodb_reports_it() {
    let (result, requests) = told(invalid(SORT_KEY), Needs::PartitionKey).await;
    let expected = "invalid `table` \"orders\": the table has a sort key (The number of conditions on the keys is invalid); the state store needs a table without a sort key";
    let expected = Error::InvalidConfiguration(expected.to_owned());
    assert_eq!(result, Err(expected));
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn any_primary_key_passes_for_the_binding() {
    for words in KEY.into_iter().chain([SORT_KEY]) {
        let (result, requests) = told(invalid(words), Needs::AnyKey).await;
        assert_eq!((result, requests.len()), (Ok(None), 1));
    }
}

#[tokio::test]
async fn throttled_table_passes_with_a_warning() {
    for code in [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    ] {
        for needs in [Needs::PartitionKey, Needs::AnyKey] {
            let (result, requests) = told(refused(code, "slow down"), needs).await;
            let warning = result.unwrap().unwrap();
            let start = format!(
                "table `orders` is reachable, but throttled now: GetItem on table `orders`: slow down ({code}, HTTP 400"
            );
            assert!(warning.starts_with(&start), "{warning}");
            assert_eq!(requests.len(), 4);
        }
    }
}

#[tokio::test]
async fn write_only_role_passes_for_the_binding() {
    let denied = refused("AccessDeniedException", "not you");
    let (result, requests) = told(denied, Needs::AnyKey).await;
    let warning = result.unwrap().unwrap();
    let start = "table `orders` was not checked: the role may not call `dynamodb:GetItem`, which `create` does not need (GetItem on table `orders`: not you (AccessDeniedException, HTTP 400";
    assert!(warning.starts_with(start), "{warning}");
    assert_eq!(requests.len(), 1);
}

/// These errors have the same case as a missing permission or as throttling, but have
/// another cause.
#[tokio::test]
async fn rejected_credentials_or_hosts_do_not_pass() {
    let denied = Scene::from(TransportError::Denied("cause".to_owned()));
    for scene in [
        refused("UnrecognizedClientException", "who are you").into(),
        refused("ExpiredTokenException", "too late").into(),
        signature_error(SESSION_TOKEN).into(),
        denied,
    ] {
        let (result, _) = told(scene, Needs::AnyKey).await;
        assert!(matches!(result, Err(Error::AccessDenied(_))), "{result:?}");
    }
    let (result, _) = told(html(429), Needs::AnyKey).await;
    assert!(result.is_err(), "{result:?}");
}

#[tokio::test]
async fn invalid_table_name_error_names_field_and_valid_names() {
    for words in TABLE_NAME {
        for needs in [Needs::PartitionKey, Needs::AnyKey] {
            let (result, _) = told_of("no", invalid(words), needs).await;
            let expected = "invalid `table` \"no\": not a valid DynamoDB table name; use 3 to 255 letters, digits, `_`, `-` and `.`";
            let expected = Error::InvalidConfiguration(expected.to_owned());
            assert_eq!(result, Err(expected), "{words}");
        }
    }
}

#[tokio::test]
async fn other_validation_errors_quote_dynamodb() {
    for needs in [Needs::PartitionKey, Needs::AnyKey] {
        let (result, _) = told(invalid("Something is not as it should be"), needs).await;
        let expected =
            "DynamoDB rejects a read of table `orders`: Something is not as it should be";
        let expected = Error::InvalidConfiguration(expected.to_owned());
        assert_eq!(result, Err(expected));
    }
}

#[tokio::test]
async fn other_errors_keep_their_case() {
    for (scene, case, attempts) in [
        (
            Scene::from(refused(
                "ResourceNotFoundException",
                "Requested resource not found",
            )),
            "not-found: GetItem on table `orders`: Requested resource not found (",
            1,
        ),
        (
            refused("UnrecognizedClientException", "not you").into(),
            "access-denied: GetItem on table `orders`: not you (",
            1,
        ),
        (
            refusal(500, "InternalServerError").into(),
            "unavailable: GetItem on table `orders`: InternalServerError it is (",
            4,
        ),
        (
            TransportError::Timeout.into(),
            "timeout: GetItem on table `orders`: no complete response within `requestTimeout`;",
            4,
        ),
        (
            TransportError::Denied("cause".to_owned()).into(),
            "access-denied: GetItem on table `orders`: the host does not allow the request (cause)",
            1,
        ),
        (
            refused("SomethingNew", "the key is wrong").into(),
            "other: GetItem on table `orders`: the key is wrong (",
            1,
        ),
    ] {
        for needs in [Needs::PartitionKey, Needs::AnyKey] {
            let (result, requests) = told(scene.clone(), needs).await;
            let error = result.unwrap_err().to_string();
            assert!(error.starts_with(case), "{error}");
            assert_eq!(requests.len(), attempts);
        }
    }
}

#[tokio::test]
async fn state_store_needs_permission_to_read() {
    let denied = refused("AccessDeniedException", "not you");
    let (result, requests) = told(denied, Needs::PartitionKey).await;
    let error = result.unwrap_err().to_string();
    let start = "access-denied: GetItem on table `orders`: not you (AccessDeniedException";
    assert!(error.starts_with(start), "{error}");
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn session_token_in_signature_error_is_never_shown() {
    for needs in [Needs::PartitionKey, Needs::AnyKey] {
        let (result, requests) = told(signature_error(SESSION_TOKEN), needs).await;
        let error = result.unwrap_err();
        assert!(
            matches!(&error, Error::AccessDenied(s) if !s.contains(SESSION_TOKEN)),
            "{error}"
        );
        let sent = requests[0].header("x-amz-security-token");
        assert_eq!(sent, Some(SESSION_TOKEN));
    }
}

#[tokio::test]
async fn error_shows_no_secret_and_only_the_first_line() {
    for about in ["key", "filter"] {
        let message = format!("a {about} of {SESSION_TOKEN}\u{0}\nwith more");
        let scene = refused("ValidationException", &message);
        let (result, _) = told(scene, Needs::PartitionKey).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains(&format!("a {about} of ***")), "{error}");
        assert!(!error.contains("more") && !error.contains(SESSION_TOKEN));
    }
}
