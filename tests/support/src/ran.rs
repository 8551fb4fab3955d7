//! A finished run of a program, through the entry point of its library or in wasmtime, as from a
//! shell.

use crate::secrets::assert_no_secret;
use host_test::program::{Status, Surroundings, Terminal};
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use std::process::Output;

/// Command lines that every program with the contract's commands refuses.
pub const SENSELESS: [&[&str]; 11] = [
    &["stat"],
    &["state"],
    &["state", "get"],
    &["state", "set", "k"],
    &["state", "set", "k", "v", "--ttl", "soon"],
    &["state", "delete", "k", "--first-write"],
    &["state", "bulk-set", "no-equals-sign"],
    &["state", "transact", "upsert:k=v"],
    &["state", "get", "k", "--consistency", "linearizable"],
    &["binding", "invoke"],
    &["--no-such-option"],
];

/// The outcome of a run.
#[derive(Debug)]
pub struct Ran {
    /// The exit status.
    pub status: u8,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Creates the outcome of a run.
    ///
    /// # Panics
    ///
    /// Panics if standard error is not text or contains a secret.
    pub fn new(status: u8, stdout: Vec<u8>, stderr: Vec<u8>) -> Self {
        let stderr = String::from_utf8(stderr).expect("errors are text");
        assert_no_secret(&stderr);
        Self {
            status,
            stdout,
            stderr,
        }
    }

    /// Asserts that the run failed, and that it printed only an error that begins with this reason.
    #[track_caller]
    pub fn assert_failed(&self, reason: &str) {
        assert_eq!((self.status, self.text()), (1, ""), "{}", self.stderr);
        let says = format!("error: {reason}");
        assert!(self.stderr.starts_with(&says), "{}", self.stderr);
    }

    /// Returns standard output as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("the output is text")
    }

    /// Returns standard output as JSON, one value per line.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        let lines = self.text().lines();
        lines
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    }
}

/// Runs a program through the entry point of its library, without a terminal. The first word is its
/// name.
pub async fn run_here(
    run: impl AsyncFnOnce(Vec<OsString>, Surroundings<'_>) -> Status,
    words: &[&str],
    mut stdin: &[u8],
    environment: &[(&str, &str)],
) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let surroundings = Surroundings {
        environment: &|asked| {
            let found = environment.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| (*value).to_owned())
        },
        stdin: &mut stdin,
        stdout: &mut stdout,
        stderr: &mut stderr,
        terminal: Terminal::default(),
    };
    let status = run(words.iter().map(Into::into).collect(), surroundings).await;
    Ran::new(status.code(), stdout, stderr)
}

/// Returns the exit status, standard output and standard error of a process.
///
/// # Panics
///
/// Panics if the output is not text.
pub fn told(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Creates a temporary folder, and returns it with its path. It is deleted with the returned value.
///
/// # Panics
///
/// Panics if it cannot be created.
pub fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().to_str().expect("its path is text").to_owned();
    (folder, path)
}

/// Writes a file to a folder and returns its path.
///
/// # Panics
///
/// Panics if it cannot be written.
pub fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("the file is written");
    file.to_str().expect("its path is text").to_owned()
}
