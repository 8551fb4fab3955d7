//! Where the files are: what is read of them, and which of them have to be there.

use crate::config::{Field, Fields};
use crate::credentials::failure::{absent, misconfigured};
use crate::credentials::files::unreadable;
use crate::credentials::shared_files::profiles::{Kind, Profiles};
use crate::platform::Files;
use crate::state::key::quote;
use aws_credential_types::provider::error::CredentialsError;

const CONFIG_FILE: &str = "AWS_CONFIG_FILE";
const CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
const PROFILE: &str = "AWS_PROFILE";

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1_024 * 1_024;

/// Where the files are and which profile is asked for, as the environment says.
#[derive(Clone, Debug)]
pub(in crate::credentials) struct Locations {
    config: Option<Field>,
    credentials: Option<Field>,
    profile: Option<Field>,
    home: Option<Field>,
}

impl Locations {
    pub(in crate::credentials) fn new(fields: &Fields<'_>) -> Self {
        Self {
            config: fields.environment(CONFIG_FILE),
            credentials: fields.environment(CREDENTIALS_FILE),
            profile: fields.environment(PROFILE),
            home: fields.environment("HOME"),
        }
    }

    /// A file's path, and whether somebody gave it: then it has to be there.
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

/// What the files say. Two files make one set: of a profile in both, the
/// credentials file's properties stand.
pub(super) fn profiles(
    locations: &Locations,
    files: &dyn Files,
) -> Result<Profiles, CredentialsError> {
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
            // Nobody said that there is one.
            (Err(_), None) => {}
        }
    }
    if !is_there {
        return Err(match &locations.profile {
            Some(profile) => misconfigured(format!(
                "`{PROFILE}` names profile {}, but there is no file to read it from: set {CONFIG_FILE} or {CREDENTIALS_FILE}, and have the host lend their directory",
                quote(&profile.value)
            )),
            None => absent(
                "no shared files: neither AWS_SHARED_CREDENTIALS_FILE nor AWS_CONFIG_FILE is set, and there is no `.aws` in HOME",
            ),
        });
    }
    Ok(profiles)
}
