//! The command `faults`: the fault proxy. It runs a scenario in front of a DynamoDB until it is
//! interrupted or its time is over. The first line on standard output is its endpoint. It logs the
//! faults of requests to standard error.

use crate::faults::FaultProxy;
use crate::faults::scenario::{KINDS, Scenario};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use host_test::command_line::Failure;
use host_test::embedded::{Embedded, Storage};
use host_test::program::serving::{Interruption, Serving};
use host_test::program::session::{DEFAULT_PARTITION_KEY, DEFAULT_TABLE};
use host_test::program::{Status, Surroundings};
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// The arguments of `faults`.
#[derive(Debug, Args)]
pub(super) struct FaultsArguments {
    /// The scenario, a TOML file with the faults and the requests that meet them; examples are in
    /// examples/faults
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    scenario: Option<PathBuf>,
    /// Run in front of this endpoint (plain HTTP) instead of an embedded DynamoDB
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    upstream: Option<String>,
    /// Store the data of the embedded DynamoDB in this folder; by default it is in memory and lost
    /// at the end
    #[arg(long, value_name = "DIR", conflicts_with = "upstream")]
    data: Option<PathBuf>,
    /// The table of the embedded DynamoDB; created if absent
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TABLE, conflicts_with = "upstream")]
    table: String,
    #[command(flatten)]
    serving: Serving,
    /// Print the actions that a scenario can have, and exit
    #[arg(long)]
    list: bool,
}

pub(super) async fn run(
    arguments: &FaultsArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let scenario = arguments.scenario.as_deref();
    let Some(scenario) = scenario.filter(|_| !arguments.list) else {
        return list(surroundings).map(|()| Status::Success);
    };
    let (report, mut reports) = mpsc::unbounded_channel();
    let (_embedded, proxy) = match start(scenario, arguments, report).await {
        Ok(started) => started,
        Err(failure) => {
            writeln!(surroundings.stderr, "error: {failure}")?;
            return Ok(Status::Failure);
        }
    };
    let interruption = Interruption::listen();
    writeln!(surroundings.stdout, "{}", proxy.endpoint())?;
    surroundings.stdout.flush()?;
    let mut over = std::pin::pin!(arguments.serving.over(interruption));
    loop {
        tokio::select! {
            Some(line) = reports.recv() => writeln!(surroundings.stderr, "{line}")?,
            () = &mut over => break,
        }
    }
    while let Ok(line) = reports.try_recv() {
        writeln!(surroundings.stderr, "{line}")?;
    }
    let count = proxy.count_all();
    let (arrived, forwarded) = (count.arrived, count.forwarded);
    writeln!(
        surroundings.stderr,
        "requests: {arrived} arrived, {forwarded} passed on"
    )?;
    Ok(Status::Success)
}

async fn start(
    scenario: &Path,
    arguments: &FaultsArguments,
    report: mpsc::UnboundedSender<String>,
) -> Result<(Option<Embedded>, FaultProxy), Failure> {
    // If nobody reads the report any more, it is dropped.
    let report = Box::new(move |line| drop(report.send(line)));
    let scenario = Scenario::from_file(scenario, report).map_err(Failure::here)?;
    let (embedded, upstream) = match &arguments.upstream {
        None => {
            let embedded = embedded(arguments).await?;
            let endpoint = embedded.endpoint().to_owned();
            (Some(embedded), endpoint)
        }
        Some(url) if url.starts_with("http://") => (None, url.clone()),
        Some(url) => {
            return Err(Failure::here(format_args!(
                "--upstream {url}: the proxy supports plain HTTP only: use an http:// URL"
            )));
        }
    };
    let port = arguments.serving.port;
    let proxy = FaultProxy::start_on_port(&upstream, port, scenario);
    let proxy = proxy.map_err(|error| Failure::here(format_args!("--port {port}: {error}")))?;
    Ok((embedded, proxy))
}

async fn embedded(arguments: &FaultsArguments) -> Result<Embedded, Failure> {
    let storage = Storage::of(arguments.data.as_deref());
    let embedded = Embedded::start(storage).await.map_err(Failure::here)?;
    embedded
        .create_table_if_absent(&arguments.table, DEFAULT_PARTITION_KEY)
        .await
        .map_err(Failure::here)?;
    Ok(embedded)
}

fn list(surroundings: &mut Surroundings<'_>) -> io::Result<()> {
    let out = &mut surroundings.stdout;
    writeln!(
        out,
        "A scenario has one or more [[fault]] entries. The first that matches a request applies to it:\n\
         \x20 operation   \"PutItem\", or a list of several; every operation if unset\n\
         \x20 nth, first, every, percent   the requests that meet the fault; set one, or none for all\n\
         \x20 action      what happens to these requests\n\
         \x20 delay       the time to wait before, such as \"200ms\"\n\
         and at the top `seed`, from which `percent` draws.\n\nActions:"
    )?;
    for kind in KINDS {
        writeln!(out, "  {:<12} {}", kind.name, kind.about)?;
        let needs = kind.needs.iter().map(|field| (*field).to_owned());
        let takes = kind.takes.iter().map(|field| format!("[{field}]"));
        let fields: Vec<String> = needs.chain(takes).collect();
        if !fields.is_empty() {
            writeln!(out, "  {:<12}   fields: {}", "", fields.join(" "))?;
        }
    }
    Ok(())
}
