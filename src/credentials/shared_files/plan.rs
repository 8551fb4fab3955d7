//! The plan for a profile: the source of its first credentials, and the roles that are assumed
//! with them, one after the other. The rules are the SDK's (`profile/credentials/repr.rs` of
//! aws-config).

use super::profiles::{DEFAULT, Profile, Profiles};
use super::{SOURCE, unusable};
use crate::credentials::keys::Parts;
use crate::credentials::role::Role;
use crate::credentials::source::{NoCredentials, absent, misconfigured};
use crate::credentials::web_identity;
use crate::text::quote;
use aws_credential_types::Credentials;

/// The properties that need a program or a browser, which a component does not have.
const UNSUPPORTED: &[&str] = &[
    "credential_process",
    "login_session",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
];

/// The remedy for a profile with an unsupported property.
const INSTEAD: &str = "name another profile with AWS_PROFILE, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (`aws configure export-credentials --format env` of AWS CLI version 2 prints them)";

/// The steps to the credentials of a profile.
#[derive(Debug)]
pub(super) struct Plan {
    /// The profile that the first credentials come from.
    pub(super) profile: String,
    pub(super) base: Base,
    /// The roles, in the order in which they are assumed.
    pub(super) roles: Vec<Role>,
}

/// The source of the first credentials.
#[derive(Debug)]
pub(super) enum Base {
    Keys(Credentials),
    Named(Named),
    WebIdentity(web_identity::Settings),
}

/// A source that a profile names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Environment,
    Container,
    InstanceMetadata,
}

/// Returns the plan for the selected profile.
///
/// # Errors
///
/// Absent if the selected profile has no credentials, or if it is `default` and does not exist.
/// Otherwise the fault of the profile. A missing `default` is also a fault if a line outside
/// the sections is invalid: the profile may exist after all, and no other source may replace it.
pub(super) fn plan(profiles: &Profiles) -> Result<Plan, NoCredentials> {
    let selected = profiles.selected();
    let aside = profiles.stray().map(|fault| format!(" ({fault})"));
    let aside = aside.unwrap_or_default();
    if selected == DEFAULT && matches!(profiles.get(DEFAULT), Ok(None)) {
        let sentence = format!("the shared files have no profile `default`{aside}");
        return Err(match profiles.stray() {
            None => absent(sentence),
            Some(_) => misconfigured(sentence),
        });
    }
    let mut visited: Vec<&str> = Vec::new();
    let mut roles = Vec::new();
    let mut name = selected;
    let base = loop {
        let profile = profiles.get(name).map_err(unusable)?;
        let profile = profile.ok_or_else(|| match visited.last() {
            Some(by) => misconfigured(format!(
                "profile {} has `source_profile` {}, which the shared files do not have{aside}",
                quote(by),
                quote(name)
            )),
            None => misconfigured(format!(
                "the shared files have no profile {}, which AWS_PROFILE names{aside}: correct the variable, or add the profile",
                quote(name)
            )),
        })?;
        if visited.contains(&name) {
            return Err(misconfigured(format!(
                "profile {} never reaches credentials: its chain of `source_profile` leads back to {}",
                quote(selected),
                quote(name)
            )));
        }
        visited.push(name);
        // If another profile names this one, its keys take precedence over its role.
        if visited.len() > 1
            && let Ok(Some(keys)) = keys(profile)
        {
            break Base::Keys(keys);
        }
        match role(profile)? {
            None => break base(profile, visited.len() == 1)?,
            Some(role) => roles.push(role),
        }
        match (
            profile.get("source_profile"),
            profile.get("credential_source"),
        ) {
            (Some(_), Some(_)) => {
                return Err(misconfigured(format!(
                    "profile {} has both `source_profile` and `credential_source`: remove one",
                    quote(name)
                )));
            }
            (None, None) => {
                return Err(misconfigured(format!(
                    "profile {} has `role_arn`, but neither `source_profile` nor `credential_source`: add one",
                    quote(name)
                )));
            }
            (Some(source), None) if source != name => name = source,
            (Some(_), None) | (None, Some(_)) => break base(profile, false)?,
        }
    };
    roles.reverse();
    Ok(Plan {
        profile: name.to_owned(),
        base,
        roles,
    })
}

/// Returns the role that a profile assumes with other credentials.
fn role(profile: Profile<'_>) -> Result<Option<Role>, NoCredentials> {
    let text = |name: &str| profile.get(name).map(str::to_owned);
    if profile.get("web_identity_token_file").is_some() {
        return Ok(None);
    }
    let Some(arn) = text("role_arn") else {
        return Ok(None);
    };
    if profile.get("mfa_serial").is_some() {
        return Err(misconfigured(format!(
            "profile {} has `mfa_serial`, which needs a person to enter a code: {INSTEAD}",
            quote(profile.name())
        )));
    }
    let role = Role::new(arn, text("role_session_name"), text("external_id"));
    Ok(Some(role.lasting(text("duration_seconds"))))
}

/// Returns the source of a profile's own credentials. A profile without credentials is absent
/// if it `may_lack` them, and a fault if another profile needs them.
fn base(profile: Profile<'_>, may_lack: bool) -> Result<Base, NoCredentials> {
    let name = quote(profile.name());
    if let Some(source) = profile.get("credential_source") {
        return match source.to_ascii_lowercase().as_str() {
            "environment" => Ok(Base::Named(Named::Environment)),
            "ecscontainer" => Ok(Base::Named(Named::Container)),
            "ec2instancemetadata" => Ok(Base::Named(Named::InstanceMetadata)),
            _ => Err(misconfigured(format!(
                "profile {name} has an unknown `credential_source`: must be `Environment`, `EcsContainer` or `Ec2InstanceMetadata`"
            ))),
        };
    }
    match (
        profile.get("role_arn"),
        profile.get("web_identity_token_file"),
    ) {
        (Some(arn), Some(file)) => {
            let session_name = profile.get("role_session_name").map(str::to_owned);
            return Ok(Base::WebIdentity(web_identity::Settings {
                token_file: file.to_owned(),
                named_by: format!("web_identity_token_file of profile {name}"),
                role: Role::new(arn.to_owned(), session_name, None),
            }));
        }
        (None, Some(_)) => {
            return Err(misconfigured(format!(
                "profile {name} has `web_identity_token_file` without `role_arn`: set both or neither"
            )));
        }
        (_, None) => {}
    }
    if let Some(property) = UNSUPPORTED
        .iter()
        .find(|property| profile.get(property).is_some())
    {
        return Err(misconfigured(format!(
            "profile {name} has `{property}`, which needs a program or a browser, and a component has neither: {INSTEAD}"
        )));
    }
    match keys(profile) {
        Ok(Some(keys)) => Ok(Base::Keys(keys)),
        Ok(None) if may_lack => Err(absent(format!("profile {name} has no credentials"))),
        Ok(None) => Err(misconfigured(format!(
            "profile {name} has no credentials, and another profile needs them: add `aws_access_key_id` and `aws_secret_access_key`"
        ))),
        Err(why) => Err(misconfigured(format!("profile {name}: {why}"))),
    }
}

fn keys(profile: Profile<'_>) -> Result<Option<Credentials>, String> {
    let part = |name: &'static str| (name, profile.get(name).filter(|text| !text.is_empty()));
    Parts {
        access_key: part("aws_access_key_id"),
        secret_key: part("aws_secret_access_key"),
        session_token: part("aws_session_token"),
    }
    .join(SOURCE, None)
}
