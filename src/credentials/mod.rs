//! AWS credentials, from the first source that applies, and the signers that use them.
//!
//! Metadata and environment provide static keys (`keys`). Without them, `shared_files`,
//! `web_identity`, `container` and `instance_metadata` are asked in this order, which is the
//! SDK's. They are asked when credentials are first needed, and again before the credentials
//! expire (`signers`). A role can be assumed with the credentials of any source (`role`). All
//! parts of the credentials come from one source: an access key is never paired with the
//! secret of another source.
//!
//! A fault of a source is reported only when the source is asked, because an earlier source
//! may provide credentials. A source that is configured but broken is an error and is not
//! skipped.

mod container;
mod document;
mod instance_metadata;
mod keys;
mod role;
mod shared_files;
mod signers;
mod source;
mod sts;
mod web_identity;

use crate::aws::Limits;
use crate::error::Error;
use crate::fields::{Field, Fields};
use crate::http::{Files, Platform};
use aws_credential_types::Credentials;
use container::Container;
use instance_metadata::InstanceMetadata;
use role::{AssumeRole, Role};
use shared_files::{Locations, SharedFiles};
pub use signers::{ResolvedSigner, Signers};
use source::{CredentialsSource, Fetching, NoCredentials, absent};
use std::rc::Rc;
use sts::Sts;
use web_identity::WebIdentity;

/// The signer of the requests: the component or the host.
#[derive(Debug)]
pub enum Signing {
    /// The component signs, with credentials of these settings.
    Guest(Box<Settings>),
    /// The host signs, with credentials that the component never sees.
    Host,
}

/// The settings of the sources of credentials.
#[derive(Debug)]
pub struct Settings {
    base: Base,
    role: Option<Role>,
    sts: sts::Settings,
}

#[derive(Debug)]
enum Base {
    /// Static keys.
    Keys(Credentials),
    /// The sources that are asked in order.
    Chain(Box<Names>),
}

/// The environment variables of each source.
#[derive(Debug)]
struct Names {
    shared_files: Locations,
    web_identity: web_identity::Environment,
    container: container::Settings,
    instance_metadata: instance_metadata::Settings,
}

impl Signing {
    /// Reads metadata and environment. Requests to STS in `region` have the same `limits` as
    /// those to DynamoDB.
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(fields: &Fields<'_>, region: &str, limits: Limits) -> Result<Self, Error> {
        let role = role::of_metadata(fields)?;
        let keys = keys::of_metadata(fields)?;
        if host_signs(fields)? {
            let given = keys.map(|_| "accessKey").or(role.map(|_| "assumeRoleArn"));
            return match given {
                None => Ok(Self::Host),
                Some(field) => Err(Error::InvalidConfiguration(format!(
                    "`{field}` is set, but `signing` is `host`, and the host signs with its own credentials: unset `{field}` or `signing`"
                ))),
            };
        }
        let keys = match keys {
            Some(keys) => Some(keys),
            None => keys::of_environment(fields)?,
        };
        let base = keys.map_or_else(|| Base::Chain(Box::new(Names::new(fields))), Base::Keys);
        Ok(Self::Guest(Box::new(Settings {
            base,
            role,
            sts: sts::Settings::new(fields, region, limits),
        })))
    }
}

/// Returns true if the host signs.
fn host_signs(fields: &Fields<'_>) -> Result<bool, Error> {
    let Some(field) = fields.field(&["signing"], &["DYNAMODB_SIGNING"]) else {
        return Ok(false);
    };
    match field.value.to_ascii_lowercase().as_str() {
        "guest" => Ok(false),
        "host" => Ok(true),
        _ => Err(field.refused("must be `guest` or `host`")),
    }
}

/// Returns the region of the selected profile in the shared files. If the host signs, the files
/// are not read, because they also contain keys.
///
/// # Errors
///
/// `invalid-configuration` if the files exist but cannot be used.
pub fn region_of_the_profile(
    fields: &Fields<'_>,
    files: &dyn Files,
) -> Result<Option<Field>, Error> {
    if host_signs(fields)? {
        return Ok(None);
    }
    let region = shared_files::region(&Locations::new(fields), files);
    let named = |value| Field {
        value,
        name: "region of the AWS profile",
    };
    match region {
        Ok(region) => Ok(region.map(named)),
        Err(NoCredentials::Absent(_)) => Ok(None),
        Err(NoCredentials::Broken(error)) => Err(error),
    }
}

impl Names {
    fn new(fields: &Fields<'_>) -> Self {
        Self {
            shared_files: Locations::new(fields),
            web_identity: web_identity::Environment::new(fields),
            container: container::Settings::new(fields),
            instance_metadata: instance_metadata::Settings::new(fields),
        }
    }

    /// Returns the sources in the SDK's order.
    fn chain<P: Platform>(self, platform: &Rc<P>, sts: &sts::Settings) -> Chain {
        let sts = |source| Sts::new(Rc::clone(platform), source, sts.clone());
        let container = || Container::new(Rc::clone(platform), self.container.clone());
        let instance_metadata =
            || InstanceMetadata::new(Rc::clone(platform), self.instance_metadata.clone());
        Chain(vec![
            Box::new(SharedFiles {
                locations: self.shared_files,
                sts: sts(shared_files::STS),
                container: container(),
                instance_metadata: instance_metadata(),
            }),
            Box::new(WebIdentity {
                environment: self.web_identity,
                sts: sts(web_identity::SOURCE),
            }),
            Box::new(container()),
            Box::new(instance_metadata()),
        ])
    }
}

impl Settings {
    /// Returns the static keys; none if a source is asked for credentials.
    pub fn keys(&self) -> Option<&Credentials> {
        match &self.base {
            Base::Keys(keys) => Some(keys),
            Base::Chain(_) => None,
        }
    }

    /// Returns the configured source, which sends its requests through `platform`.
    fn source<P: Platform>(self, platform: &Rc<P>) -> Rc<dyn CredentialsSource> {
        let base: Box<dyn CredentialsSource> = match self.base {
            Base::Keys(keys) => Box::new(keys),
            Base::Chain(names) => Box::new(names.chain(platform, &self.sts)),
        };
        match self.role {
            None => base.into(),
            Some(role) => Rc::new(AssumeRole {
                role,
                base,
                sts: Sts::new(Rc::clone(platform), role::SOURCE, self.sts),
            }),
        }
    }
}

/// Sources in the order in which they are asked.
struct Chain(Vec<Box<dyn CredentialsSource>>);

impl CredentialsSource for Chain {
    fn credentials(&self) -> Fetching<'_> {
        Box::pin(async move {
            let mut reasons = vec![
                "the metadata has no `accessKey`".to_owned(),
                "AWS_ACCESS_KEY_ID is not set".to_owned(),
            ];
            for source in &self.0 {
                match source.credentials().await {
                    Ok(credentials) => return Ok(credentials),
                    Err(NoCredentials::Absent(why)) => reasons.push(why),
                    Err(error) => return Err(error),
                }
            }
            Err(absent(format!(
                "no AWS credentials found: set `accessKey` and `secretKey` in the metadata, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or provide another source ({})",
                reasons.join("; ")
            )))
        })
    }
}

#[cfg(test)]
mod tests;
