//! Metadata and environment, parsed once into one typed [`Config`]. Nothing
//! downstream sees a string map.
//!
//! A field comes from the metadata, under its name or an alias, in any ASCII
//! case; where the metadata lacks it, from the environment. An empty value
//! counts as absent.

mod attempts;
pub mod duration;
mod fields;

pub use fields::{Field, Fields, ignored, unknown};

use crate::aws::endpoint::Endpoint;
use crate::aws::{ClientConfig, Limits, Repeat, SERVICE};
use crate::credentials::{Signing, region_of_the_profile};
use crate::error::Error;
use crate::limits::{CONFIGURED_NAME_CHARACTERS, TABLE_NAME_CHARACTERS};
use crate::platform::Files;
use crate::state::item::{CONTENT_TYPE, ETAG, VALUE};
use crate::state::key::quote;
use crate::state::model::Consistency;

/// The region that is signed for where only an endpoint is given.
const REGION_OF_AN_ENDPOINT: &str = "us-east-1";

/// Longest name of a region; AWS's own have about 15 characters.
const REGION_CHARACTERS: usize = 255;

/// The attribute that Dapr's tables have as their partition key.
const PARTITION_KEY: &str = "key";

/// The environment variable that names the table, without which a component
/// that was never told its metadata is not configured.
pub const TABLE_VARIABLE: &str = "DYNAMODB_TABLE";

/// Everything that can be configured.
#[derive(Debug)]
pub struct Config {
    /// How to reach DynamoDB.
    pub client: ClientConfig,
    /// The table and its attributes.
    pub table: Table,
    /// For reads that ask for neither.
    pub consistency: Consistency,
    /// Repeats writes that would not recognise their own repetition, or not.
    pub unconfirmed_writes: Repeat,
}

/// The table, and the names of the attributes that can be configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The attribute that is its partition key.
    pub partition_key: String,
    /// The attribute that holds the time to live; none: it is off.
    pub ttl_attribute: Option<String>,
}

impl Config {
    /// Parses `metadata`, with `environment` for what it lacks and the region of the
    /// profile in the shared `files` for what that lacks. Names that mean nothing are
    /// passed over: see [`unknown`].
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(
        metadata: &[(String, String)],
        environment: &dyn Fn(&str) -> Option<String>,
        files: &dyn Files,
    ) -> Result<Self, Error> {
        let fields = Fields::new(metadata, environment);
        refuse_encryption(&fields)?;
        let name = table_name(&fields)?;
        let (endpoint, region) = endpoint(&fields, files)?;
        let table = table(&fields, name)?;
        let max_attempts = attempts::max_attempts(&fields)?;
        let limits = Limits {
            connect_timeout: attempts::connect_timeout(&fields)?,
            request_timeout: attempts::request_timeout(&fields, max_attempts)?,
            max_attempts,
        };
        let client = ClientConfig {
            signing: Signing::parse(&fields, &region, limits)?,
            endpoint,
            region,
            limits,
        };
        Ok(Self {
            client,
            table,
            consistency: consistency(&fields)?,
            unconfirmed_writes: unconfirmed_writes(&fields)?,
        })
    }
}

/// Refuses the keys that Dapr encrypts values with. The runtime does that, outside
/// the component: one that ignored them would store values in plain text.
///
/// Source: "Encrypt application state" in Dapr's documentation.
fn refuse_encryption(fields: &Fields<'_>) -> Result<(), Error> {
    for name in ["primaryEncryptionKey", "secondaryEncryptionKey"] {
        if fields.given(&[name]).is_some() {
            return Err(Error::InvalidConfiguration(format!(
                "`{name}` is given, but this component does not encrypt, and values would be stored in plain text: remove the field, or use a host that encrypts values itself (as Dapr's runtime does) and removes the field before `init`"
            )));
        }
    }
    Ok(())
}

fn missing(field: &str, what: &str, variable: &str) -> Error {
    Error::InvalidConfiguration(format!(
        "`{field}` is missing: give {what}, or set {variable} in the environment"
    ))
}

fn refused(field: &Field, remedy: &str) -> Error {
    Error::InvalidConfiguration(format!(
        "`{}` is {}: {remedy}",
        field.name,
        quote(&field.value)
    ))
}

