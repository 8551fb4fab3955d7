//! The program checks its output files before it measures anything.

use crate::{bench, told};
use std::fs;
use std::path::Path;

/// Runs `bench` in a folder. Returns the exit status and standard error.
fn refused(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = bench(&[]);
    let output = program.args(arguments).current_dir(folder).output();
    let (status, stdout, stderr) = told(output.unwrap());
    assert!(stdout.is_empty(), "it measured: {stdout}");
    (status, stderr)
}

#[test]
fn all_unwritable_files_are_reported_before_measuring() {
    let kept = tempfile::tempdir().unwrap();
    let line = ["--json", "no/such.json", "--svg", "nor/this.svg"];
    let (status, stderr) = refused(kept.path(), &line);
    assert_eq!(status, Some(1), "{stderr}");
    for file in ["error: no/such.json: ", "error: nor/this.svg: "] {
        assert!(stderr.contains(file), "{stderr}");
    }
    let one = ["--json", "figures.json", "--svg", "."];
    let (status, stderr) = refused(kept.path(), &one);
    assert_eq!((status, stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0);
}

#[test]
fn existing_file_keeps_its_content_if_the_run_fails() {
    let kept = tempfile::tempdir().unwrap();
    let json = kept.path().join("figures.json");
    fs::write(&json, "of yesterday").unwrap();
    let line = ["--json", "figures.json", "--component", "no/such.wasm"];
    let (status, stderr) = refused(kept.path(), &line);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("no/such.wasm"), "{stderr}");
    assert_eq!(fs::read_to_string(&json).unwrap(), "of yesterday");
}

#[test]
fn contradicting_arguments_are_a_usage_error() {
    let kept = tempfile::tempdir().unwrap();
    for (line, told) in [
        (
            &["--json", "f", "--svg", "./f"][..],
            "--json and --svg name the same file",
        ),
        (
            &["--svg", "f", "--sections", "cold-start"],
            "--svg draws the section latency",
        ),
        (
            &["--cases", "get", "--sections", "memory"],
            "--cases has no effect",
        ),
        (&["--pool-size", "10001"], "10001"),
    ] {
        let (status, stderr) = refused(kept.path(), line);
        assert_eq!(status, Some(2), "{line:?}: {stderr}");
        assert!(stderr.contains(told), "{line:?}: {stderr}");
    }
}
