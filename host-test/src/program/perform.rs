//! One call, from its arguments to its exit status: input is read first, so that a component is not
//! started for a file with a mistake in it.

use std::{io, path::Path};

use dapr_wasm_host::CapturedStderr;

use super::{
    Status, Surroundings,
    arguments::{BindingArguments, Connection, StateArguments},
    calls,
    component_file::{ComponentFile, types},
    progress_bar::Bar,
    session::{Plan, Session},
    usage,
};
use crate::{
    command_line::{
        BindingRequest, Outcome, StateRequest, Stop,
        output::{Format, Output},
    },
    component_yaml::ComponentType,
};

/// `host-test state …`
pub(super) async fn state(
    component: Option<&Path>,
    arguments: StateArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let connection = arguments.connection;
    if let Err(error) = connection.check() {
        return Ok(usage(&error, surroundings));
    }
    let request = StateRequest::read(arguments.command, surroundings.stdin);
    let bar = Bar::on_stderr(surroundings.terminal.stderr);
    let environment = surroundings.environment;
    let mut output = output(&connection, surroundings);
    let heard = CapturedStderr::new();
    let performed = async {
        let request = request?;
        let file = ComponentFile::read(types(component), &connection)?;
        tell_passed_over(file.as_ref(), &mut output)?;
        let plan = Plan::new(
            ComponentType::StateStore,
            file.as_ref(),
            &connection,
            environment,
        )?;
        tell(&plan, writes(&request), &mut output)?;
        let mut session = plan.open(component, &heard).await?;
        let mut store = calls::state(&mut session.instance)?;
        let outcome = request.perform(&mut store, &mut output, &bar).await;
        tell_requests(&session, &mut output)?;
        outcome
    };
    let performed = performed.await;
    finish(performed, &heard, &mut output)
}

/// `host-test binding …`
pub(super) async fn binding(
    component: Option<&Path>,
    arguments: BindingArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let connection = arguments.connection;
    if let Err(error) = connection.check() {
        return Ok(usage(&error, surroundings));
    }
    let request = BindingRequest::read(arguments.command, surroundings.stdin);
    let environment = surroundings.environment;
    let mut output = output(&connection, surroundings);
    let heard = CapturedStderr::new();
    let performed = async {
        let request = request?;
        let file = ComponentFile::read(types(component), &connection)?;
        tell_passed_over(file.as_ref(), &mut output)?;
        let plan = Plan::new(
            ComponentType::OutputBinding,
            file.as_ref(),
            &connection,
            environment,
        )?;
        let writes = matches!(request, BindingRequest::Invoke { .. });
        tell(&plan, writes, &mut output)?;
        let mut session = plan.open(component, &heard).await?;
        let mut binding = calls::binding(&mut session.instance)?;
        let outcome = request.perform(&mut binding, &mut output).await;
        tell_requests(&session, &mut output)?;
        outcome
    };
    let performed = performed.await;
    finish(performed, &heard, &mut output)
}

/// Where answers go.
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

fn writes(request: &StateRequest) -> bool {
    match request {
        StateRequest::Set(_)
        | StateRequest::Delete(_)
        | StateRequest::BulkSet(_)
        | StateRequest::BulkDelete(_)
        | StateRequest::Transact(_) => true,
        StateRequest::Get(..)
        | StateRequest::BulkGet(..)
        | StateRequest::Features
        | StateRequest::Ping => false,
    }
}

fn tell_passed_over(file: Option<&ComponentFile<'_>>, output: &mut Output<'_>) -> io::Result<()> {
    let mut notices = file.into_iter().flat_map(ComponentFile::notices);
    notices.try_for_each(|notice| output.note(notice))
}

fn tell(plan: &Plan, writes: bool, output: &mut Output<'_>) -> io::Result<()> {
    for notice in &plan.notices {
        output.note(notice)?;
    }
    if writes && plan.forgets() {
        output.note("this embedded DynamoDB is in memory: --data DIR keeps what is written")?;
    }
    Ok(())
}

fn tell_requests(session: &Session, output: &mut Output<'_>) -> io::Result<()> {
    match session.requests() {
        Some(requests) => output.note(requests),
        None => Ok(()),
    }
}

fn finish(
    performed: Result<Outcome, Stop>,
    heard: &CapturedStderr,
    output: &mut Output<'_>,
) -> io::Result<Status> {
    for line in heard.contents().lines() {
        output.note(format_args!("the component says: {line}"))?;
    }
    Status::of(performed, output)
}
