//! Whether and where instance metadata is asked, as the environment says.

use crate::aws::endpoint::Endpoint;
use crate::config::{Field, Fields};
use crate::credentials::failure::{absent, misconfigured};
use aws_credential_types::provider::error::CredentialsError;

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const ENDPOINT_MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";

/// Where every instance has it.
const AWS: &str = "http://169.254.169.254";
const AWS_V6: &str = "http://[fd00:ec2::254]";

/// What the environment says.
#[derive(Clone, Debug)]
pub(in crate::credentials) struct Settings {
    endpoint: Option<Field>,
    mode: Option<Field>,
    disabled: Option<Field>,
}

impl Settings {
    pub(in crate::credentials) fn new(fields: &Fields<'_>) -> Self {
        Self {
            endpoint: fields.environment(ENDPOINT),
            mode: fields.environment(ENDPOINT_MODE),
            disabled: fields.environment(DISABLED),
        }
    }

    /// Where it is asked.
    pub(super) fn endpoint(&self) -> Result<Endpoint, CredentialsError> {
        let is_v6 = match &self.mode {
            None => false,
            Some(mode) if mode.value.eq_ignore_ascii_case("ipv4") => false,
            Some(mode) if mode.value.eq_ignore_ascii_case("ipv6") => true,
            Some(_) => {
                return Err(misconfigured(format!(
                    "`{ENDPOINT_MODE}` is neither `IPv4` nor `IPv6`"
                )));
            }
        };
        let url = match &self.endpoint {
            Some(given) => &given.value,
            None if is_v6 => AWS_V6,
            None => AWS,
        };
        Endpoint::parse(url).map_err(|why| {
            misconfigured(format!(
                "`{ENDPOINT}` is not usable, {why}: give a URL such as `{AWS}`"
            ))
        })
    }

    /// Whether somebody said where it is.
    pub(super) fn is_named(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Absent where somebody wants it not to be asked.
    pub(super) fn check_enabled(&self) -> Result<(), CredentialsError> {
        let disabled = self.disabled.as_ref();
        match disabled.is_some_and(|field| field.value.eq_ignore_ascii_case("true")) {
            true => Err(absent(format!("{DISABLED} is set"))),
            false => Ok(()),
        }
    }
}
