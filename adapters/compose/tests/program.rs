//! Tests of the program `compose`: it names the file that it cannot use.

use std::process::{Command, Output};

fn compose(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_compose");
    Command::new(program).args(arguments).output().unwrap()
}

#[test]
fn unusable_file_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (absent, text, output) = (path("absent.wasm"), path("text.wasm"), path("program.wasm"));
    std::fs::write(&text, "no component").unwrap();
    for file in [absent, text] {
        let composed = compose(&[&file, "-o", &output]);
        let told = String::from_utf8(composed.stderr).unwrap();
        assert_eq!(composed.status.code(), Some(1), "{told}");
        assert!(told.starts_with(&format!("error: {file}: ")), "{told}");
        assert!(!folder.path().join("program.wasm").exists());
    }
}

#[test]
fn input_and_output_are_required() {
    for arguments in [[].as_slice(), &["component.wasm"], &["-o", "program.wasm"]] {
        assert_eq!(compose(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
