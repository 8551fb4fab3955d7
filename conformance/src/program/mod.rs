//! The conformance cases as a command. It prints one line per case as soon as the case has ended,
//! and a summary.

mod report;
mod subject;

use self::report::Report;
use crate::{Invocation, TIME_LIMIT, cases, run as run_all};
use clap::Parser;
use futures_util::{StreamExt, pin_mut};
use host_test::command_line::status::STATUSES;
use host_test::program::arguments::Connection;
use host_test::program::session::requests;
use host_test::program::{Status, Surroundings, output, parsed, usage};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Test a component against the contract of wit/: its state store and its output binding
#[derive(Debug, Parser)]
#[command(name = "conformance", version, after_help = STATUSES)]
struct Arguments {
    /// Test this component instead of the workspace's own
    #[arg(long, value_name = "FILE.wasm")]
    component: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    /// Run only the cases whose group or name contains this text
    #[arg(value_name = "TEXT", default_value = "", hide_default_value = true)]
    text: String,
    /// Print the cases and their requirements, then exit
    #[arg(long)]
    list: bool,
    /// Perform this operation of the binding; {key} in its data becomes a new key. Items that it
    /// creates are deleted if the state store sees them. Without this flag, cases that perform an
    /// operation do not apply. The workspace's own component uses create by default
    #[arg(long, value_name = "OPERATION=DATA")]
    invoke: Option<Invocation>,
    /// The time limit of one call; by default a minute
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    time_limit: Option<Duration>,
}

impl Arguments {
    fn time_limit(&self) -> Duration {
        self.time_limit.unwrap_or(TIME_LIMIT)
    }
}

/// Runs the program. The first of the arguments is the program's own name.
pub async fn run(arguments: Vec<OsString>, surroundings: Surroundings<'_>) -> Status {
    parsed(arguments, surroundings, perform).await
}

async fn perform(asked: Arguments, surroundings: &mut Surroundings<'_>) -> io::Result<Status> {
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
    let (subject, behind) = match subject::of(&asked, environment).await {
        Ok(Ok(subject)) => subject,
        // No case applies to a component that cannot be loaded.
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
