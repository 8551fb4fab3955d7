//! Which sources there are, as metadata and environment say, and the provider that
//! asks them. What is wrong with a source is told when it is asked: an earlier one
//! may do.

use super::assume_role::{self, AssumeRole};
use super::chain::Chain;
use super::container::{self, Container};
use super::failure::{absence, into_error};
use super::http::Patience;
use super::instance_metadata::{self, InstanceMetadata};
use super::role::{self, Role};
use super::shared_files::{self, Locations, SharedFiles};
use super::sts::{self, Sts};
use super::web_identity::{self, WebIdentity};
use super::{environment, metadata};
use crate::aws::Limits;
use crate::config::{Field, Fields};
use crate::error::Error;
use crate::platform::{Files, Platform};
use crate::state::key::quote;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use std::rc::Rc;

/// Who signs the requests.
#[derive(Debug)]
pub enum Signing {
    /// The component, with credentials from here.
    Guest(Box<Settings>),
    /// The host, with credentials that the component never sees.
    Host,
}

/// Where credentials come from.
#[derive(Debug)]
pub struct Settings {
    source: Source,
    role: Option<Role>,
    sts: sts::Settings,
}

#[derive(Debug)]
enum Source {
    /// Keys, given.
    Keys(Credentials),
    /// All that may lend some.
    Chain(Box<Names>),
}

/// What the environment says of each source.
#[derive(Debug)]
struct Names {
    shared_files: Locations,
    web_identity: web_identity::Environment,
    container: container::Settings,
    instance_metadata: instance_metadata::Settings,
}

impl Signing {
    /// What metadata and environment say. STS in `region` is asked as long and as
    /// often as DynamoDB is.
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(fields: &Fields<'_>, region: &str, limits: Limits) -> Result<Self, Error> {
        let role = role::of_metadata(fields)?;
        let keys = metadata::credentials(fields)?;
        if host_signs(fields)? {
            let given = keys.map(|_| "accessKey").or(role.map(|_| "assumeRoleArn"));
            return match given {
                None => Ok(Self::Host),
                Some(field) => Err(Error::InvalidConfiguration(format!(
                    "`{field}` is given, but `signing` is `host`, which signs with credentials of its own: remove one of the two"
                ))),
            };
        }
        let keys = match keys {
            Some(keys) => Some(keys),
            None => environment::credentials(fields)?,
        };
        let source = keys.map_or_else(|| Source::Chain(Box::new(Names::new(fields))), Source::Keys);
        let patience = Patience {
            connect: limits.connect_timeout,
            total: limits.request_timeout,
            attempts: limits.max_attempts,
        };
        Ok(Self::Guest(Box::new(Settings {
            source,
            role,
            sts: sts::Settings::new(fields, region, patience),
        })))
    }
}

/// Whether the host signs.
fn host_signs(fields: &Fields<'_>) -> Result<bool, Error> {
    let Some(field) = fields.field(&["signing"], &["DYNAMODB_SIGNING"]) else {
        return Ok(false);
    };
    match field.value.to_ascii_lowercase().as_str() {
        "guest" => Ok(false),
        "host" => Ok(true),
        _ => Err(Error::InvalidConfiguration(format!(
            "`{}` is {}: give `guest` or `host`",
            field.name,
            quote(&field.value)
        ))),
    }
}

/// The region of the profile that the shared files have for this environment. Where
/// the host signs, nothing is read of them: the keys are beside it.
///
/// # Errors
///
/// Why the files that there are cannot be used.
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
        name: "region of the profile",
    };
    match region {
        Ok(region) => Ok(region.map(named)),
        Err(error) if absence(&error).is_some() => Ok(None),
        Err(error) => Err(into_error(&error)),
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

    /// The sources, in the SDK's order.
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
    /// The keys that are given as they are; none where a source is asked for some.
    pub fn keys(&self) -> Option<&Credentials> {
        match &self.source {
            Source::Keys(keys) => Some(keys),
            Source::Chain(_) => None,
        }
    }

    /// Asks the sources, on `platform`.
    pub fn provider<P: Platform>(self, platform: &Rc<P>) -> Rc<dyn ProvideCredentials> {
        let base: Box<dyn ProvideCredentials> = match self.source {
            Source::Keys(keys) => Box::new(keys),
            Source::Chain(names) => Box::new(names.chain(platform, &self.sts)),
        };
        match self.role {
            None => base.into(),
            Some(role) => Rc::new(AssumeRole {
                role,
                base,
                sts: Sts::new(Rc::clone(platform), assume_role::SOURCE, self.sts),
            }),
        }
    }
}
