//! The benchmark's `soak` at its shortest, as a person starts it. What the figures are is nobody's business here; that
//! nothing is lost is.

use crate::{bench, told};
use serde_json::Value;
use std::fs;

/// Runs a command of `bench`; its figures and standard output.
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
fn a_soak_loses_nothing_and_tells_what_it_did() {
    // How much happens within a time is the machine's affair. From 30 s on, memory would be judged.
    let counted = ["calls", "reads", "acknowledged", "severed"];
    let (figures, stdout) = ["2", "8", "29"]
        .into_iter()
        .map(|seconds| judged(&["soak", "--seconds", seconds, "--tasks", "8", "--seed", "1"]))
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
    assert!(stdout.contains("not judged"), "{stdout}");
}

#[test]
fn a_command_takes_none_of_the_arguments_of_a_comparison() {
    let (status, _, stderr) = told(bench(&["--quick", "soak"]).output().unwrap());
    assert_eq!(status, Some(2), "{stderr}");
}
