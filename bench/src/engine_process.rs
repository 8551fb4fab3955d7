//! An embedded DynamoDB in a process of its own: what it keeps is not in the memory that is looked at here. (It keeps the
//! tokens of all transactions for ten minutes.)

use std::{env, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

use super::store::{PARTITION_KEY, TABLE};
use host_test::command_line::Failure;
use host_test::embedded::{Embedded, Storage};

/// The name of the subcommand that serves.
const SUBCOMMAND: &str = "engine";

/// The process. It ends when this is dropped, and when this process ends.
pub(super) struct EngineProcess {
    endpoint: String,
    _child: Child,
}

impl EngineProcess {
    /// With an empty table of the benchmark.
    pub(super) async fn start() -> Result<Self, Failure> {
        let program = env::current_exe().map_err(Failure::here)?;
        let mut child = Command::new(program)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::here)?;
        let mut endpoint = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut stdout = BufReader::new(stdout);
            stdout
                .read_line(&mut endpoint)
                .await
                .map_err(Failure::here)?;
        }
        match endpoint.trim_end() {
            "" => Err(Failure::here(
                "the process of the embedded DynamoDB ended before it served",
            )),
            endpoint => Ok(Self {
                endpoint: endpoint.to_owned(),
                _child: child,
            }),
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// Serves until standard input ends, which it does with whoever started this.
pub(crate) async fn serve_in_this_process() -> Result<(), Failure> {
    super::open_files::allow_all();
    let embedded = Embedded::start(Storage::Memory)
        .await
        .map_err(Failure::here)?;
    let created = embedded.create_table(TABLE, PARTITION_KEY).await;
    created.map_err(Failure::here)?;
    let mut stdout = tokio::io::stdout();
    let line = format!("{}\n", embedded.endpoint());
    stdout
        .write_all(line.as_bytes())
        .await
        .map_err(Failure::here)?;
    stdout.flush().await.map_err(Failure::here)?;
    let mut nothing = [0; 1];
    // An error is an end as well.
    let _ = tokio::io::stdin().read(&mut nothing).await;
    Ok(())
}
