//! Resident memory of idle instances, each initialised: measured in a new process that does nothing else.
//!
//! The first instance brings what all of them share: the pages of the compiled code, the connection, the runtime's own.

use std::{env, path::Path};

use clap::Args;
use memory_stats::memory_stats;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::{Plan, contenders::component, tls::Reach};
use host_test::command_line::Failure;

/// How many instances.
const INSTANCES: [usize; 3] = [1, 100, 1000];
/// The name of the subcommand that measures.
const SUBCOMMAND: &str = "memory";

/// What one process took.
#[derive(Debug, Serialize)]
pub struct MemoryFigures {
    /// How many instances it kept.
    pub instances: usize,
    /// What was resident before the first, with the component loaded, in bytes.
    pub before: u64,
    /// What was resident with all of them, in bytes.
    pub after: u64,
    /// What each of them added, in bytes.
    pub per_instance: u64,
    /// The linear memory of one of them, in bytes.
    pub linear_memory: u64,
}

/// Measures in this process.
#[derive(Debug, Args)]
pub struct MemoryArguments {
    #[arg(long)]
    instances: usize,
    #[arg(long)]
    endpoint: String,
}

/// What the new process writes on its standard output.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    before: u64,
    after: u64,
    linear_memory: u64,
}

/// Starts a process for each number of instances.
pub(super) async fn measure(plan: &Plan, reach: &Reach) -> Result<Vec<MemoryFigures>, Failure> {
    let program = env::current_exe().map_err(Failure::here)?;
    let mut figures = Vec::new();
    for instances in INSTANCES {
        plan.progress
            .now(format!("memory of {instances} instances"));
        let answer = ask(plan, &program, instances, reach).await?;
        figures.push(MemoryFigures {
            instances,
            before: answer.before,
            after: answer.after,
            per_instance: answer.after.saturating_sub(answer.before) / instances as u64,
            linear_memory: answer.linear_memory,
        });
        plan.progress.advance();
    }
    Ok(figures)
}

async fn ask(
    plan: &Plan,
    program: &Path,
    instances: usize,
    reach: &Reach,
) -> Result<Answer, Failure> {
    let output = Command::new(program)
        .arg(SUBCOMMAND)
        .arg("--component")
        .arg(&plan.component)
        .args(["--instances", &instances.to_string()])
        .args(["--endpoint", &reach.endpoint])
        .output()
        .await
        .map_err(Failure::here)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::here(format_args!(
            "the process that measures memory: {}: {said}",
            output.status
        )));
    }
    serde_json::from_slice(&output.stdout).map_err(Failure::here)
}

/// Starts the instances here; gives the answer as JSON.
pub(crate) async fn measure_in_this_process(
    file: &Path,
    arguments: &MemoryArguments,
) -> Result<String, Failure> {
    let reach = Reach {
        endpoint: arguments.endpoint.clone(),
        root: None,
    };
    let plugin = component::load(file, false)?;
    let options = component::options(&reach)?;
    let metadata = component::metadata(&reach.endpoint);
    let before = resident()?;
    let mut instances = Vec::with_capacity(arguments.instances);
    for _ in 0..arguments.instances {
        let mut instance = plugin.instantiate(&options).await.map_err(Failure::here)?;
        let mut state = instance.state().map_err(Failure::here)?;
        state.init(&metadata).await.map_err(Failure::here)?;
        instances.push(instance);
    }
    let answer = Answer {
        before,
        after: resident()?,
        linear_memory: instances
            .first()
            .map_or(0, |instance| instance.memory_size() as u64),
    };
    serde_json::to_string(&answer).map_err(Failure::here)
}

fn resident() -> Result<u64, Failure> {
    let stats = memory_stats();
    let stats = stats.ok_or_else(|| Failure::here("this system does not tell resident memory"))?;
    Ok(stats.physical_mem as u64)
}
