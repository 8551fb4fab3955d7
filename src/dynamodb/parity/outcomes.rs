//! The outcome of one response in the codec and in the client. Both are compared with the
//! outcome of the same response in the SDK's client.

use super::call::{Call, Site};
use super::sdk::{Stage, http_response};
use crate::dynamodb::codec::Codecs;
use crate::dynamodb::error::AttemptError;
use crate::dynamodb::response_check;
use crate::http::Response;
use crate::test_support::{Scripted, spell};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// An output, or the debug output of an error of the operation.
pub(super) type Outcome<O> = Result<O, String>;

/// Returns the outcome in the SDK's client.
pub(super) async fn sdk<O: Call>(
    builder: &O::Builder,
    response: &Response,
) -> Result<O::Output, O::Error> {
    let stage = Stage::new([response.clone()]);
    let client = stage.client(Site::AWS, 1);
    match O::send(builder.clone(), &client).await {
        Ok(output) => Ok(output),
        Err(SdkError::ServiceError(error)) => Err(error.into_err()),
        Err(other) => panic!("the SDK does not read {}: {other:?}", spell(response)),
    }
}

/// Returns the outcome in the pipeline's codec.
fn codec<O: Call>(response: &Response) -> Outcome<O::Output> {
    let codecs = Codecs::default();
    let codec = codecs.get::<O>().expect("a codec");
    match codec.deserialize(&http_response(response.clone())) {
        Ok(output) => Ok(output.downcast().expect("the operation's output")),
        Err(error) => {
            let error = error
                .as_operation_error()
                .expect("an error of the operation");
            let error: &O::Error = error.downcast_ref().expect("the operation's error");
            Err(format!("{error:?}"))
        }
    }
}

/// Asserts that SDK, codec and client agree on a response. Returns the SDK's error, if
/// the response is an error.
pub(super) async fn agree<O: Call>(builder: &O::Builder, response: &Response) -> Option<O::Error> {
    let theirs = sdk::<O>(builder, response).await;
    let spelled = match &theirs {
        Ok(_) => None,
        Err(error) => Some(format!("{error:?}")),
    };
    let ours = codec::<O>(response);
    assert_eq!(
        ours.as_ref().ok(),
        theirs.as_ref().ok(),
        "{}",
        spell(response)
    );
    assert_eq!(ours.as_ref().err(), spelled.as_ref(), "{}", spell(response));

    let client = Site::AWS.client(Scripted::new([response.clone()]), 1);
    let ours = client.call::<O>(O::input(builder.clone())).await;
    match (ours, theirs) {
        (Ok(ours), Ok(_)) => {
            let theirs = sdk::<O>(builder, &nameless(response)).await;
            assert_eq!(Some(ours), theirs.ok(), "{}", spell(response));
            None
        }
        (Err(ours), Err(theirs)) => {
            let typed = ours.service_error::<O::Error>();
            match (&ours.last, theirs.code()) {
                (AttemptError::Service(error), Some(code)) => {
                    assert_eq!(error.code, code);
                    assert_eq!(error.message, theirs.message().unwrap_or_default());
                    assert_eq!(error.status, response.status);
                    assert_eq!(error.request_id.as_deref(), request_id(&theirs));
                    assert_eq!(typed.map(|error| format!("{error:?}")), spelled);
                }
                (AttemptError::UnexpectedResponse { status, .. }, None) => {
                    assert_eq!(*status, response.status);
                    assert!(typed.is_none());
                }
                (ours, code) => panic!("{ours:?}, but the SDK finds code {code:?}"),
            }
            assert_eq!(ours.attempts, 1);
            Some(theirs)
        }
        // The one deliberate difference: the pipeline refuses a response of another server.
        (Err(ours), Ok(_)) if !response_check::fits(O::NAME, &response.body) => {
            assert!(matches!(ours.last, AttemptError::UnexpectedResponse { .. }));
            None
        }
        (ours, theirs) => panic!("{}: {ours:?}, but the SDK {theirs:?}", spell(response)),
    }
}

/// Returns the response without its request id, which the pipeline does not keep from a
/// success.
pub(super) fn nameless(response: &Response) -> Response {
    let mut response = response.clone();
    response
        .headers
        .retain(|(name, _)| !name.eq_ignore_ascii_case("x-amzn-requestid"));
    response
}

fn request_id<E: ProvideErrorMetadata>(error: &E) -> Option<&str> {
    error.meta().extra("aws_request_id")
}
