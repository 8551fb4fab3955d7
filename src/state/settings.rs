//! The table of a state store and how it is used, as metadata and environment say.

use super::Consistency;
use super::item::{CONTENT_TYPE, ETAG, VALUE};
use crate::dynamodb::Repeat;
use crate::error::Error;
use crate::fields::{Field, Fields, TABLE_VARIABLE, missing};
use crate::limits::{CONFIGURED_NAME_CHARACTERS, TABLE_NAME_CHARACTERS};

/// The attribute that Dapr's tables have as their partition key.
const PARTITION_KEY: &str = "key";

/// The settings of a state store beside those of its client.
#[derive(Clone, Debug)]
pub struct Settings {
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

/// A table's name or its ARN; the rest of what DynamoDB demands of it, it says
/// itself.
///
/// # Errors
///
/// `invalid-configuration`, naming the field and the remedy.
pub fn table_name(fields: &Fields<'_>) -> Result<String, Error> {
    let field = fields
        .field(&["table"], &[TABLE_VARIABLE])
        .ok_or_else(|| missing("table", "the DynamoDB table's name", TABLE_VARIABLE))?;
    let is_of_a_name = |b: u8| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b);
    let is_short = field.value.len() <= TABLE_NAME_CHARACTERS;
    if is_short && field.value.bytes().all(is_of_a_name) {
        Ok(field.value)
    } else {
        Err(field.refused("no DynamoDB table is called so; give a name of at most 255 letters, digits, `_`, `-` and `.`",
        ))
    }
}

impl Table {
    /// The table of that name and its attributes. Two attributes of an item cannot have
    /// one name.
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(fields: &Fields<'_>, name: String) -> Result<Self, Error> {
        const IN_USE: &str = "the items use that attribute already; choose another";
        let partition_key = fields.field(&["partitionKey"], &["DYNAMODB_PARTITION_KEY"]);
        let ttl = fields.field(&["ttlAttributeName"], &["DYNAMODB_TTL_ATTRIBUTE_NAME"]);
        let own = |field: &&Field| [VALUE, ETAG, CONTENT_TYPE].contains(&field.value.as_str());
        if let Some(field) = partition_key.iter().chain(&ttl).find(own) {
            return Err(field.refused(IN_USE));
        }
        let long = |field: &&Field| field.value.chars().count() > CONFIGURED_NAME_CHARACTERS;
        if let Some(field) = partition_key.iter().chain(&ttl).find(long) {
            return Err(field.refused("give at most 255 characters"));
        }
        let partition_key =
            partition_key.map_or_else(|| PARTITION_KEY.to_owned(), |field| field.value);
        match ttl {
            Some(ttl) if ttl.value == partition_key => Err(ttl.refused(IN_USE)),
            ttl => Ok(Self {
                name,
                partition_key,
                ttl_attribute: ttl.map(|field| field.value),
            }),
        }
    }
}

impl Consistency {
    /// Reads `consistency`, which counts for reads that ask for neither.
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(fields: &Fields<'_>) -> Result<Self, Error> {
        let Some(field) = fields.field(&["consistency"], &["DYNAMODB_CONSISTENCY"]) else {
            return Ok(Self::Eventual);
        };
        match field.value.to_ascii_lowercase().as_str() {
            "eventual" => Ok(Self::Eventual),
            "strong" => Ok(Self::Strong),
            _ => Err(field.refused("give `eventual` or `strong`")),
        }
    }
}
