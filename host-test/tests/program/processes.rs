//! Tests of files and folders on the command line, and of several processes at once.

use crate::{host_test, told};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

#[test]
fn concurrent_processes_write_to_one_new_folder() {
    let kept = tempfile::tempdir().unwrap();
    let data = kept.path().join("fresh").to_str().unwrap().to_owned();
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let set = |key| {
        let mut program = host_test(&["state", "set", key, "v", "--data", &data]);
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        program.spawn().unwrap()
    };
    let running: Vec<Child> = keys.map(set).into();
    for process in running {
        let (status, _, stderr) = told(process.wait_with_output().unwrap());
        assert_eq!(status, Some(0), "{stderr}");
    }
    let get = [&["state", "bulk-get", "--data", &data][..], &keys].concat();
    let (_, stdout, _) = told(host_test(&get).output().unwrap());
    assert_eq!(stdout.matches("\"valueText\":\"v\"").count(), keys.len());
}

/// Writes a component file for `--data` with this metadata.
fn component_file(folder: &Path, metadata: &str) -> String {
    let file = folder.join("store.yaml");
    let text = format!(
        "apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: statestore}}
spec:
  type: state.aws.dynamodb
  version: v1
  metadata: {metadata}
"
    );
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn component_file_without_table_is_refused() {
    let kept = tempfile::tempdir().unwrap();
    let data = kept.path().join("data").to_str().unwrap().to_owned();
    let file = component_file(kept.path(), "[{name: region, value: eu-west-1}]");
    let set = ["state", "set", "k", "v", "--data", &data];
    let with_file = [&set[..], &["--component-yaml", &file]].concat();
    let (status, _, stderr) = told(host_test(&with_file).output().unwrap());
    assert_eq!(status, Some(1), "{stderr}");
    assert!(
        stderr.contains("invalid-configuration") && stderr.contains("`table` is missing"),
        "{stderr}"
    );
    let named = [&with_file[..], &["--table", "orders"]].concat();
    for line in [named.as_slice(), &set] {
        let (status, _, stderr) = told(host_test(line).output().unwrap());
        assert_eq!(status, Some(0), "{line:?}: {stderr}");
    }
}

#[test]
fn data_folder_that_looks_like_a_uri_is_a_folder() {
    let kept = tempfile::tempdir().unwrap();
    let data = ["--data", "file:x?mode=memory"];
    for (call, printed) in [(&["set", "k", "v"][..], None), (&["get", "k"], Some("v"))] {
        let mut program = host_test(&[&["state"][..], call, &data].concat());
        let output = program.current_dir(kept.path()).output().unwrap();
        let (status, stdout, stderr) = told(output);
        assert_eq!(status, Some(0), "{stderr}");
        assert!(printed.is_none_or(|value| value == stdout), "{stdout}");
    }
    assert!(kept.path().join("file:x?mode=memory").is_dir());
}

#[test]
fn proxy_variables_are_ignored() {
    let kept = tempfile::tempdir().unwrap();
    let data = kept.path().to_str().unwrap();
    // This proxy never responds. A program that called it would wait forever.
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut set = host_test(&["state", "set", "k", "v", "--data", data]);
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        set.env(variable, &url).env(variable.to_lowercase(), &url);
    }
    let without = set.env_remove("NO_PROXY").env_remove("no_proxy");
    let (status, _, stderr) = told(without.output().unwrap());
    assert_eq!(status, Some(0), "{stderr}");
    proxy.set_nonblocking(true).unwrap();
    let called = proxy.accept().unwrap_err();
    assert_eq!(called.kind(), std::io::ErrorKind::WouldBlock);
}

/// Returns the commands in the documentation of the program, with this folder for `--data`.
fn commands_of_host_test(data: &str) -> Vec<Vec<String>> {
    let page = include_str!("../../../docs/hosts/wasmtime.md");
    let section = page.split("\n## The program host-test\n").nth(1).unwrap();
    let block = section.split("```").nth(1).unwrap();
    let calls = block
        .lines()
        .filter_map(|line| line.strip_prefix("target/debug/host-test "));
    // Odd parts of the line are in quotes and are one word. In the others, spaces separate the
    // words.
    let words = |line: &str| {
        let parts = line
            .split('\'')
            .enumerate()
            .map(|(number, part)| match number % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            });
        parts.collect::<Vec<_>>().concat()
    };
    calls
        .map(|line| words(&line.replace("target/demo", data)))
        .collect()
}

#[test]
fn example_files_work_with_data_of_documented_commands() {
    let kept = tempfile::tempdir().unwrap();
    let data = kept.path().to_str().unwrap();
    let with_file = |file, call: &[&str]| -> Vec<String> {
        let secrets = "examples/secrets.json";
        let configured = [
            "--component-yaml",
            file,
            "--secrets",
            secrets,
            "--data",
            data,
        ];
        [call, &configured]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let mut commands = commands_of_host_test(data);
    assert!(commands.len() > 5, "{commands:?}");
    let create = ["binding", "invoke", "create", "{\"key\":\"entry-2\"}"];
    commands.push(with_file("examples/binding.yaml", &create));
    commands.push(with_file(
        "examples/statestore.yaml",
        &["state", "get", "order-1"],
    ));
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let mut program = host_test(&words);
        program.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let (status, _, stderr) = told(program.output().unwrap());
        assert_eq!(status, Some(0), "{command:?}: {stderr}");
    }
}
