//! A DynamoDB that accepts only known keys, and the files that describe their sources.

use crate::{test_servers, told};
use host_test::program::run;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use test_support::ran::{Ran, run_here};

/// Runs a script in a shell that has sourced the file of this source. Returns the exit status and
/// the output.
fn shell_with(folder: &Path, source: &str, script: &str) -> (Option<i32>, String) {
    let script = format!(". \"$0/{source}.sh\"; {script}");
    let mut shell = Command::new("sh");
    shell.env_clear().arg("-c").arg(script).arg(folder);
    let (status, stdout, _) = told(shell.output().unwrap());
    (status, stdout)
}

/// Sets an item with the command of host-test.
async fn set(endpoint: &str, variables: &[(&str, &str)]) -> Ran {
    let words = ["host-test", "state", "set", "k", "v", "--table", "orders"];
    let words = [&words[..], &["--endpoint", endpoint]].concat();
    run_here(run, &words, b"", variables).await
}

#[tokio::test]
async fn credentials_accepts_only_its_keys_and_describes_sources() {
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().join("it's made");
    // With `--for`, the server ends by itself if the test fails before it stops it.
    let line = ["credentials", folder.to_str().unwrap(), "--for", "5m"];
    let mut server = test_servers(&[&line[..], &["--table", "orders"]].concat());
    let server = server.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut endpoint = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut endpoint).unwrap();

    let unknown = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
    ];
    let refused = set(endpoint.trim(), &unknown).await;
    refused.assert_failed("access-denied: ");

    let (_, variables) = shell_with(&folder, "environment", "env");
    let variables: Vec<_> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let set = set(endpoint.trim(), &variables).await;
    assert_eq!(set.status, 0, "{}", set.stderr);

    for (source, test) in [
        (
            "shared-files",
            "test -f \"$AWS_CONFIG_FILE\" -a -f \"$AWS_SHARED_CREDENTIALS_FILE\"",
        ),
        ("web-identity", "test -f \"$AWS_WEB_IDENTITY_TOKEN_FILE\""),
        (
            "container",
            "test -f \"$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\"",
        ),
        (
            "instance-metadata",
            "test \"$AWS_EC2_METADATA_DISABLED\" = false",
        ),
    ] {
        let (status, _) = shell_with(&folder, source, test);
        assert_eq!(status, Some(0), "{source}");
        let beyond = "env | grep -E 'https?://' | grep -v 'http://127.0.0.1:'";
        let (_, beyond) = shell_with(&folder, source, beyond);
        assert_eq!(beyond, "", "{source} leads beyond this machine");
    }
    let terminated = Command::new("kill").arg(server.id().to_string()).status();
    assert!(terminated.unwrap().success());
    let (status, ..) = told(server.wait_with_output().unwrap());
    assert_eq!(status, Some(0));
}

#[test]
fn folder_that_cannot_be_created_is_reported() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let (status, _, stderr) = told(test_servers(&["credentials", path]).output().unwrap());
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with(&format!("error: {path}: ")), "{stderr}");
}
