//! Where the files are, and what is in them: read by the SDK's own parser.

use crate::config::{Field, Fields};
use crate::credentials::failure::{absent, misconfigured};
use crate::credentials::files::unreadable;
use crate::platform::Files;
use crate::state::key::quote;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::EnvConfigSections;
use aws_runtime::env_config::source;
use aws_types::os_shim_internal::{Env, Fs};
use futures_util::FutureExt;
use std::collections::HashMap;
use std::io::ErrorKind;

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
) -> Result<EnvConfigSections, CredentialsError> {
    let mut builder = EnvConfigFiles::builder();
    let mut contents: HashMap<String, Vec<u8>> = HashMap::new();
    for (given, name, kind) in [
        (&locations.config, "config", EnvConfigFileKind::Config),
        (
            &locations.credentials,
            "credentials",
            EnvConfigFileKind::Credentials,
        ),
    ] {
        let Some((path, given)) = locations.path(given.as_ref(), name) else {
            continue;
        };
        match (files.read(&path, LONGEST), given) {
            (Ok(bytes), _) => {
                if std::str::from_utf8(&bytes).is_err() {
                    return Err(misconfigured(format!(
                        "{} is no text in UTF-8",
                        quote(&path)
                    )));
                }
                builder = builder.with_file(kind, &path);
                contents.insert(path, bytes);
            }
            (Err(error), Some(variable)) => {
                return Err(misconfigured(format!(
                    "`{variable}` names {}, which {}",
                    quote(&path),
                    unreadable(&error)
                )));
            }
            (Err(error), None) if is_missing(error.kind()) => {}
            (Err(error), None) => {
                return Err(misconfigured(format!(
                    "{} {}",
                    quote(&path),
                    unreadable(&error)
                )));
            }
        }
    }
    if contents.is_empty() {
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
    parse(locations, contents, &builder.build())
}

/// With a file, some parser's errors name it by its path and line.
fn parse(
    locations: &Locations,
    contents: HashMap<String, Vec<u8>>,
    which: &EnvConfigFiles,
) -> Result<EnvConfigSections, CredentialsError> {
    let profile = locations
        .profile
        .as_ref()
        .map(|field| (PROFILE, field.value.as_str()));
    let environment = Env::from_slice(profile.as_slice());
    let files = Fs::from_map(contents);
    let unusable = |why: String| misconfigured(format!("the shared files are not usable: {why}"));
    // Nothing is waited for: the contents are there.
    let loaded = source::load(&environment, &files, which).now_or_never();
    let source = loaded.ok_or_else(|| unusable("they are not loaded".to_owned()))?;
    let source = source.map_err(|error| unusable(error.to_string()))?;
    EnvConfigSections::parse(source).map_err(|error| unusable(error.to_string()))
}

fn is_missing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
