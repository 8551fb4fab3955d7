//! A configured instance of a component and the DynamoDB that it calls. Dropping the session stops
//! both.

use super::arguments::Connection;
use super::calls::{self, failure};
use super::component_file::ComponentFile;
use super::configuration::{Configuration, field};
use super::credentials;
use super::destination::Destination;
use crate::command_line::Failure;
use crate::component_path;
use crate::component_yaml::ComponentType;
use crate::counting_proxy::CountingProxy;
use crate::embedded::Embedded;
use dapr_wasm_host::{CapturedStderr, Instance, InstanceOptions, Plugin};
use std::path::Path;

/// The default table of an embedded DynamoDB. Not used with a component file, which names its own
/// table and attribute.
pub const DEFAULT_TABLE: &str = "state";
/// The partition key of an embedded DynamoDB.
pub const DEFAULT_PARTITION_KEY: &str = "key";
pub(super) const DEFAULT_TTL_ATTRIBUTE_NAME: &str = "expiresAt";
/// A placeholder, because the embedded DynamoDB accepts any credentials.
const ANY_CREDENTIAL: &str = "embedded";

/// A component that is ready for calls.
pub struct Session {
    pub(super) instance: Instance,
    proxy: Option<CountingProxy>,
    _embedded: Option<Embedded>,
}

/// The parts of a session, before it is opened.
pub struct Plan {
    component_type: ComponentType,
    configuration: Configuration,
    destination: Destination,
    environment: Vec<(&'static str, String)>,
    count_requests: bool,
    /// Notices for the user, to show before the call.
    pub notices: Vec<String>,
}

impl Plan {
    /// Combines the component file, if there is one, with the arguments and chooses the DynamoDB to
    /// call.
    pub fn new(
        component_type: ComponentType,
        file: Option<&ComponentFile<'_>>,
        connection: &Connection,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let (metadata, notices) = match file {
            Some(file) => {
                let resolved = file.metadata(component_type, environment)?;
                (resolved.metadata, resolved.notices)
            }
            None => (Vec::new(), Vec::new()),
        };
        let mut configuration =
            Configuration::new(metadata).overridden_by(Configuration::of_arguments(connection));
        let destination = Destination::new(connection, &configuration, environment);
        match &destination {
            Destination::Embedded(_) if connection.component_yaml.is_none() => {
                configuration.set_if_absent(field::TABLE, DEFAULT_TABLE);
                configuration.set_if_absent(field::TTL_ATTRIBUTE_NAME, DEFAULT_TTL_ATTRIBUTE_NAME);
            }
            Destination::Embedded(_) => {}
            Destination::Endpoint(url) => configuration.set(field::ENDPOINT, url),
            Destination::Aws => configuration.set(field::ENDPOINT, ""),
        }
        Ok(Self {
            component_type,
            configuration,
            environment: destination.environment(environment),
            destination,
            count_requests: connection.count_requests,
            notices,
        })
    }

    /// Returns true if all written data is lost at the end.
    pub fn forgets(&self) -> bool {
        self.destination == Destination::Embedded(crate::embedded::Storage::Memory)
    }

    /// Returns true if this plan and another one call the same DynamoDB.
    pub fn shares_its_destination(&self, other: &Self) -> bool {
        self.destination == other.destination
    }

    /// Starts the embedded DynamoDB, if it is the destination.
    pub async fn start_embedded(&self) -> Result<Option<Embedded>, Failure> {
        match &self.destination {
            Destination::Embedded(storage) => Embedded::start(storage.clone()).await.map(Some),
            Destination::Endpoint(_) | Destination::Aws => Ok(None),
        }
    }

    /// Completes the configuration for an embedded DynamoDB that was started.
    pub async fn complete(&mut self, embedded: Option<&Embedded>) -> Result<(), Failure> {
        match embedded {
            Some(embedded) => prepare(embedded, &mut self.configuration).await,
            None => Ok(()),
        }
    }

    /// Returns the options of an instance: the hosts, directories and variables that it may use.
    pub fn options(&self) -> Result<InstanceOptions, Failure> {
        let egress = self
            .destination
            .egress(self.configuration.get(field::ENDPOINT), &self.environment)
            .map_err(Failure::here)?;
        let lent = credentials::directories(&self.environment).into_iter();
        let options = lent.fold(
            InstanceOptions::new().egress(egress),
            |options, directory| {
                let name = directory.to_string_lossy().into_owned();
                options.read_only_directory(directory, name)
            },
        );
        let variables = self.environment.iter();
        Ok(variables.fold(options, |options, (name, value)| options.env(*name, value)))
    }

