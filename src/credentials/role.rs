//! A role that is assumed, and the names that it goes by. It stands over any other
//! source, whose credentials buy those of the role.

use super::source::{CredentialsSource, Fetching};
use super::sts::Sts;
use crate::error::Error;
use crate::fields::{Field, Fields};
use crate::http::Platform;

/// The session's name where nobody gives one: that of Dapr's own components.
///
/// Source: "Authenticating to AWS" in Dapr's documentation.
const SESSION_NAME: &str = "DaprDefaultSession";

/// A role, as STS is asked for it. STS says itself what it demands of the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<String>,
    /// How many seconds its credentials last; none: as long as STS has it.
    pub(super) duration: Option<String>,
}
impl Role {
    /// With the default name where there is no other.
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

    /// With credentials that last so many seconds.
    pub(super) fn lasting(self, duration: Option<String>) -> Self {
        Self { duration, ..self }
    }
}

/// The role of the metadata that is assumed with whatever credentials there are.
///
/// # Errors
///
/// `invalid-configuration` where the session or the external id of a role is
/// given, and no role; and for roles that only a certificate opens.
pub(super) fn of_metadata(fields: &Fields<'_>) -> Result<Option<Role>, Error> {
    let arn = fields.given(&["assumeRoleArn"]);
    let session_name = fields.given(&["sessionName", "assumeRoleSessionName"]);
    let external_id = fields.given(&["externalId"]);
    for anywhere in ["trustAnchorArn", "trustProfileArn"] {
        if fields.given(&[anywhere]).is_some() {
            return Err(Error::InvalidConfiguration(format!(
                "`{anywhere}` is given, but IAM Roles Anywhere is not supported: remove it, and give `assumeRoleArn` or another source of credentials"
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
        "`{}` is given without `assumeRoleArn`: give both or neither",
        field.name
    ))
}

/// The source's name in sentences.
pub(super) const SOURCE: &str = "STS (`assumeRoleArn`)";

/// Credentials of a role.
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
