//! The program `histories`: plays and checks random concurrent histories, and prints those that are not linearizable.

use clap::Parser;
use dapr_wasm_host::Plugin;
use histories::{Fault, Plan, Player, Size, run as run_all};
use host_test::command_line::progress::Progress;
use host_test::command_line::status::STATUSES;
use host_test::component_path;
use host_test::program::progress_bar::Bar;
use host_test::program::{Status, Surroundings, in_this_process, parsed};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The number of violations after which the program stops.
const MOST_VIOLATIONS: usize = 10;

/// Makes random concurrent calls while requests meet faults, and proves that the results are
/// linearizable
#[derive(Debug, Parser)]
#[command(name = "histories", version, after_help = STATUSES)]
struct Arguments {
    /// Test this component instead of the workspace's own
    #[arg(long, value_name = "FILE.wasm")]
    component: Option<PathBuf>,
    /// Number of histories
    #[arg(long, value_name = "N", default_value_t = 300)]
    seeds: u64,
    /// Seed of the first history. The others have the seeds that follow
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first: u64,
    /// Play only the history of this seed, and print it
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Instances of the component that make calls at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    clients: u8,
    /// Number of calls of each instance
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=1000))]
    operations: u16,
    /// Break the store in this way, to see that the check finds it
    #[arg(long, value_enum)]
    fault: Option<Fault>,
    /// Set `unconfirmedWrites: repeat`. The component then repeats writes of unknown outcome, and a
    /// write may take effect twice. Everything else is checked as usual
    #[arg(long)]
    repeat: bool,
}

impl Arguments {
    fn size(&self) -> Size {
        Size {
            clients: self.clients.into(),
            calls: self.operations.into(),
        }
    }

    fn range(&self) -> Range<u64> {
        match self.seed {
            Some(seed) => seed..seed.saturating_add(1),
            None => self.first..self.first.saturating_add(self.seeds),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    in_this_process(async |arguments, surroundings| parsed(arguments, surroundings, perform).await)
        .await
}

async fn perform(asked: Arguments, surroundings: &mut Surroundings<'_>) -> io::Result<Status> {
    let component = asked.component.as_deref().unwrap_or(component_path());
    match play(component, &asked, surroundings).await {
        Ok(status) => status,
        Err(error) => {
            writeln!(surroundings.stderr, "error: {error}")?;
            Ok(Status::Failure)
        }
    }
}

/// Plays the histories and prints the result. The outer error is that of a history, the inner one that of the output.
async fn play(
    component: &Path,
    asked: &Arguments,
    surroundings: &mut Surroundings<'_>,
) -> Result<io::Result<Status>, Box<dyn std::error::Error>> {
    let plugin = Plugin::from_file(component)?;
    if let Some(seed) = asked.seed {
        let mut player = Player::new(&plugin, asked.size(), asked.fault, asked.repeat)?;
        let played = player.play(seed).await?;
        if let Err(error) = writeln!(surroundings.stdout, "{played}") {
            return Ok(Err(error));
        }
    }
    let plan = Plan {
        seeds: asked.range(),
        size: asked.size(),
        fault: asked.fault,
        repeat: asked.repeat,
        most_violations: MOST_VIOLATIONS,
    };
    let bar = Bar::on_stderr(surroundings.terminal.stderr);
    bar.begin(plan.seeds.end - plan.seeds.start);
    let report = run_all(&plugin, &plan, |more| bar.advance(more)).await;
    bar.end();
    let report = report?;
    let mut show = || {
        for violation in &report.violations {
            writeln!(surroundings.stdout, "{violation}")?;
        }
        let seeds = &plan.seeds;
        let verdict = match report.violations.len() {
            0 if report.tally.repeated > 0 => "all others are linearizable".to_owned(),
            0 => "all are linearizable".to_owned(),
            count => format!("{count} are not linearizable"),
        };
        writeln!(
            surroundings.stdout,
            "seeds {} to {}: {}: {verdict}",
            seeds.start,
            seeds.end.saturating_sub(1),
            report.tally,
        )
    };
    Ok(show().map(|()| match report.violations.is_empty() {
        true => Status::Success,
        false => Status::Failure,
    }))
}
