//! Chooses the next call of a client. The choice depends only on the seed and on earlier results, which also depend only
//! on the seed.

use super::history::{Call, Reply};
use super::model::{Change, Condition, Key, Value};
use fastrand::Rng;
use std::collections::HashMap;

/// The maximum number of keys of one call.
const KEYS_OF_A_CALL: usize = 3;

/// Makes the calls of one history.
pub(super) struct Generator {
    keys: u8,
    weights: Vec<(Kind, u32)>,
    next_value: u32,
    /// For each key, the versions that clients have seen, the latest last.
    told: HashMap<Key, Vec<(usize, Value)>>,
}

#[derive(Clone, Copy)]
enum Kind {
    Get,
    Set,
    Delete,
    BulkGet,
    BulkSet,
    BulkDelete,
    Transact,
}

impl Generator {
    pub(super) fn new(keys: u8, rng: &mut Rng) -> Self {
        let mut weights = vec![(Kind::Get, 4)];
        // A weight of 0 leaves a kind out of this history.
        for (kind, most) in [
            (Kind::Set, 6),
            (Kind::Delete, 3),
            (Kind::BulkGet, 1),
            (Kind::BulkSet, 1),
            (Kind::BulkDelete, 1),
            (Kind::Transact, 4),
        ] {
            weights.push((kind, rng.u32(..=most)));
        }
        Self {
            keys,
            weights,
            next_value: 0,
            told: HashMap::new(),
        }
    }

    /// Returns the next call of a client.
    pub(super) fn next(&mut self, client: usize, rng: &mut Rng) -> Call {
        let total: u32 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut left = rng.u32(..total);
        let mut chosen = Kind::Get;
        for (kind, weight) in &self.weights {
            chosen = *kind;
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => break,
            }
        }
        match chosen {
            Kind::Get => Call::Get(self.key(rng)),
            Kind::Set => Call::Change(self.set(client, rng)),
            Kind::Delete => Call::Change(self.delete(client, rng)),
            Kind::BulkGet => Call::BulkGet(self.some_keys(rng)),
            Kind::BulkSet => {
                let keys = self.some_keys(rng).into_iter();
                Call::BulkChange(keys.map(|key| self.blind_set(key)).collect())
            }
            Kind::BulkDelete => {
                let keys = self.some_keys(rng).into_iter();
                Call::BulkChange(keys.map(blind_delete).collect())
            }
            Kind::Transact => {
                // A key may occur twice. Its operations then take effect in their order.
                let count = rng.usize(1..=KEYS_OF_A_CALL);
                let change = |_| match rng.u32(..3) {
                    0 => self.delete(client, rng),
                    _ => self.set(client, rng),
                };
                Call::Transact((0..count).map(change).collect())
            }
        }
    }

    /// Records the versions in the replies that a client got.
    pub(super) fn hears(&mut self, client: usize, call: &Call, replies: &[Reply]) {
        let mut told = Vec::new();
        match call {
            Call::Get(key) => told.extend(replies.first().and_then(|reply| seen(*key, reply))),
            Call::BulkGet(keys) => {
                let both = keys.iter().zip(replies);
                told.extend(both.filter_map(|(key, reply)| seen(*key, reply)));
            }
            Call::Change(change) => told.extend(replies.first().and_then(|r| made(change, r))),
            Call::BulkChange(changes) => {
                let both = changes.iter().zip(replies);
                told.extend(both.filter_map(|(change, reply)| made(change, reply)));
            }
            Call::Transact(changes) => {
                let reply = replies.first();
                let all = changes.iter().zip(reply.into_iter().cycle());
                told.extend(all.filter_map(|(change, reply)| made(change, reply)));
            }
        }
        for (key, value) in told {
            self.told.entry(key).or_default().push((client, value));
        }
    }

    fn key(&self, rng: &mut Rng) -> Key {
        Key(rng.u8(..self.keys))
    }

    /// Returns at least one key, without duplicates.
    fn some_keys(&self, rng: &mut Rng) -> Vec<Key> {
        let mut keys: Vec<Key> = (0..self.keys).map(Key).collect();
        rng.shuffle(&mut keys);
        keys.truncate(rng.usize(1..=KEYS_OF_A_CALL));
        keys
    }

    fn value(&mut self) -> Option<Value> {
        self.next_value += 1;
        Some(Value(self.next_value))
    }

    fn set(&mut self, client: usize, rng: &mut Rng) -> Change {
        let key = self.key(rng);
        let condition = match rng.u32(..5) {
            0 | 1 => Condition::Always,
            2 => Condition::Absent,
            _ => self.version(key, client, rng),
        };
        let to = self.value();
        Change { key, condition, to }
    }

    fn delete(&mut self, client: usize, rng: &mut Rng) -> Change {
        let key = self.key(rng);
        let mut delete = blind_delete(key);
        if rng.bool()
            && let version @ Condition::Version(_) = self.version(key, client, rng)
        {
            delete.condition = version;
        }
        delete
    }

    fn blind_set(&mut self, key: Key) -> Change {
        let condition = Condition::Always;
        let to = self.value();
        Change { key, condition, to }
    }

    /// Returns a condition on the version that the client saw last, or on one that any client has seen. If no client has
    /// seen any, returns `Absent`.
    fn version(&self, key: Key, client: usize, rng: &mut Rng) -> Condition {
        let told = self.told.get(&key).map_or(&[][..], Vec::as_slice);
        let own = told.iter().rev().find(|(who, _)| *who == client);
        let of_anybody = rng.u32(..4) == 0;
        let chosen = match own {
            Some(own) if !of_anybody => Some(own),
            _ => rng.choice(told),
        };
        chosen.map_or(Condition::Absent, |(_, value)| Condition::Version(*value))
    }
}

fn blind_delete(key: Key) -> Change {
    Change {
        key,
        condition: Condition::Always,
        to: None,
    }
}

fn seen(key: Key, reply: &Reply) -> Option<(Key, Value)> {
    match reply {
        Reply::Read(Some(value)) => Some((key, *value)),
        _ => None,
    }
}

fn made(change: &Change, reply: &Reply) -> Option<(Key, Value)> {
    let value = change.to.filter(|_| *reply == Reply::Done)?;
    Some((change.key, value))
}
