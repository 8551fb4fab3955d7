//! The component's metadata, with the rules of the contract: names compare ASCII
//! case-insensitively, the last one counts, and an empty value counts as absent.

use super::arguments::Connection;

/// The fields that the harness itself needs, with Dapr's aliases.
pub(super) mod field {
    pub(in super::super) const TABLE: &[&str] = &["table"];
    pub(in super::super) const REGION: &[&str] = &["region", "awsRegion"];
    pub(in super::super) const ENDPOINT: &[&str] = &["endpoint"];
    pub(in super::super) const ACCESS_KEY: &[&str] = &["accessKey", "awsAccessKey"];
    pub(in super::super) const SECRET_KEY: &[&str] = &["secretKey", "awsSecretKey"];
    pub(in super::super) const SESSION_TOKEN: &[&str] = &["sessionToken", "awsSessionToken"];
    pub(in super::super) const PARTITION_KEY: &[&str] = &["partitionKey"];
    pub(in super::super) const TTL_ATTRIBUTE_NAME: &[&str] = &["ttlAttributeName"];
}

/// Names and values for `init`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Configuration(Vec<(String, String)>);

impl Configuration {
    pub(super) fn new(metadata: Vec<(String, String)>) -> Self {
        Self(metadata)
    }

    /// Returns the settings of the command line, without those of a component file.
    pub(super) fn of_arguments(connection: &Connection) -> Self {
        let mut configuration = Self::default();
        for (field, value) in [
            (field::TABLE, &connection.table),
            (field::REGION, &connection.region),
            (field::ENDPOINT, &connection.endpoint),
            (field::ACCESS_KEY, &connection.access_key),
            (field::SECRET_KEY, &connection.secret_key),
            (field::SESSION_TOKEN, &connection.session_token),
        ] {
            if let Some(value) = value {
                configuration.set(field, value);
            }
        }
        let others = connection.metadata.iter().cloned();
        configuration.0.extend(others);
        configuration
    }

    /// Returns the value of a field. The first alias with a value wins; of several values for one
    /// alias, the last wins.
    pub(super) fn get(&self, field: &[&str]) -> Option<&str> {
        field.iter().find_map(|name| {
            self.0
                .iter()
                .rev()
                .find(|(given, _)| given.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty())
        })
    }

    /// Replaces a field under all of its names, so the order of aliases does not matter.
    pub(super) fn set(&mut self, field: &[&str], value: &str) {
        self.0.retain(|(name, _)| !is_one_of(name, field));
        if let Some(name) = field.first() {
            self.0.push(((*name).to_owned(), value.to_owned()));
        }
    }

    /// Adds the settings of `other`, which win where both set a field.
    pub(super) fn overridden_by(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Sets a field that has no value yet.
    pub(super) fn set_if_absent(&mut self, field: &[&str], value: &str) {
        if self.get(field).is_none() {
            self.set(field, value);
        }
    }

    /// Returns the metadata for `init`.
    pub(super) fn metadata(&self) -> &[(String, String)] {
        &self.0
    }
}

fn is_one_of(name: &str, field: &[&str]) -> bool {
    field.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(pairs: &[(&str, &str)]) -> Configuration {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Configuration::new(pairs.iter().map(owned).collect())
    }

    #[test]
    fn last_value_wins_and_empty_means_absent() {
        let twice = configuration(&[("table", "a"), ("TABLE", "b")]);
        assert_eq!(twice.get(field::TABLE), Some("b"));
        assert_eq!(twice.get(field::REGION), None);
        let emptied = configuration(&[("table", "a"), ("Table", "")]);
        assert_eq!(emptied.get(field::TABLE), None);
    }

    #[test]
    fn own_name_of_a_field_wins_over_its_alias() {
        let both = configuration(&[("region", "own"), ("awsRegion", "alias")]);
        assert_eq!(both.get(field::REGION), Some("own"));
        let alias = configuration(&[("region", ""), ("awsRegion", "alias")]);
        assert_eq!(alias.get(field::REGION), Some("alias"));
    }

    #[test]
    fn setting_a_field_replaces_its_aliases() {
        let mut configuration = configuration(&[("awsRegion", "eu-west-1")]);
        configuration.set(field::REGION, "us-east-1");
        assert_eq!(
            configuration.metadata(),
            [("region".to_owned(), "us-east-1".to_owned())]
        );
    }

    #[test]
    fn arguments_override_a_component_file() {
        let file = configuration(&[("table", "file")]);
        let arguments = Configuration::of_arguments(&Connection {
            table: Some("argument".to_owned()),
            metadata: vec![("consistency".to_owned(), "strong".to_owned())],
            ..Connection::default()
        });
        let both = file.overridden_by(arguments);
        assert_eq!(both.get(field::TABLE), Some("argument"));
        assert_eq!(both.get(&["consistency"]), Some("strong"));
    }
}
