//! The benchmark as a command: measure, then show and keep.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{Status, Surroundings};
use crate::{
    bench::{self, BenchArguments, MemoryArguments, Plan, Report},
    command_line::Failure,
    component_path,
};

pub(super) async fn run(
    component: Option<&Path>,
    arguments: BenchArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let (json, svg) = (arguments.json.clone(), arguments.svg.clone());
    let component = component.unwrap_or(component_path());
    let plan = Plan::new(arguments, component, surroundings.terminal.stderr);
    let report = match plan.run().await {
        Ok(report) => report,
        Err(failure) => return failed(&failure, surroundings),
    };
    // First what cannot fail for want of a folder: measuring took minutes.
    report.show(surroundings.stdout)?;
    match keep(&report, json, svg) {
        Ok(()) => Ok(Status::Success),
        Err(failure) => failed(&failure, surroundings),
    }
}

/// Measures in this process what [`run`] asks of a new one.
pub(super) async fn memory(
    component: Option<&Path>,
    arguments: &MemoryArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let component = component.unwrap_or(component_path());
    match bench::measure_in_this_process(component, arguments).await {
        Ok(answer) => {
            writeln!(surroundings.stdout, "{answer}")?;
            Ok(Status::Success)
        }
        Err(failure) => failed(&failure, surroundings),
    }
}

fn keep(report: &Report, json: Option<PathBuf>, svg: Option<PathBuf>) -> Result<(), Failure> {
    let refused =
        |file: &Path, error: io::Error| Failure::here(format_args!("{}: {error}", file.display()));
    if let Some(file) = json {
        let written = report.write_json(&file);
        written.map_err(|error| refused(&file, error))?;
    }
    if let Some(file) = svg {
        let drawn = report.draw(&file);
        drawn.map_err(|error| refused(&file, error))?;
    }
    Ok(())
}

fn failed(failure: &Failure, surroundings: &mut Surroundings<'_>) -> io::Result<Status> {
    writeln!(surroundings.stderr, "error: {failure}")?;
    Ok(Status::Failure)
}
