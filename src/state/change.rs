//! What a set or delete will do, decided before the first request: its
//! condition, and the item that it writes.

use super::condition::Condition;
use super::item::{Encoded, NewItem, encode};
use super::model::{DeleteRequest, SetRequest};
use super::{key, ttl};
use crate::config::Table;
use crate::error::Error;

/// A planned write of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// What it demands of the stored item.
    pub condition: Condition,
    /// What it leaves.
    pub effect: Effect,
}

/// What a write leaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// This item, with this ETag.
    Put {
        /// The item, its key in it.
        item: Encoded,
        /// The ETag in it.
        etag: String,
    },
    /// No item.
    Delete,
}

impl Change {
    /// Of a set.
    ///
    /// # Errors
    ///
    /// `invalid-argument` for key or time to live, `too-large` for the item.
    pub fn of_set(table: &Table, request: SetRequest, etag: String) -> Result<Self, Error> {
        let SetRequest {
            key,
            value,
            options,
        } = request;
        key::check(&key)?;
        let item = NewItem {
            value,
            etag: etag.clone(),
            content_type: options.content_type.filter(|given| !given.is_empty()),
            ttl: ttl::seconds(table, options.ttl).map_err(|error| error.of_key(&key))?,
        };
        Ok(Self {
            condition: Condition::of_set(options.etag.as_deref(), options.concurrency),
            effect: Effect::Put {
                item: encode(table, &key, item)?,
                etag,
            },
            key,
        })
    }

    /// Of a delete.
    ///
    /// # Errors
    ///
    /// `invalid-argument` for the key.
    pub fn of_delete(request: DeleteRequest) -> Result<Self, Error> {
        key::check(&request.key)?;
        Ok(Self {
            condition: Condition::of_delete(request.options.etag.as_deref()),
            effect: Effect::Delete,
            key: request.key,
        })
    }
}

impl Change {
    /// Returns true if the request depends on the clock, on a table whose items can expire.
    #[must_use]
    pub fn is_timed(&self, table: &Table) -> bool {
        table.ttl_attribute.is_some()
            && (self.effect.expires() || self.condition != Condition::Always)
    }
}

impl Effect {
    /// Returns true if the item that it leaves expires.
    #[must_use]
    pub fn expires(&self) -> bool {
        match self {
            Self::Put { item, .. } => item.expires(),
            Self::Delete => false,
        }
    }

    /// The ETag that it leaves.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        match self {
            Self::Put { etag, .. } => Some(etag),
            Self::Delete => None,
        }
    }
}
