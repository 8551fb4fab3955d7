//! The configured table of a state store, and how the store uses it.

use super::Consistency;
use super::item::{CONTENT_TYPE, ETAG, VALUE};
use crate::dynamodb::Repeat;
use crate::error::Error;
use crate::fields::{Field, Fields, TABLE_VARIABLE, missing};
use crate::limits::{CONFIGURED_NAME_CHARACTERS, TABLE_NAME_CHARACTERS};

/// The default partition key, which is that of Dapr's tables.
const PARTITION_KEY: &str = "key";

/// The settings of a state store, apart from those of its client.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The table and its attributes.
    pub table: Table,
    /// The consistency of reads that do not choose one.
    pub consistency: Consistency,
    /// The retry rule for writes that cannot recognise their own retry.
    pub unconfirmed_writes: Repeat,
}

/// The table, and the names of the attributes that can be configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The table's name or ARN.
    pub name: String,
    /// The attribute that is the partition key.
    pub partition_key: String,
    /// The attribute that holds the expiry; none if time to live is off.
    pub ttl_attribute: Option<String>,
}

/// Reads the table's name or ARN. DynamoDB itself reports further faults of it.
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
        Err(field.refused("not a valid DynamoDB table name; set a name of at most 255 letters, digits, `_`, `-` and `.`, or an ARN",
        ))
    }
}

impl Table {
    /// Reads the attribute names of the table `name`. Two attributes of an item cannot have
    /// the same name.
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(fields: &Fields<'_>, name: String) -> Result<Self, Error> {
        const IN_USE: &str = "each item already has an attribute of this name; set another name";
        let partition_key = fields.field(&["partitionKey"], &["DYNAMODB_PARTITION_KEY"]);
        let ttl = fields.field(&["ttlAttributeName"], &["DYNAMODB_TTL_ATTRIBUTE_NAME"]);
        let own = |field: &&Field| [VALUE, ETAG, CONTENT_TYPE].contains(&field.value.as_str());
        if let Some(field) = partition_key.iter().chain(&ttl).find(own) {
            return Err(field.refused(IN_USE));
        }
        let long = |field: &&Field| field.value.chars().count() > CONFIGURED_NAME_CHARACTERS;
        if let Some(field) = partition_key.iter().chain(&ttl).find(long) {
            return Err(field.refused("must have at most 255 characters"));
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
    /// Reads `consistency`, the default of reads that do not choose one.
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
            _ => Err(field.refused("must be `eventual` or `strong`")),
        }
    }
}
