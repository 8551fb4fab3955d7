//! Tests that the same input gives the same request. The headers that name the client and
//! the call are not compared. The signature is not compared either, because the SDK also
//! signs those headers: `signatures` compares it with botocore's.

use super::call::{Call, Site};
use super::inputs;
use super::sdk::Stage;
use crate::dynamodb::codec::{
    BatchGetItem, BatchWriteItem, DeleteItem, GetItem, PutItem, TransactWriteItems,
};
use crate::test_support::{Scene, Scripted, Sent, refusal, success, success_of};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use serde_json::Value;
use std::time::Duration;

const SITES: [Site; 4] = [Site::AWS, Site::TEMPORARY, Site::OWN, Site::PATH];

/// The headers that only the SDK sends, or that name the client.
const OWN_FIELDS: [&str; 4] = [
    "user-agent",
    "x-amz-user-agent",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
];

/// Returns the requests of the pipeline and of the SDK, in this order.
async fn requests<O: Call>(site: Site, builder: O::Builder) -> (Sent, Sent) {
    let client = site.client(Scripted::new([success_of(O::NAME)]), 1);
    let answer = client.call::<O>(O::input(builder.clone())).await;
    answer.expect("the script says success");
    let stage = Stage::new([success_of(O::NAME)]);
    let answer = O::send(builder, &stage.client(site, 1)).await;
    answer.expect("the script says success");
    let [ours] = client.platform().requests().try_into().expect("one");
    let [theirs] = stage.requests().try_into().expect("one");
    (ours, theirs)
}

/// Returns all headers except the SDK's own and the signature, sorted.
fn fields(request: &Sent) -> Vec<&(String, String)> {
    let mut fields: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| !OWN_FIELDS.contains(&name.as_str()) && name != "authorization")
        .collect();
    fields.sort();
    fields
}

/// Returns the credential scope and the names of the signed headers, without the SDK's own.
fn signed(request: &Sent) -> (String, Vec<String>) {
    let authorization = request.header("authorization").expect("signed");
    let [scope, fields, _signature] = authorization
        .split(", ")
        .collect::<Vec<_>>()
        .try_into()
        .expect("three parts");
    let fields = fields.strip_prefix("SignedHeaders=").expect("the fields");
    let fields = fields.split(';').map(str::to_owned);
    (
        scope.to_owned(),
        fields
            .filter(|f| !OWN_FIELDS.contains(&f.as_str()))
            .collect(),
    )
}

fn json(request: &Sent) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

async fn compare<O: Call>(builders: impl IntoIterator<Item = O::Builder>) {
    for builder in builders {
        for site in SITES {
            let (ours, theirs) = requests::<O>(site, builder.clone()).await;
            assert_eq!(ours.method, theirs.method);
            assert_eq!(ours.url, theirs.url);
            assert_eq!(fields(&ours), fields(&theirs), "{}", O::NAME);
            assert_eq!(signed(&ours), signed(&theirs));
            assert_eq!(json(&ours), json(&theirs));
            // The order of a map is random, but its content is not.
            let sorted = |mut body: Vec<u8>| {
                body.sort_unstable();
                body
            };
            assert_eq!(sorted(ours.body), sorted(theirs.body));
        }
    }
}

#[tokio::test]
async fn every_operation_sends_the_same_request_as_the_sdk() {
    compare::<GetItem>(inputs::get_item()).await;
    compare::<PutItem>(inputs::put_item()).await;
    compare::<DeleteItem>(inputs::delete_item()).await;
    compare::<BatchGetItem>(inputs::batch_get_item()).await;
    compare::<BatchWriteItem>(inputs::batch_write_item()).await;
    compare::<TransactWriteItems>(inputs::transact_write_items()).await;
}

/// The key of a GetItem has one member, so the order cannot differ.
#[tokio::test]
async fn body_of_get_item_is_identical_to_the_sdks() {
    for builder in inputs::get_item() {
        let (ours, theirs) = requests::<GetItem>(Site::AWS, builder).await;
        assert_eq!(ours.body, theirs.body);
    }
}

#[tokio::test]
async fn each_attempt_signs_the_same_body_again() {
    let [builder, _] = inputs::transact_write_items();
    let script = [refusal(400, "ThrottlingException"), success()];
    // The longest wait is just below 1 s, and the call starts at a full second.
    let platform = Scripted::new(script.map(|s| Scene::from(s).after(Duration::from_millis(1))));
    let client = Site::TEMPORARY.client(platform.random(u64::MAX), 4);
    let input = TransactWriteItems::input(builder);
    client.call::<TransactWriteItems>(input).await.unwrap();
    let [first, second] = client.platform().requests().try_into().unwrap();
    assert_eq!(first.body, second.body);
    assert_ne!(first.header("x-amz-date"), second.header("x-amz-date"));
    assert_ne!(
        first.header("authorization"),
        second.header("authorization")
    );
    let names = |request: &Sent| {
        let names = request.headers.iter().map(|(name, _)| name.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&first), names(&second), "no field is there twice");
}

/// The SDK's client generates a token. In the pipeline the caller must set it, so that it
/// is random in the guest and fixed in a test.
#[tokio::test]
async fn pipeline_generates_no_transaction_token_on_purpose() {
    let builder = TransactWriteItemsInput::builder().set_transact_items(Some(vec![]));
    let (ours, theirs) = requests::<TransactWriteItems>(Site::AWS, builder).await;
    assert_eq!(json(&ours).get("ClientRequestToken"), None);
    assert!(json(&theirs).get("ClientRequestToken").is_some());
}
