//! The sources in their order: the first that applies gives the credentials, and
//! one that is configured and broken is not passed over.

use super::failure::{absence, absent};
use aws_credential_types::provider::{self, ProvideCredentials, future};

/// Sources, the first one asked first.
#[derive(Debug)]
pub(super) struct Chain(pub(super) Vec<Box<dyn ProvideCredentials>>);

impl Chain {
    async fn credentials(&self) -> provider::Result {
        let mut reasons = vec![
            "the metadata has no `accessKey`".to_owned(),
            "AWS_ACCESS_KEY_ID is not set".to_owned(),
        ];
        for source in &self.0 {
            match source.provide_credentials().await {
                Ok(credentials) => return Ok(credentials),
                Err(error) => match absence(&error) {
                    Some(why) => reasons.push(why),
                    None => return Err(error),
                },
            }
        }
        Err(absent(format!(
            "no AWS credentials: give `accessKey` and `secretKey`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or lend another source ({})",
            reasons.join("; ")
        )))
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
