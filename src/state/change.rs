//! The plan of a set or delete, made before the first request: its condition, and the item
//! that it writes.
//!
//! DynamoDB accepts each item only once in a transaction. Several operations on one key are
//! therefore folded into one, with the condition of the first and the effect of the last. The
//! conditions of the later operations are checked here, against the effect before them.

use super::condition::Condition;
use super::item::{Encoded, NewItem, check_key, encode};
use super::{DeleteRequest, SetRequest, Table, ttl};
use crate::error::Error;
use std::collections::HashMap;

/// A planned write of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The condition on the stored item.
    pub condition: Condition,
    /// The state that the write leaves.
    pub effect: Effect,
}

/// The state that a write leaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// An item.
    Put {
        /// The item, including its key.
        item: Encoded,
        /// The ETag of the item.
        etag: String,
    },
    /// No item.
    Delete,
}

impl Change {
    /// Plans a set.
    ///
    /// # Errors
    ///
    /// `invalid-argument` for an invalid key or time to live, `too-large` for the item.
    pub fn of_set(table: &Table, request: SetRequest, etag: String) -> Result<Self, Error> {
        let SetRequest {
            key,
            value,
            options,
        } = request;
        check_key(&key)?;
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

    /// Plans a delete.
    ///
    /// # Errors
    ///
    /// `invalid-argument` for an invalid key.
    pub fn of_delete(request: DeleteRequest) -> Result<Self, Error> {
        check_key(&request.key)?;
        Ok(Self {
            condition: Condition::of_delete(request.options.etag.as_deref()),
            effect: Effect::Delete,
            key: request.key,
        })
    }
}

impl Change {
    /// Returns true if the request depends on the clock. It does not if items cannot expire.
    #[must_use]
    pub fn is_timed(&self, table: &Table) -> bool {
        table.ttl_attribute.is_some()
            && (self.effect.expires() || self.condition != Condition::Always)
    }
}

impl Effect {
    /// Returns true if it leaves an item that expires.
    #[must_use]
    pub fn expires(&self) -> bool {
        match self {
            Self::Put { item, .. } => item.expires(),
            Self::Delete => false,
        }
    }

    /// Returns the ETag that it leaves; none for a delete.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        match self {
            Self::Put { etag, .. } => Some(etag),
            Self::Delete => None,
        }
    }
}

/// Folds the changes into one change per key, in the order of the keys' first operations.
///
/// # Errors
///
/// `etag-mismatch` if the operation before it makes the condition of an operation fail.
pub fn fold(changes: Vec<Change>) -> Result<Vec<Change>, Error> {
    let mut folded: Vec<Change> = Vec::with_capacity(changes.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    for change in changes {
        let next = folded.len();
        let place = *places.entry(change.key.clone()).or_insert(next);
        match folded.get_mut(place) {
            Some(before) => {
                if !holds_after(&change.condition, &before.effect) {
                    return Err(change.condition.mismatch(&change.key));
                }
                before.effect = change.effect;
            }
            None => folded.push(change),
        }
    }
    Ok(folded)
}

/// Returns true if `condition` holds after the effect `before`. An ETag never matches: the
/// caller cannot know the ETag that the operation before has just created.
fn holds_after(condition: &Condition, before: &Effect) -> bool {
    match (condition, before) {
        (Condition::Always, _) | (Condition::Absent, Effect::Delete) => true,
        (Condition::Absent, Effect::Put { .. }) | (Condition::Etag(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::item::Encoded;

    fn put(key: &str, condition: Condition, etag: &str) -> Change {
        Change {
            key: key.to_owned(),
            condition,
            effect: Effect::Put {
                item: Encoded::lasting(HashMap::new()),
                etag: etag.to_owned(),
            },
        }
    }

    fn delete(key: &str, condition: Condition) -> Change {
        Change {
            key: key.to_owned(),
            condition,
            effect: Effect::Delete,
        }
    }

    #[test]
    fn fold_keeps_the_first_condition_and_the_last_effect() {
        let etag = Condition::Etag("e".to_owned());
        let folded = fold(vec![
            delete("a", etag.clone()),
            put("b", Condition::Always, "1"),
            put("a", Condition::Absent, "2"),
            put("a", Condition::Always, "3"),
        ])
        .unwrap();
        assert_eq!(
            folded,
            [put("a", etag, "3"), put("b", Condition::Always, "1")]
        );
    }

    #[test]
    fn operation_that_contradicts_an_earlier_one_is_refused() {
        let etag = || Condition::Etag("e".to_owned());
        for sequence in [
            vec![
                put("a", Condition::Always, "1"),
                put("a", Condition::Absent, "2"),
            ],
            vec![put("a", Condition::Always, "1"), put("a", etag(), "2")],
            vec![put("a", etag(), "1"), put("a", etag(), "2")],
            vec![delete("a", Condition::Always), delete("a", etag())],
        ] {
            let error = fold(sequence).unwrap_err();
            assert!(
                matches!(&error, Error::EtagMismatch(s) if s.contains("\"a\"")),
                "{error}"
            );
        }
    }

    #[test]
    fn first_write_after_a_delete_holds() {
        let folded = fold(vec![
            delete("a", Condition::Always),
            put("a", Condition::Absent, "1"),
        ]);
        assert_eq!(folded.unwrap(), [put("a", Condition::Always, "1")]);
    }
}
