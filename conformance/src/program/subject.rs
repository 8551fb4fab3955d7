//! Prepares the component under test from the command line. It is loaded once, and configured as a
//! state store and as a binding if there is a configuration for them.

use super::Arguments;
use crate::{Invocation, Outcome, Ran, Subject};
use dapr_wasm_host::{InstanceOptions, Plugin};
use host_test::command_line::Failure;
use host_test::component_path;
use host_test::component_yaml::ComponentType;
use host_test::counting_proxy::CountingProxy;
use host_test::embedded::Embedded;
use host_test::program::component_file::{ComponentFile, types};
use host_test::program::session::Plan;

/// An invocation that the workspace's own component accepts on any table with the default partition
/// key.
const OWN_INVOCATION: (&str, &str) = ("create", r#"{"key": "{key}", "n": 1}"#);

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The servers that the component calls, and notices.
#[derive(Default)]
pub(super) struct Behind {
    pub(super) proxy: Option<CountingProxy>,
    /// Notices for the user, to show before the run.
    pub(super) notices: Vec<String>,
    embedded: Option<Embedded>,
}

/// Prepares the component and its servers. The outer error is about the command line and its files.
/// The inner one is about a component that does not implement the contract.
pub(super) async fn of(
    asked: &Arguments,
    environment: Environment<'_>,
) -> Result<Result<(Subject, Behind), Ran>, Failure> {
    let component = asked.component.as_deref();
    let connection = &asked.connection;
    let types = types(component);
    let file = ComponentFile::read(types, connection)?;
    let configured = match &file {
        Some(file) => file.configured()?,
        None => ComponentType::ALL.to_vec(),
    };
    let plan = |component_type| match configured.contains(&component_type) {
        true => Plan::new(component_type, file.as_ref(), connection, environment).map(Ok),
        false => Ok(Err(format!(
            "the component file configures no {}",
            types.name(component_type)
        ))),
    };
    let mut state = plan(ComponentType::StateStore)?;
    let mut binding = plan(ComponentType::OutputBinding)?;
    if let (Ok(state), Ok(other)) = (&state, &binding)
        && !state.shares_its_destination(other)
    {
        binding = Err(
            "the binding is configured for another DynamoDB than the state store: choose one with --component-name"
                .to_owned(),
        );
    }
    let plugin = match Plugin::from_file(component.unwrap_or(component_path())) {
        Ok(plugin) => plugin,
        Err(error) => return Ok(Err(not_loaded(&error))),
    };
    if let Some(reason) = untested(&plugin, &state, &binding) {
        return Err(Failure::here(format!("no case applies: {reason}")));
    }
    let mut behind = Behind::default();
    let passed_over = file.iter().flat_map(ComponentFile::notices);
    behind.notices.extend(passed_over.cloned());
    let mut options = InstanceOptions::new();
    let plans = [&mut state, &mut binding].into_iter().flatten();
    let mut plans: Vec<_> = plans.collect();
    for plan in &mut plans {
        behind.notices.append(&mut plan.notices);
    }
    if let Some((first, others)) = plans.split_first_mut() {
        behind.embedded = first.start_embedded().await?;
        first.complete(behind.embedded.as_ref()).await?;
        behind.proxy = first.count().await?;
        options = first.options()?;
        for other in others {
            other.complete(behind.embedded.as_ref()).await?;
            other.call_what_it_calls(first);
        }
    }
    let own = component.is_none() && connection.component_yaml.is_none();
    let invocation = asked.invoke.clone().or_else(|| own.then(own_invocation));
    let metadata = |plan: Result<Plan, String>| plan.map(|plan| plan.metadata().to_vec());
    let subject = Subject {
        plugin,
        options,
        state: metadata(state),
        binding: metadata(binding),
        invocation,
        time_limit: asked.time_limit(),
    };
    Ok(Ok((subject, behind)))
}

/// Returns an error if no interface of the component is configured. A run that
/// tests nothing must not look like a run that found nothing.
fn untested<'r>(
    plugin: &Plugin,
    state: &'r Result<Plan, String>,
    binding: &'r Result<Plan, String>,
) -> Option<&'r str> {
    let state = plugin.exports_state().then_some(state);
    let binding = plugin.exports_binding().then_some(binding);
    let exported = || state.into_iter().chain(binding);
    match exported().any(Result::is_ok) {
        true => None,
        false => exported().find_map(|plan| plan.as_ref().err().map(String::as_str)),
    }
}

fn own_invocation() -> Invocation {
    let (operation, data) = OWN_INVOCATION;
    Invocation {
        operation: operation.to_owned(),
        data: data.to_owned(),
    }
}

fn not_loaded(error: &dapr_wasm_host::HostError) -> Ran {
    Ran {
        group: "component",
        case: "it implements the contract".to_owned(),
        outcome: Outcome::Failed(error.to_string()),
        heard: Vec::new(),
    }
}
