//! Credentials made of texts from outside, each fit for a header field: what is
//! not is refused by its name, never by its content.

use aws_credential_types::Credentials;
use std::time::SystemTime;

/// Longest part of any credentials, in bytes. AWS sets no limit to a session
/// token; hosts do to the head of a request.
pub(super) const LONGEST: usize = 64 * 1_024;

/// What is wrong with a text as a part of credentials: what follows its name.
pub(super) fn fault(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return Some(format!(
            "has {} bytes, and no AWS credential more than {LONGEST}",
            text.len()
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(
            "holds a space, a line break or another character that no AWS credential has"
                .to_owned(),
        );
    }
    None
}

/// Parts of credentials under the names that they have where they come from.
pub(super) struct Parts<'a> {
    pub(super) access_key: (&'a str, Option<&'a str>),
    pub(super) secret_key: (&'a str, Option<&'a str>),
    pub(super) session_token: (&'a str, Option<&'a str>),
}

impl Parts<'_> {
    /// Credentials of `source` from its parts; none where it has none of them.
    ///
    /// # Errors
    ///
    /// A sentence that names the part that is missing or no credential.
    pub(super) fn join(
        self,
        source: &'static str,
        expiry: Option<SystemTime>,
    ) -> Result<Option<Credentials>, String> {
        for (name, text) in [self.access_key, self.secret_key, self.session_token] {
            if let Some(fault) = text.and_then(fault) {
                return Err(format!("`{name}` {fault}"));
            }
        }
        let incomplete = |there: &str, missing: &str| {
            Err(format!(
                "`{there}` is given without `{missing}`: give both or neither"
            ))
        };
        match (self.access_key, self.secret_key, self.session_token) {
            ((_, Some(access_key)), (_, Some(secret_key)), (_, session_token)) => {
                Ok(Some(Credentials::new(
                    access_key,
                    secret_key,
                    session_token.map(str::to_owned),
                    expiry,
                    source,
                )))
            }
            ((there, Some(_)), (missing, None), _) | ((missing, None), (there, Some(_)), _) => {
                incomplete(there, missing)
            }
            ((missing, None), (_, None), (there, Some(_))) => incomplete(there, missing),
            ((_, None), (_, None), (_, None)) => Ok(None),
        }
    }
}
