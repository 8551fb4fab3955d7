//! The program as a process of its own, as a person at a shell starts it.

use std::process::{Child, Command, Output, Stdio};

fn host_test(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_host-test"));
    program.args(arguments);
    program
}

/// Exit status, standard output and standard error.
fn told(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn processes_that_begin_with_one_fresh_folder_all_write_to_it() {
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