    /// Uses the endpoint of the other plan, which may be a counting proxy.
    pub fn call_what_it_calls(&mut self, other: &Self) {
        if let Some(endpoint) = other.configuration.get(field::ENDPOINT) {
            self.configuration.set(field::ENDPOINT, endpoint);
        }
    }

    /// Returns the metadata for `init`.
    pub fn metadata(&self) -> &[(String, String)] {
        self.configuration.metadata()
    }

    /// Starts everything. The component's standard error goes to `heard`.
    pub async fn open(
        mut self,
        component: Option<&Path>,
        heard: &CapturedStderr,
    ) -> Result<Session, Failure> {
        let embedded = self.start_embedded().await?;
        self.complete(embedded.as_ref()).await?;
        let proxy = self.count().await?;
        let options = self.options()?.stderr(heard);
        let plugin =
            Plugin::from_file(component.unwrap_or(component_path())).map_err(Failure::here)?;
        let mut instance = plugin.instantiate(&options).await.map_err(Failure::here)?;
        let metadata = self.metadata();
        let initialized = match self.component_type {
            ComponentType::StateStore => calls::state(&mut instance)?.0.init(metadata).await,
            ComponentType::OutputBinding => calls::binding(&mut instance)?.0.init(metadata).await,
        };
        initialized.map_err(failure)?;
        Ok(Session {
            instance,
            proxy,
            _embedded: embedded,
        })
    }

    /// Puts a counting proxy in front of the endpoint if the user asked to count requests.
    pub async fn count(&mut self) -> Result<Option<CountingProxy>, Failure> {
        if !self.count_requests {
            return Ok(None);
        }
        match self.configuration.get(field::ENDPOINT) {
            Some(endpoint) if endpoint.starts_with("http://") => {
                let proxy = CountingProxy::start(endpoint)
                    .await
                    .map_err(Failure::here)?;
                self.configuration.set(field::ENDPOINT, proxy.endpoint());
                Ok(Some(proxy))
            }
            _ => Err(Failure::here(
                "only requests to a plain HTTP endpoint can be counted: remove --count-requests",
            )),
        }
    }
}

/// Completes the configuration for the embedded DynamoDB and creates the table. If no table is
/// named, the component reports that.
async fn prepare(embedded: &Embedded, configuration: &mut Configuration) -> Result<(), Failure> {
    configuration.set(field::ENDPOINT, embedded.endpoint());
    let keys = (field::ACCESS_KEY, field::SECRET_KEY);
    // If only one of them is set, the component reports that mistake.
    if configuration.get(keys.0).is_none() && configuration.get(keys.1).is_none() {
        configuration.set(keys.0, ANY_CREDENTIAL);
        configuration.set(keys.1, ANY_CREDENTIAL);
    }
    let Some(table) = configuration.get(field::TABLE) else {
        return Ok(());
    };
    let partition_key = configuration
        .get(field::PARTITION_KEY)
        .unwrap_or(DEFAULT_PARTITION_KEY);
    embedded
        .create_table_if_absent(table, partition_key)
        .await?;
    if let Some(attribute) = configuration.get(field::TTL_ATTRIBUTE_NAME) {
        // This fails if an earlier run used another attribute, or if the component is about to
        // refuse this one. Nothing depends on it: an expired item is absent even if it is still
        // stored.
        let _ = embedded.enable_ttl(table, attribute).await;
    }
    Ok(())
}

impl Session {
    /// Returns the numbers of requests, if they are counted.
    pub fn requests(&self) -> Option<String> {
        self.proxy.as_ref().map(requests)
    }
}

/// Returns a sentence such as `requests: 400 BatchWriteItem, 1 GetItem over 2 connections`.
pub fn requests(proxy: &CountingProxy) -> String {
    let requests = proxy.requests();
    let mut counts = std::collections::BTreeMap::new();
    for request in &requests {
        *counts.entry(request.target.as_str()).or_insert(0_usize) += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(operation, count)| format!("{count} {operation}"))
        .collect();
    let connections = match proxy.connections() {
        1 => "1 connection".to_owned(),
        several => format!("{several} connections"),
    };
    format!("requests: {} over {connections}", counts.join(", "))
}
