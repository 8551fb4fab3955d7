//! The fault proxy as a program: it prints its endpoint, follows the scenario, and ends in time.

use crate::{test_servers, told};
use host_test::program::run;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use test_support::ran::run_here;

const EXAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/faults/lost-answers.toml"
);

#[test]
fn faults_ends_on_time_and_prints_request_counts() {
    let faults = ["faults", "--scenario", EXAMPLE, "--for", "1ms"];
    let (status, stdout, stderr) = told(test_servers(&faults).output().unwrap());
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.starts_with("http://127.0.0.1:"), "{stdout}");
    assert_eq!(stderr, "requests: 0 arrived, 0 passed on\n");
}

#[tokio::test]
async fn fault_is_applied_to_a_call_and_logged() {
    let kept = tempfile::tempdir().unwrap();
    let scenario = kept.path().join("denied.toml");
    let text = "[[fault]]\noperation = \"PutItem\"\naction = \"error\"\nerror = \"AccessDeniedException\"\n";
    fs::write(&scenario, text).unwrap();
    let scenario = scenario.to_str().unwrap();
    let mut proxy = test_servers(&["faults", "--scenario", scenario]);
    let mut proxy = proxy
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut endpoint = String::new();
    let mut stdout = BufReader::new(proxy.stdout.take().unwrap());
    stdout.read_line(&mut endpoint).unwrap();
    let endpoint = endpoint.trim();
    let call = async |words: &[&str]| {
        let there = ["--endpoint", endpoint, "--table", "state"];
        let keys = ["--access-key", "id", "--secret-key", "key"];
        let words = [&["host-test", "state"], words, &there, &keys].concat();
        run_here(run, &words, b"", &[]).await
    };
    call(&["set", "k", "v"])
        .await
        .assert_failed("access-denied: ");
    let absent = call(&["get", "k"]).await;
    assert_eq!((absent.status, absent.text()), (1, ""));
    proxy.kill().unwrap();
    let mut said = String::new();
    let mut stderr = proxy.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    proxy.wait().unwrap();
    let line = "PutItem 1 (request 2): error, error \"AccessDeniedException\"\n";
    assert_eq!(said, line);
}

#[test]
fn mistakes_are_reported_before_listening() {
    let kept = tempfile::tempdir().unwrap();
    let scenario = kept.path().join("wrong.toml");
    fs::write(&scenario, "[[fault]]\naction = \"explode\"\n").unwrap();
    let scenario = scenario.to_str().unwrap();
    for (words, status, says) in [
        (&["faults"][..], 2, "--scenario"),
        (&["faults", "--scenario", "no-such.toml"], 1, "no-such.toml"),
        (
            &["faults", "--scenario", scenario],
            1,
            "wrong.toml:2: unknown action \"explode\"",
        ),
        (
            &["faults", "--scenario", EXAMPLE, "--upstream", "https://h"],
            1,
            "plain HTTP only",
        ),
        (
            &["faults", "--scenario", EXAMPLE, "--for", "soon"],
            2,
            "--for",
        ),
    ] {
        let (told_status, stdout, stderr) = told(test_servers(words).output().unwrap());
        assert_eq!((told_status, stdout.as_str()), (Some(status), ""));
        assert!(stderr.contains(says), "{stderr}");
    }
}

#[test]
fn every_action_is_listed_with_its_fields() {
    let (status, stdout, _) = told(test_servers(&["faults", "--list"]).output().unwrap());
    assert_eq!(status, Some(0));
    for kind in test_support::faults::scenario::KINDS {
        assert!(stdout.contains(kind.about), "{stdout}");
        assert!(kind.needs.iter().all(|field| stdout.contains(field)));
    }
}
