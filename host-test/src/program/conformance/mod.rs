//! The conformance cases as a command: one line a case as soon as it has ended, and what all of them came to.

mod report;
mod subject;

use std::{io, path::Path, time::Duration};

use clap::Args;
use futures_util::{StreamExt, pin_mut};

use self::report::Report;
use super::{
    Status, Surroundings, arguments::Connection, perform::output, session::requests, usage,
};
use crate::conformance::{Invocation, TIME_LIMIT, cases, run as run_all};

/// What is run.
#[derive(Debug, Args)]
pub(super) struct ConformanceArguments {
    #[command(flatten)]
    connection: Connection,
    /// Only the cases whose group or name holds this text
    #[arg(value_name = "TEXT", default_value = "", hide_default_value = true)]
    text: String,
    /// Print the cases and what each of them needs, and end
    #[arg(long)]
    list: bool,
    /// An operation of the binding that may be performed, and its data, in which {key} becomes a new
    /// key; what it makes is deleted where the state store has it; without it, cases that perform one
    /// do not apply. For the workspace's own component it is create
    #[arg(long, value_name = "OPERATION=DATA")]
    invoke: Option<Invocation>,
    /// How long one call may take; by default a minute
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    time_limit: Option<Duration>,
}

impl ConformanceArguments {
    fn time_limit(&self) -> Duration {
        self.time_limit.unwrap_or(TIME_LIMIT)
    }
}

pub(super) async fn run(
    component: Option<&Path>,
    asked: ConformanceArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    if let Err(error) = asked.connection.check() {
        return Ok(usage(&error, surroundings));
    }
    let cases = cases::matching(&asked.text);
    let environment = surroundings.environment;
    let color = surroundings.terminal.color_on_stdout;
    let mut report = Report::new(output(&asked.connection, surroundings), color);
    if cases.is_empty() {
        return report.failure(format_args!(
            "no case has {:?} in its name: --list prints all",
            asked.text
        ));
    }
    if asked.list {
        return report.list(&cases);
    }
    let (subject, behind) = match subject::of(component, &asked, environment).await {
        Ok(Ok(subject)) => subject,
        // What cannot be loaded has no case that applies.
        Ok(Err(refused)) => {
            report.ran(&refused)?;
            return report.end();
        }
        Err(failure) => return report.failure(failure),
    };
    for notice in &behind.notices {
        report.output.note(notice)?;
    }
    let ran = run_all(subject, cases);
    pin_mut!(ran);
    while let Some(ran) = ran.next().await {
        report.ran(&ran)?;
    }
    if let Some(proxy) = &behind.proxy {
        report.output.note(requests(proxy))?;
    }
    report.end()
}
