//! STS's answers: XML documents in its namespace.

use aws_smithy_xml::encode::{ScopeWriter, XmlWriter};
use http::StatusCode;

use super::Form;
use crate::aws::{Key, issue::expiration};
use crate::faults::Reply;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// One for all: nobody looks it up.
const REQUEST_ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// The key of a session, in the answer to this action.
pub(super) fn session(action: &str, form: &Form, key: &Key) -> Reply {
    let document = document(&format!("{action}Response"), |response| {
        let name = format!("{action}Result");
        let mut result = response.start_el(&name).finish();
        let mut user = result.start_el("AssumedRoleUser").finish();
        text(&mut user, "AssumedRoleId", "AROATESTTESTTESTTEST:session");
        text(&mut user, "Arn", &form.session_arn());
        user.finish();
        let mut credentials = result.start_el("Credentials").finish();
        text(&mut credentials, "AccessKeyId", &key.id);
        text(&mut credentials, "SecretAccessKey", &key.secret);
        let token = key.session_token.as_deref().unwrap_or_default();
        text(&mut credentials, "SessionToken", token);
        text(&mut credentials, "Expiration", &expiration(key));
        credentials.finish();
        result.finish();
        let mut metadata = response.start_el("ResponseMetadata").finish();
        text(&mut metadata, "RequestId", REQUEST_ID);
    });
    Reply::text(StatusCode::OK, "text/xml", &document)
}

/// A refusal with this code.
pub fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    let document = document("ErrorResponse", |response| {
        let mut error = response.start_el("Error").finish();
        let fault = if status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        text(&mut error, "Type", fault);
        text(&mut error, "Code", code);
        text(&mut error, "Message", message);
        error.finish();
        text(response, "RequestId", REQUEST_ID);
    });
    Reply::text(status, "text/xml", &document)
}

fn document(root: &str, write: impl FnOnce(&mut ScopeWriter<'_, '_>)) -> String {
    let mut document = String::new();
    let mut writer = XmlWriter::new(&mut document);
    let mut scope = writer.start_el(root).write_ns(NAMESPACE, None).finish();
    write(&mut scope);
    scope.finish();
    document
}

fn text(scope: &mut ScopeWriter<'_, '_>, name: &str, data: &str) {
    let mut element = scope.start_el(name).finish();
    element.data(data);
}
