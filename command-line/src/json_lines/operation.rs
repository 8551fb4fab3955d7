//! A line for a transaction, in the shape of Dapr's API:
//! `{"operation": "upsert" | "delete", "request": {…}}`.
//! <https://docs.dapr.io/reference/api/state_api/#state-transactions>

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Fault, Line, SetLine,
    write::{Concurrency, Options},
};
use crate::model::{DeleteRequest, Operation};

/// An operation of a transaction.
pub(crate) struct OperationLine(pub(crate) Operation);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    operation: Kind,
    #[serde(borrow)]
    request: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    // Dapr's name, and the contract's.
    #[serde(alias = "set")]
    Upsert,
    Delete,
}

/// A concurrency has no effect on a delete, but Dapr lets it stand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteFields {
    key: String,
    etag: Option<String>,
    #[serde(rename = "concurrency")]
    _concurrency: Option<Concurrency>,
    #[serde(default, rename = "options")]
    _options: Options,
}

impl Line for OperationLine {
    fn read(line: &str) -> Result<Self, Fault> {
        Fault::unless_object(line)?;
        let envelope: Envelope<'_> = serde_json::from_str(line)?;
        // A column within the request would be one of another text.
        let in_request = |fault: Fault| Fault::whole_line(format!("request: {}", fault.sentence));
        let request = envelope.request.get();
        Fault::unless_object(request).map_err(in_request)?;
        Ok(Self(match envelope.operation {
            Kind::Upsert => {
                let line = SetLine::read(request).map_err(in_request)?;
                Operation::Set(line.request().map_err(in_request)?)
            }
            Kind::Delete => {
                let fields: DeleteFields = serde_json::from_str(request)
                    .map_err(|error| in_request(Fault::from(error)))?;
                Operation::Delete(DeleteRequest {
                    key: fields.key,
                    etag: fields.etag,
                })
            }
        }))
    }
}
