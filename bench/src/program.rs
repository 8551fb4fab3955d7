//! The benchmark as a command: measure, then show and keep. Measuring takes minutes, so that what
//! cannot be kept is refused before, and nothing that can be is lost for something else that cannot.

use super::arguments::BenchArguments;
use super::memory::{MemoryArguments, measure_in_this_process};
use super::soak::{self, SoakArguments};
use super::store::EngineProcess;
use super::{Plan, process};
use anyhow::{Error, anyhow};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use host_test::command_line::status::STATUSES;
use host_test::component_path;
use host_test::program::{Status, Surroundings, parsed, usage};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{self, Path, PathBuf};

/// Measures dapr_dynamodb.wasm against the native AWS SDK for Rust
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    version,
    after_help = STATUSES,
    propagate_version = true,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    /// Measure this component instead of the workspace's own
    #[arg(long, global = true, value_name = "FILE.wasm")]
    component: Option<PathBuf>,
    #[command(flatten)]
    comparison: BenchArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write and read for a while with faults, kills and cut connections; see that nothing is lost
    /// and that memory stays flat
    Soak(SoakArguments),
    /// Measure resident memory in this process: what the section memory starts
    #[command(hide = true)]
    Memory(MemoryArguments),
    /// Serve an embedded DynamoDB until standard input ends: what `soak` starts
    #[command(hide = true)]
    Engine,
}

/// Runs the program. The first of the arguments is the program's own name.
pub(super) async fn run(arguments: Vec<OsString>, surroundings: Surroundings<'_>) -> Status {
    parsed(arguments, surroundings, perform).await
}

async fn perform(arguments: Arguments, surroundings: &mut Surroundings<'_>) -> io::Result<Status> {
    let component = arguments.component;
    let component = component.unwrap_or_else(|| component_path().to_owned());
    let done = match arguments.command {
        None => return compare(&component, arguments.comparison, surroundings).await,
        Some(Command::Soak(asked)) => return soak(component, asked, surroundings).await,
        Some(Command::Memory(asked)) => measure_in_this_process(&component, &asked)
            .await
            .map(|answer| answer + "\n"),
        Some(Command::Engine) => EngineProcess::serve().await.map(|()| String::new()),
    };
    match done {
        Ok(answer) => {
            surroundings.stdout.write_all(answer.as_bytes())?;
            Ok(Status::Success)
        }
        Err(error) => ended(&[error], surroundings),
    }
}

/// Runs the soak, and tells all of its figures even if it failed.
async fn soak(
    component: PathBuf,
    asked: SoakArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let files = Files {
        json: asked.json.clone(),
        svg: None,
    };
    let refused = files.each(can_be_written, can_be_written);
    if !refused.is_empty() {
        return ended(&refused, surroundings);
    }
    let shows_progress = surroundings.terminal.stderr;
    let run = move || soak::run(component, asked, shows_progress);
    let figures = match process::on_own_thread(run).await {
        Ok(figures) => figures,
        Err(error) => return ended(&[error], surroundings),
    };
    surroundings.stdout.write_all(figures.text().as_bytes())?;
    let json = serde_json::to_string_pretty(&figures)?;
    let write = |file: &Path| fs::write(file, format!("{json}\n"));
    let mut errors = files.each(write, write);
    errors.extend(figures.broken.into_iter().map(Error::msg));
    ended(&errors, surroundings)
}

async fn compare(
    component: &Path,
    arguments: BenchArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let files = Files {
        json: arguments.json.clone(),
        svg: arguments.svg.clone(),
    };
    if let Err(sentence) = arguments.check().and_then(|()| files.differ()) {
        let error = Arguments::command().error(ErrorKind::ArgumentConflict, sentence);
        return Ok(usage(&error, surroundings));
    }
    let refused = files.each(can_be_written, can_be_written);
    if !refused.is_empty() {
        return ended(&refused, surroundings);
    }
    let plan = Plan::new(arguments, component, surroundings.terminal.stderr);
    let report = match plan.run().await {
        Ok(report) => report,
        Err(error) => return ended(&[error], surroundings),
    };
    let refused = files.each(|file| report.write_json(file), |file| report.draw(file));
    let shown = report.show(surroundings.stdout);
    let status = ended(&refused, surroundings)?;
    shown.map(|()| status)
}

/// The files in which figures are kept.
struct Files {
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
}

impl Files {
    /// Refuses two names of one file: one would overwrite the other.
    fn differ(&self) -> Result<(), &'static str> {
        match (&self.json, &self.svg) {
            (Some(json), Some(svg)) if place(json) == place(svg) => {
                Err("--json and --svg name the same file")
            }
            _ => Ok(()),
        }
    }

    /// Does something with each file, and tells what went wrong.
    fn each(
        &self,
        json: impl FnOnce(&Path) -> io::Result<()>,
        svg: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Vec<Error> {
        let refused = |file: &Path, done: io::Result<()>| {
            let error = done.err()?;
            Some(anyhow!("{}: {error}", file.display()))
        };
        let of_json = self.json.as_deref().map(|file| (file, json(file)));
        let of_svg = self.svg.as_deref().map(|file| (file, svg(file)));
        let done = of_json.into_iter().chain(of_svg);
        done.filter_map(|(file, done)| refused(file, done))
            .collect()
    }
}

/// Returns one name for a file that may have several.
fn place(file: &Path) -> PathBuf {
    let known = fs::canonicalize(file).or_else(|_| path::absolute(file));
    known.unwrap_or_else(|_| file.to_owned())
}

/// Tries to open a file. One that is there keeps what is in it, and one that is not is not left behind.
fn can_be_written(file: &Path) -> io::Result<()> {
    match File::options().write(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::create_new(file)?;
            fs::remove_file(file)
        }
        opened => opened.map(drop),
    }
}

/// Tells the errors of a run; without any, it has succeeded.
fn ended(errors: &[Error], surroundings: &mut Surroundings<'_>) -> io::Result<Status> {
    for error in errors {
        writeln!(surroundings.stderr, "error: {error}")?;
    }
    match errors {
        [] => Ok(Status::Success),
        _ => Ok(Status::Failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_does_not_cost_the_other() {
        let kept = tempfile::tempdir().unwrap();
        let files = Files {
            json: Some(kept.path().join("no/such.json")),
            svg: Some(kept.path().join("latency.svg")),
        };
        let write = |file: &Path| fs::write(file, "figures");
        let refused = files.each(write, write);
        assert_eq!(refused.len(), 1);
        assert!(refused[0].to_string().contains("such.json"));
        assert!(kept.path().join("latency.svg").exists());
    }
}
