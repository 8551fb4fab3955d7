//! The settings of a client, from metadata and environment: endpoint, region, signing,
//! limits and retries of writes.

use super::SERVICE;
use crate::aws::Limits;
use crate::aws::endpoint::Endpoint;
use crate::credentials::{Signing, region_of_the_profile};
use crate::error::Error;
use crate::fields::{Field, Fields, missing};
use crate::http::Files;

/// The region in signatures if only an endpoint is configured.
const REGION_OF_AN_ENDPOINT: &str = "us-east-1";

/// Maximum length of a region's name. AWS's own names have about 15 characters.
const REGION_CHARACTERS: usize = 255;

/// The settings of a client of DynamoDB.
#[derive(Debug)]
pub struct ClientConfig {
    /// The endpoint of DynamoDB.
    pub endpoint: Endpoint,
    /// The region in signatures.
    pub region: String,
    /// The signer of the requests.
    pub signing: Signing,
    /// The timeouts and the maximum number of attempts.
    pub limits: Limits,
}

/// Decides whether an operation is sent again after an attempt that may have been applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// Repeat it: a repetition has no second effect, or the user accepts one.
    #[default]
    Always,
    /// Repeat it while DynamoDB is certain to remember the token of the first attempt.
    ByToken,
    /// Do not repeat it.
    Never,
}

impl ClientConfig {
    /// Reads the limits and the signer for a client of DynamoDB at `endpoint`.
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(fields: &Fields<'_>, endpoint: Endpoint, region: String) -> Result<Self, Error> {
        let limits = Limits::parse(fields)?;
        Ok(Self {
            signing: Signing::parse(fields, &region, limits)?,
            endpoint,
            region,
            limits,
        })
    }
}

impl Repeat {
    /// Reads `unconfirmedWrites`. It decides whether a write whose response was lost is
    /// sent again although it may have been applied.
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(fields: &Fields<'_>) -> Result<Self, Error> {
        let variable = "DYNAMODB_UNCONFIRMED_WRITES";
        let Some(field) = fields.field(&["unconfirmedWrites"], &[variable]) else {
            return Ok(Self::Never);
        };
        match field.value.to_ascii_lowercase().as_str() {
            "report" => Ok(Self::Never),
            "repeat" => Ok(Self::Always),
            _ => Err(field.refused("must be `report` or `repeat`")),
        }
    }
}

/// Reads the endpoint for requests and the region in signatures.
///
/// # Errors
///
/// `invalid-configuration`, naming the field and the remedy.
pub fn endpoint(fields: &Fields<'_>, files: &dyn Files) -> Result<(Endpoint, String), Error> {
    let endpoint = fields.field(
        &["endpoint"],
        &["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"],
    );
    let region = fields.field(
        &["region", "awsRegion"],
        &["AWS_REGION", "AWS_DEFAULT_REGION"],
    );
    let (region, unread) = match region {
        Some(region) => (Some(region), None),
        None => match region_of_the_profile(fields, files) {
            Ok(region) => (region, None),
            Err(error) => (None, Some(error)),
        },
    };
    match (endpoint, region) {
        (Some(url), None) => Ok((parse_endpoint(&url)?, REGION_OF_AN_ENDPOINT.to_owned())),
        (Some(url), Some(region)) => {
            let carried = |b: u8| b.is_ascii_graphic() || b == b' ';
            if region.value.len() > REGION_CHARACTERS {
                Err(region.refused("must have at most 255 characters"))
            } else if region.value.bytes().all(carried) {
                Ok((parse_endpoint(&url)?, region.value))
            } else {
                Err(region.refused("it contains a character that a header cannot carry; use only printable ASCII characters"))
            }
        }
        (None, Some(region)) => match Endpoint::of_region(SERVICE, &region.value) {
            Some(endpoint) => Ok((endpoint, region.value)),
            None => {
                Err(region.refused("not an AWS region; use a name such as `eu-west-1`, or set `endpoint` to use another server"))
            }
        },
        // An error of the shared files comes first: the user configured them for the region.
        (None, None) => Err(unread.unwrap_or_else(|| {
            missing("region", "an AWS region such as `eu-west-1` (or set `endpoint` to use another server)", "AWS_REGION")
        })),
    }
}

/// Parses the URL of an endpoint. The error does not quote the URL, which may contain a
/// password.
fn parse_endpoint(url: &Field) -> Result<Endpoint, Error> {
    Endpoint::parse(&url.value).map_err(|why| {
        Error::InvalidConfiguration(format!(
            "invalid `{}`: {why}; set a URL such as `http://localhost:8000`",
            url.name
        ))
    })
}
