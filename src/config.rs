//! Parses metadata and environment once into one typed [`Config`], which consists of each
//! module's own settings. Nothing downstream sees a string map, and nothing downstream
//! imports this module.
//!
//! A field comes from the metadata, under its name or an alias, in any ASCII case. If the
//! metadata does not set it, it comes from the environment. An empty value counts as unset.

use crate::binding::{self, Binding};
use crate::dynamodb::{self, ClientConfig, Repeat};
use crate::error::Error;
use crate::fields::Fields;
use crate::http::{Files, Platform};
use crate::state::{self, Consistency, StateStore, Table};
use std::rc::Rc;

/// The whole configuration.
#[derive(Debug)]
pub struct Config {
    /// The settings of the DynamoDB client.
    pub client: ClientConfig,
    /// The table, and how a state store uses it.
    pub state: state::Settings,
}

impl Config {
    /// Parses `metadata`. A field that it does not set comes from `environment`. If neither
    /// sets the region, it comes from the profile in the shared `files`. Unknown names are
    /// skipped: see [`unknown`](crate::fields::unknown).
    ///
    /// # Errors
    ///
    /// `invalid-configuration`, naming the field and the remedy.
    pub fn parse(
        metadata: &[(String, String)],
        environment: &dyn Fn(&str) -> Option<String>,
        files: &dyn Files,
    ) -> Result<Self, Error> {
        let fields = Fields::new(metadata, environment);
        refuse_encryption(&fields)?;
        // If there are several faults, the order decides which one is reported.
        let name = state::table_name(&fields)?;
        let (endpoint, region) = dynamodb::endpoint(&fields, files)?;
        let table = Table::parse(&fields, name)?;
        Ok(Self {
            client: ClientConfig::parse(&fields, endpoint, region)?,
            state: state::Settings {
                table,
                consistency: Consistency::parse(&fields)?,
                unconfirmed_writes: Repeat::parse(&fields)?,
            },
        })
    }

    /// Returns a state store with this configuration. Nothing is sent before the first call.
    #[must_use]
    pub fn store<P: Platform>(self, platform: impl Into<Rc<P>>) -> StateStore<P> {
        StateStore::new(platform, self.client, self.state)
    }

    /// Returns an output binding with this configuration. Nothing is sent before the first call.
    #[must_use]
    pub fn binding<P: Platform>(self, platform: impl Into<Rc<P>>) -> Binding<P> {
        let settings = binding::Settings {
            table: self.state.table.name,
            partition_key: self.state.table.partition_key,
            unconfirmed_writes: self.state.unconfirmed_writes,
        };
        Binding::new(platform, self.client, settings)
    }
}

/// Refuses the keys that Dapr encrypts values with. Dapr's runtime encrypts, outside the
/// component. A component that ignored the keys would store values in plain text.
///
/// Source: "Encrypt application state" in Dapr's documentation.
fn refuse_encryption(fields: &Fields<'_>) -> Result<(), Error> {
    for name in ["primaryEncryptionKey", "secondaryEncryptionKey"] {
        if fields.given(&[name]).is_some() {
            return Err(Error::InvalidConfiguration(format!(
                "`{name}` is set, but this component does not encrypt and would store values in plain text: unset it, or use a host that encrypts values itself (as Dapr's runtime does) and removes the field before `init`"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
