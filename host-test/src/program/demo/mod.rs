//! A demo of the component. It prints every call with its time, its result, and whether the
//! result is what the contract promises. An expected refusal counts as a success.
//!
//! The configuration comes from the files in `examples/`, so the demo also tests these files.

mod report;
mod scenes;

use self::report::Report;
use super::arguments::Connection;
use super::calls::failure;
use super::configuration::{Configuration, field};
use super::{Status, Surroundings, output};
use crate::command_line::{Failure, Stop};
use crate::component_path;
use crate::component_yaml::{self, Secrets, Sources, Types};
use crate::embedded::{Embedded, Storage};
use dapr_wasm_host::{CapturedStderr, Egress, Instance, InstanceOptions, Plugin};
use std::io;
use std::path::Path;
use std::time::Instant;

/// The files of `examples/`, with the names for messages.
const STATE_STORE: (&str, &str) = (
    "examples/statestore.yaml",
    include_str!("../../../../examples/statestore.yaml"),
);
const BINDING: (&str, &str) = (
    "examples/binding.yaml",
    include_str!("../../../../examples/binding.yaml"),
);
const SECRETS: (&str, &str) = (
    "examples/secrets.json",
    include_str!("../../../../examples/secrets.json"),
);
/// The variable that the example files name in `envRef` for their endpoint.
const ENDPOINT_VARIABLE: &str = "DYNAMODB_ENDPOINT";
/// The default of the contract.
const DEFAULT_PARTITION_KEY: &str = "key";

/// Runs the demo on an embedded DynamoDB in memory.
pub(super) async fn run(
    component: Option<&Path>,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let component = component.unwrap_or(component_path());
    let heard = CapturedStderr::new();
    let mut report = Report::new(surroundings.stdout, surroundings.terminal);
    let shown = show(component, &heard, &mut report).await;
    let status = match &shown {
        Ok(()) => report.end()?,
        Err(_) => Status::Failure,
    };
    let mut output = output(&Connection::default(), surroundings);
    for line in heard.contents().lines() {
        output.note(format_args!("the component says: {line}"))?;
    }
    match shown {
        Ok(()) => Ok(status),
        Err(stop) => Status::of(Err(stop), &mut output),
    }
}

async fn show(
    component: &Path,
    heard: &CapturedStderr,
    report: &mut Report<'_>,
) -> Result<(), Stop> {
    report.heading("set-up")?;
    let began = Instant::now();
    let embedded = Embedded::start(Storage::Memory).await?;
    report.fact(
        "start an embedded DynamoDB",
        began.elapsed(),
        embedded.endpoint(),
    )?;

    let began = Instant::now();
    let plugin = Plugin::from_file(component).map_err(Failure::here)?;
    let name = component.file_name().unwrap_or(component.as_os_str());
    report.fact(
        "load the component",
        began.elapsed(),
        &name.to_string_lossy(),
    )?;

    if plugin.exports_state() {
        let stage = Stage::set(&embedded, STATE_STORE).await?;
        report.heading(&format!("state store, from {}", STATE_STORE.0))?;
        let mut instance = stage.instance(&plugin, heard, report).await?;
        let store = instance.state().map_err(failure)?;
        scenes::state(store, &stage, &embedded, report).await?;
    }
    if plugin.exports_binding() {
        let stage = Stage::set(&embedded, BINDING).await?;
        report.heading(&format!("output binding, from {}", BINDING.0))?;
        let mut instance = stage.instance(&plugin, heard, report).await?;
        let binding = instance.binding().map_err(failure)?;
        scenes::binding(binding, &stage, &embedded, report).await?;
    }
    Ok(())
}

/// The metadata of a configured component, and the table that it names.
struct Stage {
    metadata: Vec<(String, String)>,
    table: String,
    endpoint: String,
}

impl Stage {
    async fn set(embedded: &Embedded, (file, text): (&str, &str)) -> Result<Self, Failure> {
        let endpoint = embedded.endpoint().to_owned();
        let environment = |name: &str| (name == ENDPOINT_VARIABLE).then(|| endpoint.clone());
        let secrets = Secrets::parse(SECRETS.0, SECRETS.1)?;
        let components = component_yaml::parse(file, text, Types::DynamoDb)?;
        let first = components.first();
        let component = first.ok_or_else(|| Failure::here(format!("{file} has no component")))?;
        let resolved = component.resolve(Sources {
            environment: &environment,
            secrets: Some(&secrets),
        });
        let configuration = Configuration::new(resolved?.metadata);
        let table = configuration
            .get(field::TABLE)
            .unwrap_or_default()
            .to_owned();
        let partition_key = configuration
            .get(field::PARTITION_KEY)
            .unwrap_or(DEFAULT_PARTITION_KEY);
        embedded.create_table(&table, partition_key).await?;
        Ok(Self {
            metadata: configuration.metadata().to_vec(),
            table,
            endpoint,
        })
    }

    /// Creates an instance that may reach the embedded DynamoDB and nothing else.
    async fn instance(
        &self,
        plugin: &Plugin,
        heard: &CapturedStderr,
        report: &mut Report<'_>,
    ) -> Result<Instance, Stop> {
        let egress = Egress::builder().allow_url(&self.endpoint).build();
        let egress = egress.map_err(Failure::here)?;
        let options = InstanceOptions::new().egress(egress).stderr(heard);
        let began = Instant::now();
        let instance = plugin.instantiate(&options).await.map_err(Failure::here)?;
        let took = began.elapsed();
        report.fact("instantiate it", took, "may reach one host, nothing else")?;
        Ok(instance)
    }
}
