//! Operations that share no key, directly or through others, do not concern each other.

use super::operation::Operation;

/// The operations in groups. Two that name the same key are in the same group.
pub(super) fn parts(operations: &[Operation], keys: usize) -> Vec<Vec<&Operation>> {
    // Of each key, the least that it is joined with.
    let mut group: Vec<usize> = (0..keys).collect();
    for operation in operations {
        let named: Vec<usize> = operation.said.keys().map(|key| key.0.into()).collect();
        let joined: Vec<usize> = named.iter().map(|key| group[*key]).collect();
        let least = joined.iter().min().copied().unwrap_or_default();
        for of_key in &mut group {
            if joined.contains(of_key) {
                *of_key = least;
            }
        }
    }
    let mut parts = vec![Vec::new(); keys];
    for operation in operations {
        if let Some(key) = operation.said.keys().next() {
            parts[group[usize::from(key.0)]].push(operation);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Change, Condition, Key},
        operation::Said,
    };

    fn about(keys: &[u8]) -> Operation {
        let delete = |key: &u8| Change {
            key: Key(*key),
            condition: Condition::Always,
            to: None,
        };
        Operation {
            call: 0,
            began: 0,
            ended: None,
            said: Said::Changed(keys.iter().map(delete).collect()),
        }
    }

    #[test]
    fn a_transaction_joins_its_keys_and_all_that_they_are_joined_with() {
        let operations = [&[0][..], &[1], &[2], &[3], &[2, 3], &[1, 3]].map(about);
        let sizes = |operations| {
            let parts = parts(operations, 4);
            parts.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&operations[..4]), [1, 1, 1, 1]);
        assert_eq!(sizes(&operations[..5]), [1, 1, 3]);
        assert_eq!(sizes(&operations), [1, 5]);
    }
}
