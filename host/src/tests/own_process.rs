//! Runs a test in a process of its own.

use super::runtime;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::timeout;

const ALONE: &str = "DAPR_WASM_HOST_TEST_ALONE";

/// The time after which a hanging process is killed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the test of this name in a process of its own. In that process it returns true. In the calling process it returns
/// false after that process has succeeded, and panics if it has failed.
pub(crate) fn in_own_process(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    runtime().block_on(async {
        let process = tokio::process::Command::from(command).spawn().unwrap();
        let group = process.id().unwrap().try_into().unwrap();
        let Ok(ran) = timeout(PATIENCE, process.wait_with_output()).await else {
            // Kills the processes that it has forked as well.
            let group = rustix::process::Pid::from_raw(group).unwrap();
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
            panic!("{test} did not end within {PATIENCE:?}");
        };
        let ran = ran.unwrap();
        let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(ran.status.success(), "{}{}", said[0], said[1]);
        // With a wrong name, no test would run and the process would succeed.
        assert!(said[0].contains("1 passed"), "{}", said[0]);
    });
    false
}
