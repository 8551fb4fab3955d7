//! A role that the component assumes with the credentials of any other source.

use super::source::{CredentialsSource, Fetching};
use super::sts::Sts;
use crate::error::Error;
use crate::fields::{Field, Fields};
use crate::http::Platform;

/// The default session name, which is that of Dapr's own components.
///
/// Source: "Authenticating to AWS" in Dapr's documentation.
const SESSION_NAME: &str = "DaprDefaultSession";

/// The parameters of a role in a request to STS. STS itself validates them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<String>,
    /// The lifetime of its credentials in seconds; none for STS's default.
    pub(super) duration: Option<String>,
}
impl Role {
    /// Creates a role, with the default session name if there is none.
    pub(super) fn new(
        arn: String,
        session_name: Option<String>,
        external_id: Option<String>,
    ) -> Self {
        Self {
            arn,
            session_name: session_name.unwrap_or_else(|| SESSION_NAME.to_owned()),
            external_id,
            duration: None,
        }
    }

    /// Sets the lifetime of its credentials, in seconds.
    pub(super) fn lasting(self, duration: Option<String>) -> Self {
        Self { duration, ..self }
    }
}

/// Reads the role from the metadata.
///
/// # Errors
///
/// `invalid-configuration` if a session name or an external id is set without a role, and for
/// IAM Roles Anywhere, which needs a certificate.
pub(super) fn of_metadata(fields: &Fields<'_>) -> Result<Option<Role>, Error> {
    let arn = fields.given(&["assumeRoleArn"]);
    let session_name = fields.given(&["sessionName", "assumeRoleSessionName"]);
    let external_id = fields.given(&["externalId"]);
    for anywhere in ["trustAnchorArn", "trustProfileArn"] {
        if fields.given(&[anywhere]).is_some() {
            return Err(Error::InvalidConfiguration(format!(
                "`{anywhere}` is set, but IAM Roles Anywhere is not supported: unset it, and use `assumeRoleArn` or another source of credentials"
            )));
        }
    }
    match (arn, session_name, external_id) {
        (Some(arn), session_name, external_id) => Ok(Some(Role::new(
            arn.value,
            session_name.map(|field| field.value),
            external_id.map(|field| field.value),
        ))),
        (None, Some(alone), _) | (None, None, Some(alone)) => Err(without_role(&alone)),
        (None, None, None) => Ok(None),
    }
}

fn without_role(field: &Field) -> Error {
    Error::InvalidConfiguration(format!(
        "`{}` is set without `assumeRoleArn`: set both or neither",
        field.name
    ))
}

/// The name of the source in error sentences.
pub(super) const SOURCE: &str = "STS (`assumeRoleArn`)";

/// The source of a role's credentials.
pub(super) struct AssumeRole<P> {
    pub(super) role: Role,
    pub(super) base: Box<dyn CredentialsSource>,
    pub(super) sts: Sts<P>,
}

impl<P: Platform> CredentialsSource for AssumeRole<P> {
    fn credentials(&self) -> Fetching<'_> {
        Box::pin(async move {
            let by = self.base.credentials().await?;
            self.sts.assume_role(&self.role, &by).await
        })
    }
}
