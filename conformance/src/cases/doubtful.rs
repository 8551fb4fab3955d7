//! A component tells which configurations it refuses. What may be one of them is like the right one but for one field.

use dapr_wasm_host::types::Metadata;

use crate::outcome::{Checked, Unmet};

/// What hardly any field takes.
const NONSENSE: &str = "\u{1} no such thing \u{1}";

/// Configurations that a component may refuse, and for most fields will.
pub fn configurations(metadata: &Metadata) -> Vec<Metadata> {
    let mut doubtful = vec![Metadata::new()];
    for (name, _) in metadata {
        doubtful.push(without(metadata, name));
        doubtful.push(with(metadata, name, NONSENSE));
    }
    doubtful
}

/// Of a component that refused none of them, nothing was found out.
pub fn some_refused(refused: usize) -> Checked {
    match refused {
        0 => Err(Unmet::NotApplicable(
            "the component takes every configuration that was tried".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// All but this field.
pub fn without(metadata: &Metadata, name: &str) -> Metadata {
    let others = metadata.iter().filter(|(other, _)| other != name);
    others.cloned().collect()
}

/// The same with another value of this field.
pub fn with(metadata: &Metadata, name: &str, value: &str) -> Metadata {
    let mut changed = without(metadata, name);
    changed.push((name.to_owned(), value.to_owned()));
    changed
}

/// The same with every name written by `spell`.
pub fn spelled(metadata: &Metadata, spell: impl Fn(&str) -> String) -> Metadata {
    let fields = metadata.iter();
    fields
        .map(|(name, value)| (spell(name), value.clone()))
        .collect()
}

/// Names that no component knows.
pub fn unknown() -> Metadata {
    ["x-nobody-knows-this", "", " ", "\0", "⏱️", "a\r\nb"]
        .map(|name| (name.to_owned(), "x".to_owned()))
        .to_vec()
}
