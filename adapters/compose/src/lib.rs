//! Composes a component that exports the contract into a program. The program in `adapters/cli`
//! imports the component's exports. The host provides all other imports of both.
//!
//! The same component always gives the same bytes.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod error;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};

pub use self::error::Error;

/// The program of `adapters/cli`.
const PROGRAM: &[u8] = include_bytes!(env!("PROGRAM_PATH"));
/// The component of `adapters/unsupported`.
const UNSUPPORTED: &[u8] = include_bytes!(env!("UNSUPPORTED_PATH"));

/// The interfaces of the contract that the program imports. A component exports at least one of
/// them.
pub const INTERFACES: [&str; 2] = [
    "dapr-wasm:components/state@0.1.0",
    "dapr-wasm:components/binding@0.1.0",
];

/// Composes a program from a component that exports the state store, the binding or both. Commands
/// for an interface that it does not export fail with `unsupported`; its `operations` is an empty
/// list.
pub fn compose(component: &[u8]) -> Result<Vec<u8>, Error> {
    let mut graph = CompositionGraph::new();
    let component = Package::from_bytes("component", None, component, graph.types_mut())
        .map_err(Error::no_component)?;
    let component = register(&mut graph, component)?;
    let [state, binding] = INTERFACES.map(|interface| exports(&graph, component, interface));
    let exported = [state?, binding?];
    if !exported.contains(&true) {
        return Err(Error::NoContract);
    }
    let program = part(&mut graph, "program", PROGRAM)?;
    let unsupported = part(&mut graph, "unsupported", UNSUPPORTED)?;
    let program_instance = graph.instantiate(program);
    let component_instance = graph.instantiate(component);
    for (interface, exported) in INTERFACES.into_iter().zip(exported) {
        let source = match exported {
            true => component_instance,
            // Reached at most once, because at least one of the two interfaces is exported.
            false => graph.instantiate(unsupported),
        };
        connect(&mut graph, source, program_instance, interface)?;
    }
    offer(&mut graph, program, program_instance)?;
    graph
        .encode(EncodeOptions::default())
        .map_err(|error| Error::not_composed(&error))
}

/// Registers a component that is embedded in this crate.
fn part(
    graph: &mut CompositionGraph,
    name: &str,
    bytes: &'static [u8],
) -> Result<PackageId, Error> {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut())
        .map_err(|error| Error::not_composed(error.as_ref()))?;
    register(graph, package)
}

fn register(graph: &mut CompositionGraph, package: Package) -> Result<PackageId, Error> {
    graph
        .register_package(package)
        .map_err(|error| Error::not_composed(&error))
}

/// Returns true if the interface is exported. Another version is an error. Otherwise it would count
/// as missing, and its commands as `unsupported`.
fn exports(
    graph: &CompositionGraph,
    package: PackageId,
    wanted: &'static str,
) -> Result<bool, Error> {
    let exports = &graph.types()[graph[package].ty()].exports;
    if exports.contains_key(wanted) {
        return Ok(true);
    }
    let name = |interface: &str| interface.split('@').next().map(str::to_owned);
    match exports.keys().find(|export| name(export) == name(wanted)) {
        Some(other) => Err(Error::AnotherVersion {
            wanted,
            exported: other.clone(),
        }),
        None => Ok(false),
    }
}

/// Connects an interface of `source` to the program.
fn connect(
    graph: &mut CompositionGraph,
    source: NodeId,
    program: NodeId,
    interface: &'static str,
) -> Result<(), Error> {
    let exported = graph
        .alias_instance_export(source, interface)
        .map_err(|error| Error::not_composed(&error))?;
    graph
        .set_instantiation_argument(program, interface, exported)
        .map_err(|error| Error::does_not_fit(interface, &error))
}

/// Exports the program's own exports: `wasi:cli/run`.
fn offer(graph: &mut CompositionGraph, program: PackageId, instance: NodeId) -> Result<(), Error> {
    let names = graph.types()[graph[program].ty()].exports.keys();
    for name in names.cloned().collect::<Vec<_>>() {
        let exported = graph
            .alias_instance_export(instance, &name)
            .map_err(|error| Error::not_composed(&error))?;
        graph
            .export(exported, &name)
            .map_err(|error| Error::not_composed(&error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
