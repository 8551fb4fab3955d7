//! The files that AWS's tools share, `~/.aws/config` and `~/.aws/credentials`,
//! where the host lends their directory: `read` finds them, `profiles` says what is
//! in them, and `plan` what the profile asks for. They are read again at each
//! refresh, for other tools write them.

mod plan;
mod profiles;
mod read;

pub(super) use read::Locations;

use super::container::Container;
use super::failure::{absence, absent, broken, misconfigured};
use super::instance_metadata::InstanceMetadata;
use super::sts::Sts;
use super::web_identity;
use crate::platform::{Files, Platform};
use crate::redact::remember;
use crate::state::key::quote;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use plan::{Base, Named, Plan};
use profiles::Fault;
use send_wrapper::SendWrapper;
use std::fmt;

/// The source's name.
const SOURCE: &str = "shared files";

/// The name in sentences of STS as a profile has it asked.
pub(super) const STS: &str = "STS (a profile's role)";

/// The region of the profile. What stands there by mistake may be one of its secrets.
pub(super) fn region(
    locations: &Locations,
    files: &dyn Files,
) -> Result<Option<String>, CredentialsError> {
    let profiles = read::profiles(locations, files)?;
    let Some(profile) = profiles.get(profiles.selected()).map_err(unusable)? else {
        return profiles
            .stray()
            .map_or(Ok(None), |fault| Err(unusable(fault)));
    };
    for name in ["aws_secret_access_key", "aws_session_token"] {
        remember(profile.get(name).unwrap_or_default());
    }
    Ok(profile
        .get("region")
        .filter(|region| !region.is_empty())
        .map(str::to_owned))
}

/// A profile is asked for that has a line which cannot be read.
fn unusable(fault: &Fault) -> CredentialsError {
    misconfigured(fault.to_string())
}

/// Credentials of a profile.
pub(super) struct SharedFiles<P> {
    pub(super) locations: Locations,
    pub(super) sts: Sts<P>,
    /// What a profile may name as the source of its credentials.
    pub(super) container: Container<P>,
    pub(super) instance_metadata: InstanceMetadata<P>,
}

impl<P: Platform> SharedFiles<P> {
    async fn credentials(&self) -> provider::Result {
        let Plan {
            profile,
            base,
            roles,
        } = {
            let profiles = read::profiles(&self.locations, self.sts.files())?;
            plan::plan(&profiles)?
        };
        let mut credentials = match base {
            Base::Keys(credentials) => credentials,
            Base::Named(named) => self.named(&profile, named).await?,
            Base::WebIdentity(settings) => web_identity::credentials(&settings, &self.sts).await?,
        };
        for role in &roles {
            let assumed = self.sts.assume_role(role, &credentials).await;
            credentials = assumed.map_err(broken)?;
        }
        Ok(credentials)
    }

    /// What a profile names has to be there.
    async fn named(&self, profile: &str, named: Named) -> provider::Result {
        let (name, given) = match named {
            // The environment goes before the shared files: it has none.
            Named::Environment => ("Environment", Err(absent("AWS_ACCESS_KEY_ID is not set"))),
            Named::Container => ("EcsContainer", self.container.provide_credentials().await),
            Named::InstanceMetadata => {
                let given = self.instance_metadata.provide_credentials().await;
                ("Ec2InstanceMetadata", given)
            }
        };
        given.map_err(|error| match absence(&error) {
            Some(why) => misconfigured(format!(
                "profile {} has `credential_source` {name}, which gives no credentials: {why}",
                quote(profile)
            )),
            None => error,
        })
    }
}

impl<P: Platform> ProvideCredentials for SharedFiles<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(SendWrapper::new(self.credentials()))
    }
}

impl<P> fmt::Debug for SharedFiles<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFiles")
            .field("locations", &self.locations)
            .finish_non_exhaustive()
    }
}
