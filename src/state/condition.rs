//! The condition of a write on the stored item, and its condition expression. For every
//! condition, an expired item counts as absent.

use super::item::ETAG;
use super::{Concurrency, Table};
use crate::error::Error;
use crate::text::quote;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// A condition on the stored item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No condition: the write always happens.
    Always,
    /// The stored item has this ETag.
    Etag(String),
    /// There is no stored item.
    Absent,
}

/// A condition expression with its names and values.
#[derive(Debug, Default, PartialEq)]
pub struct Expression {
    /// The expression; none if the write is unconditional.
    pub text: Option<String>,
    /// The attribute name of each `#name`.
    pub names: Option<HashMap<String, String>>,
    /// The value of each `:name`.
    pub values: Option<HashMap<String, AttributeValue>>,
}

impl Condition {
    /// Returns the condition of a set. An empty ETag counts as none. If there is an ETag, it
    /// alone decides, and `concurrency` has no effect.
    #[must_use]
    pub fn of_set(etag: Option<&str>, concurrency: Option<Concurrency>) -> Self {
        match (etag.filter(|etag| !etag.is_empty()), concurrency) {
            (Some(etag), _) => Self::Etag(etag.to_owned()),
            (None, Some(Concurrency::FirstWrite)) => Self::Absent,
            (None, Some(Concurrency::LastWrite) | None) => Self::Always,
        }
    }

    /// Returns the condition of a delete.
    #[must_use]
    pub fn of_delete(etag: Option<&str>) -> Self {
        Self::of_set(etag, None)
    }

    /// Returns true if the condition names the ETag that the write replaces. Such a write
    /// takes effect at most once, however often it is sent.
    #[must_use]
    pub fn names_an_etag(&self) -> bool {
        matches!(self, Self::Etag(_))
    }

    /// Returns the condition expression, as of `now` in seconds since the Unix epoch.
    #[must_use]
    pub fn expression(&self, table: &Table, now: u64) -> Expression {
        let (text, name, attribute) = match self {
            Self::Always => return Expression::default(),
            Self::Etag(_) => ("#e = :e", "#e", ETAG),
            Self::Absent => (
                "attribute_not_exists(#k)",
                "#k",
                table.partition_key.as_str(),
            ),
        };
        let mut text = text.to_owned();
        let mut names = HashMap::from([(name.to_owned(), attribute.to_owned())]);
        let mut values = HashMap::new();
        if let Self::Etag(etag) = self {
            values.insert(":e".to_owned(), AttributeValue::S(etag.clone()));
        }
        if let Some(ttl) = &table.ttl_attribute {
            names.insert("#t".to_owned(), ttl.clone());
            values.insert(":now".to_owned(), AttributeValue::N(now.to_string()));
            // DynamoDB evaluates the comparison as false if the attribute is absent or not a
            // number. Such an item never expires.
            text.push_str(match self {
                Self::Absent => " OR #t <= :now",
                Self::Etag(_) | Self::Always => " AND NOT #t <= :now",
            });
        }
        Expression {
            text: Some(text),
            names: Some(names),
            values: Some(values).filter(|values| !values.is_empty()),
        }
    }

    /// Returns the error for a condition that failed.
    #[must_use]
    pub fn mismatch(&self, key: &str) -> Error {
        let key = quote(key);
        Error::EtagMismatch(match self {
            Self::Absent => {
                format!(
                    "key {key} already exists, but the set is a first write: use its ETag to replace it"
                )
            }
            Self::Etag(_) | Self::Always => {
                format!(
                    "the ETag for key {key} does not match the stored item, or there is no item: read the item again"
                )
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(ttl_attribute: Option<&str>) -> Table {
        Table {
            name: "orders".to_owned(),
            partition_key: "pk".to_owned(),
            ttl_attribute: ttl_attribute.map(str::to_owned),
        }
    }

    #[test]
    fn etag_decides_alone_and_empty_etag_counts_as_none() {
        use Concurrency::{FirstWrite, LastWrite};
        let etag = || Condition::Etag("e".to_owned());
        for (given, concurrency, condition) in [
            (Some("e"), Some(FirstWrite), etag()),
            (Some("e"), Some(LastWrite), etag()),
            (Some("e"), None, etag()),
            (Some(""), Some(FirstWrite), Condition::Absent),
            (None, Some(FirstWrite), Condition::Absent),
            (Some(""), None, Condition::Always),
            (None, Some(LastWrite), Condition::Always),
            (None, None, Condition::Always),
        ] {
            assert_eq!(Condition::of_set(given, concurrency), condition);
        }
    }

    #[test]
    fn expired_item_is_absent_for_first_write() {
        let expression = Condition::Absent.expression(&table(Some("expires")), 7);
        assert_eq!(
            expression.text.as_deref(),
            Some("attribute_not_exists(#k) OR #t <= :now")
        );
        assert_eq!(expression.names.unwrap()["#t"], "expires");
        assert_eq!(
            expression.values.unwrap()[":now"],
            AttributeValue::N("7".into())
        );
    }

    #[test]
    fn expired_item_does_not_match_its_etag() {
        let expression = Condition::Etag("e".into()).expression(&table(Some("expires")), 7);
        assert_eq!(
            expression.text.as_deref(),
            Some("#e = :e AND NOT #t <= :now")
        );
    }

    #[test]
    fn expression_without_ttl_has_no_expiry_clause() {
        let expression = Condition::Absent.expression(&table(None), 7);
        assert_eq!(expression.text.as_deref(), Some("attribute_not_exists(#k)"));
        assert_eq!(expression.names.unwrap()["#k"], "pk");
        assert_eq!(expression.values, None);
        assert_eq!(
            Condition::Always.expression(&table(Some("t")), 7),
            Expression::default()
        );
    }
}
