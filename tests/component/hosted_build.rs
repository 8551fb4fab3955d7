//! Runs the tests of this binary once more, on the hosted build of the component.
//!
//! A process tests one build, so the hosted build has a process of its own. It gets no filter of this
//! process: one filter cannot select this test and others.

use crate::artifact::imports;
use crate::fixture::{BUILD, Build, component};
use std::env;
use std::process::Command;

/// Parts of the names of tests that run only once, because they do not depend on the build under test.
const ONCE: [&str; 9] = [
    "hosted_build::tests_pass",
    // These read the files of both builds.
    "artifact::",
    // These run programs, which contain the portable build. They run on wasmtime's default host, which
    // has no `dapr-wasm:host`.
    "cli::",
    "tls::wasmtimes_default_client",
    // These test the checks themselves, on other components or a broken store.
    "conformance::memory_store",
    "conformance::every_case_ends",
    "broken_promises::each_broken_promise",
    "broken_promises::secret_in_a_sentence",
    "histories::store_that_breaks",
];

/// The beginning of the line that names the HTTP client of the component under test.
const SENDS_THROUGH: &str = "the component under test sends requests through ";

/// The failures of the host's HTTP client, and those of `wasi:http`, each with a name for users.
const OF_THE_HOST: &str = include_str!("../../host/src/egress/http_client/failure.rs");
const OF_THE_COMPONENT: &str = include_str!("../../src/http/wasi_http/host_error.rs");

/// The other name of a failure of a stream. `wasi:http` has no code for it.
const OF_A_STREAM: &str = "incomplete HTTP response";

/// The output of the other process becomes the output of this test, because CI searches it for secrets.
#[test]
fn tests_pass_on_the_hosted_build() {
    if Build::tested() == Build::Hosted {
        // The whole process tests that build already.
        return;
    }
    let mut tests = Command::new(env::current_exe().expect("this process has a program"));
    tests.env(BUILD, "hosted").arg("--show-output");
    for name in ONCE {
        tests.args(["--skip", name]);
    }
    let run = tests.output().expect("the program starts");
    let output = String::from_utf8_lossy(&run.stdout);
    println!("{output}");
    eprintln!("{}", String::from_utf8_lossy(&run.stderr));
    let failed: Vec<&str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
        .collect();
    assert!(
        run.status.success(),
        "{} with `{BUILD}=hosted`; failed tests: {failed:?}",
        run.status
    );
    let sends = format!("{SENDS_THROUGH}{}", Build::Hosted.http_client());
    assert!(output.contains(&sends), "the process tested another build");
}

/// Prints the client for `tests_pass_on_the_hosted_build`, which reads it from the output.
#[test]
fn component_under_test_imports_one_http_client() {
    let imports = imports(component());
    let mut clients = [Build::Portable, Build::Hosted]
        .map(Build::http_client)
        .to_vec();
    clients.retain(|client| imports.iter().any(|import| import == client));
    assert_eq!(clients, [Build::tested().http_client()]);
    println!("{SENDS_THROUGH}{}", clients[0]);
}

#[test]
fn both_builds_have_the_same_names_for_failures() {
    let (_, table) = OF_THE_HOST
        .split_once("    match error {")
        .expect("the table of failures");
    let (table, _) = table.split_once("#[cfg(test)]").expect("its tests");
    let names = table.split('"').skip(1).step_by(2);
    let mut names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    names.retain(|name| *name != OF_A_STREAM);
    for name in &names {
        let same = OF_THE_COMPONENT.contains(&format!("\"{name}\""));
        assert!(same, "wasi_http/host_error.rs has no {name:?}");
    }
    assert!(names.len() > 30, "{names:?}");
}
