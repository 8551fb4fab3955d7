//! A role over any other source: its credentials buy those of the role.

use super::failure::broken;
use super::role::Role;
use super::sts::Sts;
use crate::platform::Platform;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use send_wrapper::SendWrapper;
use std::fmt;

/// The source's name in sentences.
pub(super) const SOURCE: &str = "STS (`assumeRoleArn`)";

/// Credentials of a role.
pub(super) struct AssumeRole<P> {
    pub(super) role: Role,
    pub(super) base: Box<dyn ProvideCredentials>,
    pub(super) sts: Sts<P>,
}

impl<P: Platform> AssumeRole<P> {
    async fn credentials(&self) -> provider::Result {
        let by = self.base.provide_credentials().await?;
        let assumed = self.sts.assume_role(&self.role, &by).await;
        assumed.map_err(broken)
    }
}

impl<P: Platform> ProvideCredentials for AssumeRole<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(SendWrapper::new(self.credentials()))
    }
}

impl<P> fmt::Debug for AssumeRole<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRole")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
