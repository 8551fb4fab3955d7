//! Measures the resident memory of idle, initialised instances, in a new process that does nothing else.
//!
//! The first instance also adds the memory that all instances share: the pages of the compiled code, the connection and
//! the runtime.

use super::Plan;
use super::contenders::{Name, component};
use super::tls::Reach;
use anyhow::{Context, Result, bail};
use clap::Args;
use memory_stats::memory_stats;
use serde::{Deserialize, Serialize};
use std::env;
use std::path::Path;
use tokio::process::Command;

/// The numbers of instances to measure.
pub(super) const INSTANCES: [usize; 3] = [1, 100, 1000];
/// The name of the hidden subcommand that measures.
const SUBCOMMAND: &str = "memory";

/// The memory of one process.
#[derive(Debug, Serialize)]
pub(super) struct MemoryFigures {
    /// The build of the component.
    pub(super) name: Name,
    /// The number of instances.
    pub(super) instances: usize,
    /// Resident memory with the component loaded and before the first instance, in bytes.
    pub(super) before: u64,
    /// Resident memory with all instances, in bytes.
    pub(super) after: u64,
    /// The average memory that one instance added, in bytes.
    pub(super) per_instance: u64,
    /// The linear memory of one instance, in bytes.
    pub(super) linear_memory: u64,
}

/// The arguments of the hidden subcommand that measures in its own process.
#[derive(Debug, Args)]
pub(super) struct MemoryArguments {
    #[arg(long)]
    instances: usize,
    #[arg(long)]
    endpoint: String,
}

/// The line that the new process writes on its standard output.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    before: u64,
    after: u64,
    linear_memory: u64,
}

/// Measures each number of instances of each build in its own process.
pub(super) async fn measure(plan: &Plan, reach: &Reach) -> Result<Vec<MemoryFigures>> {
    let program = env::current_exe()?;
    let mut figures = Vec::new();
    for instances in INSTANCES {
        plan.progress
            .set_message(format!("memory of {instances} instances"));
        for (name, file) in plan.builds() {
            let answer = ask(&program, file, instances, reach).await?;
            figures.push(MemoryFigures {
                name,
                instances,
                before: answer.before,
                after: answer.after,
                per_instance: answer.after.saturating_sub(answer.before) / instances as u64,
                linear_memory: answer.linear_memory,
            });
            plan.progress.inc(1);
        }
    }
    Ok(figures)
}

async fn ask(program: &Path, file: &Path, instances: usize, reach: &Reach) -> Result<Answer> {
    let output = Command::new(program)
        .arg(SUBCOMMAND)
        .arg("--component")
        .arg(file)
        .args(["--instances", &instances.to_string()])
        .args(["--endpoint", &reach.endpoint])
        .output()
        .await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "the process that measures memory: {}: {said}",
            output.status
        );
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Starts the instances in this process. Returns the [`Answer`] as JSON.
pub(crate) async fn measure_in_this_process(
    file: &Path,
    arguments: &MemoryArguments,
) -> Result<String> {
    let reach = Reach::plain(&arguments.endpoint);
    let plugin = component::load(file, false)?;
    let options = component::options(&reach)?;
    let metadata = component::metadata(&reach.endpoint);
    let before = resident()?;
    let mut instances = Vec::with_capacity(arguments.instances);
    for _ in 0..arguments.instances {
        let mut instance = plugin.instantiate(&options).await?;
        let mut state = instance.state()?;
        state.init(&metadata).await?;
        instances.push(instance);
    }
    let answer = Answer {
        before,
        after: resident()?,
        linear_memory: instances
            .first()
            .map_or(0, |instance| instance.memory_size() as u64),
    };
    Ok(serde_json::to_string(&answer)?)
}

fn resident() -> Result<u64> {
    let stats = memory_stats().context(
        "cannot measure memory: this system does not report the resident memory of a process",
    )?;
    Ok(stats.physical_mem as u64)
}
