//! What a set or delete will do, decided before the first request: its
//! condition, and the item that it writes.

use super::condition::Condition;
use super::item::{Attributes, NewItem, encode};
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
        /// All its attributes, its key among them.
        attributes: Attributes,
        /// The ETag among them.
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
    pub fn of_set(
        table: &Table,
        request: SetRequest,
        etag: String,
        now: u64,
    ) -> Result<Self, Error> {
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
            expires_at: ttl::expires_at(table, &key, options.ttl, now)?,
        };
        Ok(Self {
            condition: Condition::of_set(options.etag.as_deref(), options.concurrency),
            effect: Effect::Put {
                attributes: encode(table, &key, item)?,
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

impl Effect {
    /// The ETag that it leaves.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        match self {
            Self::Put { etag, .. } => Some(etag),
            Self::Delete => None,
        }
    }
}
