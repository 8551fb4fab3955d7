//! The files of figures are settled before anything is measured.

use crate::{bench, told};
use std::fs;
use std::path::Path;

/// Runs `bench` in a folder; exit status and standard error.
fn refused(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = bench(&[]);
    let output = program.args(arguments).current_dir(folder).output();
    let (status, stdout, stderr) = told(output.unwrap());
    assert!(stdout.is_empty(), "it has measured: {stdout}");
    (status, stderr)
}

#[test]
fn files_that_cannot_be_written_are_all_told_before_anything_is_measured() {
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
fn a_file_that_is_there_keeps_what_is_in_it_until_there_is_something_to_write() {
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
fn what_makes_no_sense_together_is_a_usage_error_that_says_so() {
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
            "--cases is about latency",
        ),
        (&["--pool-size", "10001"], "10001"),
    ] {
        let (status, stderr) = refused(kept.path(), line);
        assert_eq!(status, Some(2), "{line:?}: {stderr}");
        assert!(stderr.contains(told), "{line:?}: {stderr}");
    }
}
