//! Performs one call, from its arguments to its exit status. Input is read first, so a component is
//! not started if a file has an error.

use super::arguments::{BindingArguments, Connection, StateArguments};
use super::component_file::{ComponentFile, types};
use super::progress_bar::Bar;
use super::session::Plan;
use super::{Status, Surroundings, calls, usage};
use crate::command_line::output::{Format, Output};
use crate::command_line::{BindingRequest, Failure, Outcome, StateRequest, Stop};
use crate::component_yaml::ComponentType;
use dapr_wasm_host::CapturedStderr;
use std::io::{self, Read};
use std::path::Path;

/// `host-test state …`
pub(super) async fn state(
    component: Option<&Path>,
    arguments: StateArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let StateArguments {
        connection,
        command,
    } = arguments;
    let read = |stdin: &mut dyn Read| StateRequest::read(command, stdin).map(Request::State);
    perform(component, connection, read, surroundings).await
}

/// `host-test binding …`
pub(super) async fn binding(
    component: Option<&Path>,
    arguments: BindingArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let BindingArguments {
        connection,
        command,
    } = arguments;
    let read = |stdin: &mut dyn Read| BindingRequest::read(command, stdin).map(Request::Binding);
    perform(component, connection, read, surroundings).await
}

enum Request {
    State(StateRequest),
    Binding(BindingRequest),
}

impl Request {
    fn component_type(&self) -> ComponentType {
        match self {
            Self::State(_) => ComponentType::StateStore,
            Self::Binding(_) => ComponentType::OutputBinding,
        }
    }

    fn writes(&self) -> bool {
        use StateRequest::{BulkGet, Features, Get, Ping};
        match self {
            Self::State(request) => !matches!(request, Get(..) | BulkGet(..) | Features | Ping),
            Self::Binding(request) => matches!(request, BindingRequest::Invoke { .. }),
        }
    }
}

async fn perform(
    component: Option<&Path>,
    connection: Connection,
    read: impl FnOnce(&mut dyn Read) -> Result<Request, Failure>,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    if let Err(error) = connection.check() {
        return Ok(usage(&error, surroundings));
    }
    let request = read(surroundings.stdin);
    let bar = Bar::on_stderr(surroundings.terminal.stderr);
    let environment = surroundings.environment;
    let mut output = output(&connection, surroundings);
    let heard = CapturedStderr::new();
    let performed = async {
        let request = request?;
        let file = ComponentFile::read(types(component), &connection)?;
        for notice in file.iter().flat_map(ComponentFile::notices) {
            output.note(notice)?;
        }
        let component_type = request.component_type();
        let plan = Plan::new(component_type, file.as_ref(), &connection, environment)?;
        for notice in &plan.notices {
            output.note(notice)?;
        }
        if request.writes() && plan.forgets() {
            output.note("this embedded DynamoDB is in memory: use --data DIR to keep its data")?;
        }
        let mut session = plan.open(component, &heard).await?;
        let outcome = match request {
            Request::State(request) => {
                let mut store = calls::state(&mut session.instance)?;
                request.perform(&mut store, &mut output, &bar).await
            }
            Request::Binding(request) => {
                let mut binding = calls::binding(&mut session.instance)?;
                request.perform(&mut binding, &mut output).await
            }
        };
        if let Some(requests) = session.requests() {
            output.note(requests)?;
        }
        outcome
    };
    let performed: Result<Outcome, Stop> = performed.await;
    for line in heard.contents().lines() {
        output.note(format_args!("the component says: {line}"))?;
    }
    Status::of(performed, &mut output)
}

/// Returns the output for these surroundings.
pub fn output<'a>(connection: &Connection, surroundings: &'a mut Surroundings<'_>) -> Output<'a> {
    Output {
        format: match connection.json {
            true => Format::Json,
            false => Format::Plain,
        },
        stdout: surroundings.stdout,
        stderr: surroundings.stderr,
        stdout_is_terminal: surroundings.terminal.stdout,
        stderr_in_color: surroundings.terminal.color_on_stderr,
    }
}
