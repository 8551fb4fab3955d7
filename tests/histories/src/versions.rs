//! An ETag is of one version and a version has one ETag, whoever tells of them.

use std::collections::HashMap;

use super::model::Value;

/// The ETags that were told so far.
#[derive(Default)]
pub(super) struct Versions {
    etags: HashMap<Value, String>,
    values: HashMap<String, Value>,
}

impl Versions {
    /// Notes that somebody was told that this version has this ETag. Refuses what contradicts what was
    /// told before.
    pub(super) fn learn(&mut self, value: Value, etag: &str) -> Result<(), String> {
        if etag.is_empty() {
            return Err(format!("{value} has an empty ETag"));
        }
        if let Some(other) = self.values.get(etag).filter(|other| **other != value) {
            return Err(format!("{value} has the ETag that {other} had"));
        }
        let known = self.etags.entry(value).or_insert_with(|| etag.to_owned());
        if known != etag {
            return Err(format!("{value} has another ETag than before"));
        }
        self.values.insert(etag.to_owned(), value);
        Ok(())
    }

    /// The ETag of a version. `None` where nobody was told.
    pub(super) fn etag(&self, value: Value) -> Option<&str> {
        self.etags.get(&value).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_etag_for_two_versions_and_two_for_one_are_contradictions() {
        let mut versions = Versions::default();
        let mut learn = |value, etag| versions.learn(Value(value), etag);
        assert_eq!(
            (learn(1, "x"), learn(1, "x"), learn(2, "y")),
            (Ok(()), Ok(()), Ok(()))
        );
        assert!(learn(3, "x").unwrap_err().contains("that v1 had"));
        assert!(learn(2, "z").unwrap_err().contains("another"));
        assert!(learn(4, "").unwrap_err().contains("empty"));
        assert_eq!(versions.etag(Value(2)), Some("y"));
        assert_eq!(versions.etag(Value(3)), None);
    }
}