/// A table's name or its ARN; the rest of what DynamoDB demands of it, it says
/// itself.
fn table_name(fields: &Fields<'_>) -> Result<String, Error> {
    let field = fields
        .field(&["table"], &[TABLE_VARIABLE])
        .ok_or_else(|| missing("table", "the DynamoDB table's name", TABLE_VARIABLE))?;
    let is_of_a_name = |b: u8| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b);
    let is_short = field.value.len() <= TABLE_NAME_CHARACTERS;
    if is_short && field.value.bytes().all(is_of_a_name) {
        Ok(field.value)
    } else {
        Err(refused(
            &field,
            "no DynamoDB table is called so; give a name of at most 255 letters, digits, `_`, `-` and `.`",
        ))
    }
}

/// Where requests go, and the region that is signed for.
fn endpoint(fields: &Fields<'_>, files: &dyn Files) -> Result<(Endpoint, String), Error> {
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
                Err(refused(&region, "give at most 255 characters"))
            } else if region.value.bytes().all(carried) {
                Ok((parse_endpoint(&url)?, region.value))
            } else {
                Err(refused(
                    &region,
                    "it holds a character that no request can carry",
                ))
            }
        }
        (None, Some(region)) => match Endpoint::of_region(SERVICE, &region.value) {
            Some(endpoint) => Ok((endpoint, region.value)),
            None => Err(refused(
                &region,
                "no AWS region is called so; give a name such as `eu-west-1`",
            )),
        },
        // Who names files means to have the region in them.
        (None, None) => Err(unread.unwrap_or_else(|| {
            missing("region", "an AWS region such as `eu-west-1`", "AWS_REGION")
        })),
    }
}

/// The URL is not quoted: it may hold a password.
fn parse_endpoint(url: &Field) -> Result<Endpoint, Error> {
    Endpoint::parse(&url.value).map_err(|why| {
        Error::InvalidConfiguration(format!(
            "`{}` is not usable, {why}: give a URL such as `http://localhost:8000`",
            url.name
        ))
    })
}

/// Two attributes of an item cannot have one name.
fn table(fields: &Fields<'_>, name: String) -> Result<Table, Error> {
    const IN_USE: &str = "the items use that attribute already; choose another";
    let partition_key = fields.field(&["partitionKey"], &["DYNAMODB_PARTITION_KEY"]);
    let ttl = fields.field(&["ttlAttributeName"], &["DYNAMODB_TTL_ATTRIBUTE_NAME"]);
    let own = |field: &&Field| [VALUE, ETAG, CONTENT_TYPE].contains(&field.value.as_str());
    if let Some(field) = partition_key.iter().chain(&ttl).find(own) {
        return Err(refused(field, IN_USE));
    }
    let long = |field: &&Field| field.value.chars().count() > CONFIGURED_NAME_CHARACTERS;
    if let Some(field) = partition_key.iter().chain(&ttl).find(long) {
        return Err(refused(field, "give at most 255 characters"));
    }
    let partition_key = partition_key.map_or_else(|| PARTITION_KEY.to_owned(), |field| field.value);
    match ttl {
        Some(ttl) if ttl.value == partition_key => Err(refused(&ttl, IN_USE)),
        ttl => Ok(Table {
            name,
            partition_key,
            ttl_attribute: ttl.map(|field| field.value),
        }),
    }
}

fn consistency(fields: &Fields<'_>) -> Result<Consistency, Error> {
    let Some(field) = fields.field(&["consistency"], &["DYNAMODB_CONSISTENCY"]) else {
        return Ok(Consistency::Eventual);
    };
    match field.value.to_ascii_lowercase().as_str() {
        "eventual" => Ok(Consistency::Eventual),
        "strong" => Ok(Consistency::Strong),
        _ => Err(refused(&field, "give `eventual` or `strong`")),
    }
}

/// Reads `unconfirmedWrites`: whether a write whose answer was lost is sent again
/// although it may have been applied.
fn unconfirmed_writes(fields: &Fields<'_>) -> Result<Repeat, Error> {
    let variable = "DYNAMODB_UNCONFIRMED_WRITES";
    let Some(field) = fields.field(&["unconfirmedWrites"], &[variable]) else {
        return Ok(Repeat::Never);
    };
    match field.value.to_ascii_lowercase().as_str() {
        "report" => Ok(Repeat::Never),
        "repeat" => Ok(Repeat::Always),
        _ => Err(refused(&field, "give `report` or `repeat`")),
    }
}

#[cfg(test)]
mod lengths;
#[cfg(test)]
mod tests;
