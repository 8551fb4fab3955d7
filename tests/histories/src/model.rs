//! The model of a state store. Each key has a value or none, and a call makes all its changes at once or none of them.
//!
//! All sets of a history write different values. So a value identifies a version of its item, and this model writes an
//! ETag as the value of its version.

use std::fmt;

/// A key of a history. Keys have short names: `a`, `b`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub u8);

/// The value of a set. Its number is unique in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

/// The condition of a change on its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No condition.
    Always,
    /// The key has no value: first-write.
    Absent,
    /// The key has the version with this value: an ETag.
    Version(Value),
}

/// One set or delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key to change.
    pub key: Key,
    /// The condition of the change.
    pub condition: Condition,
    /// The value afterwards; `None` for a delete.
    pub to: Option<Value>,
}

/// The values under all keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contents(Vec<Option<Value>>);

impl Contents {
    /// Returns the contents of an empty store with this number of keys.
    pub fn empty(keys: usize) -> Self {
        Self(vec![None; keys])
    }

    /// Returns the value of a key.
    pub fn at(&self, key: Key) -> Option<Value> {
        self.0.get(usize::from(key.0)).copied().flatten()
    }

    /// Applies the changes in their order: each sees the effect of the one before. Returns `None` if a condition does not
    /// hold. Then none of the changes is made.
    pub fn after(&self, changes: &[Change]) -> Option<Self> {
        let mut contents = self.clone();
        for change in changes {
            let stored = contents.0.get_mut(usize::from(change.key.0))?;
            let holds = match change.condition {
                Condition::Always => true,
                Condition::Absent => stored.is_none(),
                Condition::Version(value) => *stored == Some(value),
            };
            if !holds {
                return None;
            }
            *stored = change.to;
        }
        Some(contents)
    }
}

impl Key {
    /// Returns the name, which is also the key in the store.
    pub fn name(self) -> String {
        char::from(b'a'.saturating_add(self.0)).to_string()
    }

    /// Returns the key with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name.as_bytes() {
            [letter @ b'a'..=b'z'] => Some(Self(letter - b'a')),
            _ => None,
        }
    }
}

impl Value {
    /// Returns the bytes that are stored.
    pub fn bytes(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Returns the value of these bytes, or `None` if no set writes such bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let digits = std::str::from_utf8(bytes).ok()?.strip_prefix('v')?;
        digits.parse().ok().map(Self)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(value) => write!(f, "set {}={value}", self.key)?,
            None => write!(f, "delete {}", self.key)?,
        }
        match self.condition {
            Condition::Always => Ok(()),
            Condition::Absent => f.write_str(" if absent"),
            Condition::Version(value) => write!(f, " if {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Key = Key(0);
    const B: Key = Key(1);

    fn set(key: Key, condition: Condition, value: u32) -> Change {
        let to = Some(Value(value));
        Change { key, condition, to }
    }

    #[test]
    fn changes_are_made_together_or_not_at_all() {
        let stored = Contents::empty(2);
        let both = [set(A, Condition::Always, 1), set(B, Condition::Absent, 2)];
        let stored = stored.after(&both).unwrap();
        assert_eq!(
            (stored.at(A), stored.at(B)),
            (Some(Value(1)), Some(Value(2)))
        );
        let one_fails = [set(A, Condition::Always, 3), set(B, Condition::Absent, 4)];
        assert_eq!(stored.after(&one_fails), None);
    }

    #[test]
    fn change_sees_the_effect_of_the_one_before() {
        let empty = Contents::empty(1);
        let delete = Change {
            key: A,
            condition: Condition::Always,
            to: None,
        };
        let again = [
            set(A, Condition::Absent, 1),
            delete,
            set(A, Condition::Absent, 2),
        ];
        assert_eq!(empty.after(&again).unwrap().at(A), Some(Value(2)));
        let twice = [set(A, Condition::Absent, 1), set(A, Condition::Absent, 2)];
        assert_eq!(empty.after(&twice), None);
    }

    #[test]
    fn keys_and_values_round_trip_through_the_store() {
        assert_eq!(Key::named(&B.name()), Some(B));
        assert_eq!(Value::of(&Value(17).bytes()), Some(Value(17)));
        for foreign in ["", "v", "17", "vx", "v1 "] {
            assert_eq!(Value::of(foreign.as_bytes()), None, "{foreign}");
        }
    }
}
