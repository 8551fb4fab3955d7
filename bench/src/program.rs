//! The command line of the benchmark: measures, then prints and writes the figures.
//!
//! Measuring takes minutes. So the program checks before it measures that it can write the output files. A file that
//! cannot be written afterwards does not prevent the others from being written.

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

/// Compares both builds of the component with the native AWS SDK for Rust
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    version,
    after_help = STATUSES,
    propagate_version = true,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    /// Measure this portable build instead of the workspace's own. `soak` takes either build
    #[arg(long, global = true, value_name = "FILE.wasm")]
    component: Option<PathBuf>,
    #[command(flatten)]
    comparison: BenchArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write and read with injected faults, killed instances and cut connections. Check that no
    /// write is lost and that memory does not grow
    Soak(SoakArguments),
    /// Measure resident memory in this process. The section memory starts this command
    #[command(hide = true)]
    Memory(MemoryArguments),
    /// Serve an embedded DynamoDB until standard input ends. `soak` starts this command
    #[command(hide = true)]
    Engine,
}

/// Runs the program. The first argument is the name of the program.
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

/// Runs the soak test. Prints all figures even if a check failed.
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

/// The output files.
struct Files {
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
}

impl Files {
    /// Refuses two paths of the same file, because one output would overwrite the other.
    fn differ(&self) -> Result<(), &'static str> {
        match (&self.json, &self.svg) {
            (Some(json), Some(svg)) if place(json) == place(svg) => {
                Err("--json and --svg name the same file: give each its own file")
            }
            _ => Ok(()),
        }
    }

    /// Applies one function to each file. Returns the errors of both.
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

/// Returns the canonical path of a file, or its absolute path if the file does not exist.
fn place(file: &Path) -> PathBuf {
    let known = fs::canonicalize(file).or_else(|_| path::absolute(file));
    known.unwrap_or_else(|_| file.to_owned())
}

/// Checks that a file can be written. An existing file keeps its content, and no new file is left behind.
fn can_be_written(file: &Path) -> io::Result<()> {
    match File::options().write(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::create_new(file)?;
            fs::remove_file(file)
        }
        opened => opened.map(drop),
    }
}

/// Prints the errors of a run. Returns success if there are none.
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
    fn other_file_is_written_if_one_cannot_be() {
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
