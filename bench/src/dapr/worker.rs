//! The worker process, `bench/dapr-worker`: it reads one request a line, such as
//! `{"case":"get","calls":50}`, and answers each with one line: the time of every call, and the processor
//! time of all of them.

use std::{path::Path, process::Stdio};

use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::Burst;
use crate::{
    cases::Case,
    store::{ACCESS_KEY, REGION, SECRET_KEY, TABLE},
    tls::Reach,
};
use host_test::command_line::Failure;

/// The worker process. Killed on drop.
pub(super) struct Worker {
    process: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused {
        error: String,
    },
    Measured {
        nanoseconds: Vec<u64>,
        cpu_nanoseconds: u64,
    },
}

impl Worker {
    pub(super) fn start(program: &Path, reach: &Reach) -> Result<Self, Failure> {
        let failed = |error| Failure::here(format_args!("{}: {error}", program.display()));
        let mut process = Command::new(program)
            .args(["--endpoint", &reach.endpoint, "--table", TABLE])
            .args(["--region", REGION])
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Failure::here("the Dapr worker has no standard streams"));
        };
        Ok(Self {
            process,
            requests,
            answers: BufReader::new(answers).lines(),
        })
    }

    pub(super) async fn burst(&mut self, case: Case, calls: usize) -> Result<Burst, Failure> {
        let request = json!({ "case": case.name(), "calls": calls });
        let request = format!("{request}\n");
        let written = self.requests.write_all(request.as_bytes()).await;
        written.map_err(Failure::here)?;
        self.requests.flush().await.map_err(Failure::here)?;
        let answer = self.answers.next_line().await.map_err(Failure::here)?;
        let answer = answer.ok_or_else(|| Failure::here("the Dapr worker ended"))?;
        match serde_json::from_str(&answer).map_err(Failure::here)? {
            Answer::Refused { error } => {
                Err(Failure::here(format_args!("the Dapr worker: {error}")))
            }
            Answer::Measured {
                nanoseconds,
                cpu_nanoseconds,
            } => Ok(Burst {
                times: nanoseconds,
                cpu: cpu_nanoseconds / calls as u64,
            }),
        }
    }

    /// At the end of its input the worker ends.
    pub(super) async fn end(self) -> Result<(), Failure> {
        let Self {
            mut process,
            requests,
            ..
        } = self;
        drop(requests);
        let status = process.wait().await.map_err(Failure::here)?;
        match status.success() {
            true => Ok(()),
            false => Err(Failure::here(format_args!("the Dapr worker: {status}"))),
        }
    }
}
