//! Runs the shortest `bench soak` as a user does. These tests ignore the figures and check only that no write is lost.

use crate::{bench, told};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Runs a command of `bench`. Returns its figures and standard output.
fn judged(command: &[&str]) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("figures.json");
    let mut program = bench(&[]);
    let program = program.args(command).arg("--json").arg(&json);
    let (status, stdout, stderr) = told(program.output().unwrap());
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    (
        serde_json::from_slice(&fs::read(&json).unwrap()).unwrap(),
        stdout,
    )
}

#[test]
fn soak_loses_no_write_of_either_build() {
    for build in [host_test::component_path(), fixtures::hosted()] {
        soak_loses_no_write_and_reports_its_counts(build);
    }
}

fn soak_loses_no_write_and_reports_its_counts(build: &Path) {
    let build = build.to_str().unwrap();
    // A slow machine gets less done, so the test tries longer runs until everything happened at least once. The runs
    // stay below 30 s, because from then on memory growth is checked.
    let counted = ["calls", "reads", "acknowledged", "severed"];
    let (figures, stdout) = ["2", "8", "29"]
        .into_iter()
        .map(|seconds| {
            let line = ["soak", "--component", build, "--seconds", seconds];
            judged(&[&line[..], &["--tasks", "8", "--seed", "1"]].concat())
        })
        .find(|(figures, _)| {
            let happened = |name: &&str| figures["counts"][name].as_u64().unwrap() > 0;
            counted.iter().all(happened)
        })
        .expect("29 s are enough for any machine");
    assert_eq!(figures["instances_at_the_end"], 8);
    assert_eq!(figures["keys"], 8 * 4);
    assert_eq!(figures["broken"], Value::Array(vec![]));
    assert!(
        stdout.contains("8 tasks") && stdout.contains("seed 1"),
        "{stdout}"
    );
    assert!(stdout.contains("growth not checked"), "{stdout}");
}

#[test]
fn commands_refuse_the_arguments_of_a_comparison() {
    let (status, _, stderr) = told(bench(&["--quick", "soak"]).output().unwrap());
    assert_eq!(status, Some(2), "{stderr}");
}
