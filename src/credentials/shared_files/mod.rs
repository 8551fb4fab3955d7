//! The files that AWS's tools share, `~/.aws/config` and `~/.aws/credentials`, if the host
//! grants access to their directory. `profiles` parses them, and `plan` decides what the
//! selected profile asks for. The files are read again at each refresh, because other tools
//! write them.

mod plan;
mod profiles;

use super::container::Container;
use super::instance_metadata::InstanceMetadata;
use super::source::{
    CredentialsSource, Fetched, Fetching, NoCredentials, absent, misconfigured, unreadable,
};
use super::sts::Sts;
use super::web_identity;
use crate::fields::{Field, Fields};
use crate::http::{Files, Platform};
use crate::text::{quote, remember};
use plan::{Base, Named, Plan};
use profiles::{Fault, Kind, Profiles};

/// The name of the source.
const SOURCE: &str = "shared files";

/// The name of STS in error sentences about the role of a profile.
pub(super) const STS: &str = "STS (a profile's role)";

/// Returns the region of the selected profile. Registers the secrets of the profile for
/// redaction, because one of them may be in the place of the region by mistake.
pub(super) fn region(
    locations: &Locations,
    files: &dyn Files,
) -> Result<Option<String>, NoCredentials> {
    let profiles = read(locations, files)?;
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

/// Returns the error for a needed profile that has an invalid line.
fn unusable(fault: &Fault) -> NoCredentials {
    misconfigured(fault.to_string())
}

/// The source of a profile's credentials.
pub(super) struct SharedFiles<P> {
    pub(super) locations: Locations,
    pub(super) sts: Sts<P>,
    /// The sources that a profile can name as its `credential_source`.
    pub(super) container: Container<P>,
    pub(super) instance_metadata: InstanceMetadata<P>,
}

impl<P: Platform> SharedFiles<P> {
    /// Asks the source that a profile names. It is an error if that source is absent.
    async fn named(&self, profile: &str, named: Named) -> Fetched {
        let (name, given) = match named {
            // The environment is asked before the shared files, so it has no credentials here.
            Named::Environment => ("Environment", Err(absent("AWS_ACCESS_KEY_ID is not set"))),
            Named::Container => ("EcsContainer", self.container.credentials().await),
            Named::InstanceMetadata => {
                let given = self.instance_metadata.credentials().await;
                ("Ec2InstanceMetadata", given)
            }
        };
        given.map_err(|error| match error {
            NoCredentials::Absent(why) => misconfigured(format!(
                "profile {} has `credential_source` {name}, which returns no credentials: {why}",
                quote(profile)
            )),
            NoCredentials::Broken(_) => error,
        })
    }
}

impl<P: Platform> CredentialsSource for SharedFiles<P> {
    fn credentials(&self) -> Fetching<'_> {
        Box::pin(async move {
            let Plan {
                profile,
                base,
                roles,
            } = {
                let profiles = read(&self.locations, self.sts.files())?;
                plan::plan(&profiles)?
            };
            let mut credentials = match base {
                Base::Keys(credentials) => credentials,
                Base::Named(named) => self.named(&profile, named).await?,
                Base::WebIdentity(settings) => {
                    web_identity::credentials(&settings, &self.sts).await?
                }
            };
            for role in &roles {
                credentials = self.sts.assume_role(role, &credentials).await?;
            }
            Ok(credentials)
        })
    }
}

const CONFIG_FILE: &str = "AWS_CONFIG_FILE";
const CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
const PROFILE: &str = "AWS_PROFILE";

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1_024 * 1_024;

/// The paths of the files and the selected profile, from the environment.
#[derive(Clone, Debug)]
pub(super) struct Locations {
    config: Option<Field>,
    credentials: Option<Field>,
    profile: Option<Field>,
    home: Option<Field>,
}

impl Locations {
    pub(super) fn new(fields: &Fields<'_>) -> Self {
        Self {
            config: fields.environment(CONFIG_FILE),
            credentials: fields.environment(CREDENTIALS_FILE),
            profile: fields.environment(PROFILE),
            home: fields.environment("HOME"),
        }
    }

    /// Returns the path of a file, and the variable that sets it. A file that a variable names
    /// must exist.
    fn path(&self, given: Option<&Field>, name: &str) -> Option<(String, Option<&'static str>)> {
        let home = self
            .home
            .as_ref()
            .map(|home| home.value.trim_end_matches('/'));
        match given {
            Some(field) => {
                let path = match (field.value.strip_prefix("~/"), home) {
                    (Some(rest), Some(home)) => format!("{home}/{rest}"),
                    _ => field.value.clone(),
                };
                Some((path, Some(field.name)))
            }
            None => Some((format!("{}/.aws/{name}", home?), None)),
        }
    }
}

/// Reads both files into one set of profiles. If both files have a profile, the properties of
/// the credentials file override those of the config file.
fn read(locations: &Locations, files: &dyn Files) -> Result<Profiles, NoCredentials> {
    let selected = locations.profile.as_ref();
    let mut profiles = Profiles::new(selected.map(|field| &*field.value));
    let mut is_there = false;
    for (given, name, kind) in [
        (&locations.config, "config", Kind::Config),
        (&locations.credentials, "credentials", Kind::Credentials),
    ] {
        let Some((path, given)) = locations.path(given.as_ref(), name) else {
            continue;
        };
        match (files.read(&path, LONGEST), given) {
            (Ok(bytes), _) => {
                is_there = true;
                profiles.add(kind, &path, &bytes);
            }
            (Err(error), Some(variable)) => {
                return Err(misconfigured(format!(
                    "`{variable}` names {}, which {}",
                    quote(&path),
                    unreadable(&error)
                )));
            }
            // No variable names the file, so it may be absent.
            (Err(_), None) => {}
        }
    }
    if !is_there {
        return Err(match &locations.profile {
            Some(profile) => misconfigured(format!(
                "`{PROFILE}` names profile {}, but there is no file to read it from: grant the component the folder `.aws` of HOME, or set {CONFIG_FILE} or {CREDENTIALS_FILE} and grant its directory",
                quote(&profile.value)
            )),
            None => absent(
                "no shared files: neither AWS_SHARED_CREDENTIALS_FILE nor AWS_CONFIG_FILE is set, and there is no `.aws` in HOME",
            ),
        });
    }
    Ok(profiles)
}
