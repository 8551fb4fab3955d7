//! Web identity tokens, as in EKS IAM roles for service accounts. STS returns the credentials
//! of a role for the token in a file. The issuer replaces the token, so the file is read again
//! at each refresh.

use super::role::Role;
use super::source::{
    self, CredentialsSource, Fetched, Fetching, NoCredentials, absent, misconfigured,
};
use super::sts::Sts;
use crate::fields::{Field, Fields};
use crate::http::Platform;
use crate::text::quote;

/// The name of the source in error sentences.
pub(super) const SOURCE: &str = "STS (web identity)";

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";

/// The longest token that STS accepts, in bytes.
///
/// Source: `WebIdentityToken` of AssumeRoleWithWebIdentity in the STS API reference.
const LONGEST_TOKEN: u64 = 20_000;

/// The file of a token, and the role for which it is used.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) token_file: String,
    /// The variable or property that names the file, for error sentences.
    pub(super) named_by: String,
    pub(super) role: Role,
}

/// The environment variables of the source.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    token_file: Option<Field>,
    role_arn: Option<Field>,
    session_name: Option<Field>,
}

impl Environment {
    pub(super) fn new(fields: &Fields<'_>) -> Self {
        Self {
            token_file: fields.environment(TOKEN_FILE),
            role_arn: fields.environment(ROLE_ARN),
            session_name: fields.environment(SESSION_NAME),
        }
    }

    fn settings(self) -> Result<Settings, NoCredentials> {
        match (self.token_file, self.role_arn) {
            (Some(token_file), Some(role_arn)) => Ok(Settings {
                token_file: token_file.value,
                named_by: TOKEN_FILE.to_owned(),
                role: Role::new(
                    role_arn.value,
                    self.session_name.map(|field| field.value),
                    None,
                ),
            }),
            (Some(_), None) => Err(misconfigured(format!(
                "`{TOKEN_FILE}` is set without `{ROLE_ARN}`: set both or neither"
            ))),
            (None, _) => Err(absent(format!("{TOKEN_FILE} is not set"))),
        }
    }
}

/// The source of credentials for the role that the environment names.
pub(super) struct WebIdentity<P> {
    pub(super) environment: Environment,
    pub(super) sts: Sts<P>,
}

impl<P: Platform> CredentialsSource for WebIdentity<P> {
    fn credentials(&self) -> Fetching<'_> {
        Box::pin(async move {
            let settings = self.environment.clone().settings()?;
            credentials(&settings, &self.sts).await
        })
    }
}

/// Reads the token and fetches credentials from STS.
pub(super) async fn credentials<P: Platform>(settings: &Settings, sts: &Sts<P>) -> Fetched {
    let named_by = &settings.named_by;
    let unreadable = |why: String| {
        let path = quote(&settings.token_file);
        misconfigured(format!("`{named_by}` names {path}, which {why}"))
    };
    let token = source::text(sts.files(), &settings.token_file, LONGEST_TOKEN);
    let token = token.map_err(unreadable)?;
    let token = token.trim();
    if token.is_empty() {
        return Err(unreadable("is empty".to_owned()));
    }
    sts.assume_role_with_web_identity(&settings.role, token)
        .await
}
