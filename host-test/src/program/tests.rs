//! Tests of the program that need no component. The rest is tested with the component
//! itself.

use super::*;
use clap::CommandFactory;

/// Returns exit status, standard output and standard error.
async fn run_with(line: &[&str]) -> (u8, String, String) {
    run_on(Terminal::default(), line).await
}

async fn run_on(terminal: Terminal, line: &[&str]) -> (u8, String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let words = std::iter::once(&"host-test").chain(line);
    let words = words.map(Into::into).collect();
    let status = run(
        words,
        Surroundings {
            environment: &|_| None,
            stdin: &mut std::io::empty(),
            stdout: &mut stdout,
            stderr: &mut stderr,
            terminal,
        },
    )
    .await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn argument_definitions_are_valid() {
    Arguments::command().debug_assert();
}

#[test]
fn global_and_call_arguments_have_different_names() {
    // Not built, because building copies the global arguments to the subcommands.
    let command = Arguments::command();
    for part in ["state", "binding"] {
        let part = command.find_subcommand(part).unwrap();
        let given_anywhere: Vec<_> = part.get_arguments().map(clap::Arg::get_id).collect();
        assert!(!given_anywhere.is_empty());
        for call in part.get_subcommands() {
            let mut own = call.get_arguments().map(clap::Arg::get_id);
            let shared = own.find(|id| given_anywhere.contains(id));
            assert_eq!(shared, None, "{}", call.get_name());
        }
    }
}

#[tokio::test]
async fn help_and_version_succeed_on_stdout() {
    let (status, stdout, stderr) = run_with(&["--version"]).await;
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(stdout, format!("host-test {}\n", env!("CARGO_PKG_VERSION")));
    let (status, stdout, _) = run_with(&["state", "--help"]).await;
    assert_eq!(status, 0);
    for command in [
        "get",
        "set",
        "delete",
        "bulk-get",
        "bulk-set",
        "bulk-delete",
        "transact",
    ] {
        assert!(stdout.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[tokio::test]
async fn invalid_command_line_is_status_2_with_reason() {
    for (line, why) in [
        (&["stat"][..], "unrecognized subcommand 'stat'"),
        (&["state", "get"][..], "<KEY>"),
        (&["state", "get", "k", "--table"][..], "--table"),
        (&["state", "get", "k", "--table", ""][..], "--table"),
        (&["state", "get", "k", "--endpoint", ""][..], "--endpoint"),
        (
            &["state", "get", "k", "--data", "d", "--aws"][..],
            "--data and --aws",
        ),
        (
            &["state", "--data", "d", "get", "k", "--endpoint", "u"][..],
            "--data and --endpoint",
        ),
        (
            &["binding", "ping", "--secrets", "s"][..],
            "add --component-yaml",
        ),
        (
            &["binding", "invoke", "create", "x", "--metadata", "x"][..],
            "no `=` found",
        ),
    ] {
        let (status, stdout, stderr) = run_with(line).await;
        assert_eq!((status, stdout.as_str()), (2, ""), "{line:?}");
        assert!(
            stderr.starts_with("error: ") && stderr.contains(why),
            "{line:?}: {stderr}"
        );
    }
}

#[tokio::test]
async fn errors_look_the_same_for_all_commands() {
    let terminal = Terminal {
        color_on_stderr: true,
        ..Terminal::default()
    };
    for line in ["state ping", "binding ping"] {
        let words: Vec<&str> = line.split(' ').collect();
        let line = [&words[..], &["--component-yaml", "no/such"]].concat();
        let (status, stdout, stderr) = run_on(terminal, &line).await;
        assert_eq!((status, stdout.as_str()), (1, ""), "{line:?}");
        let red = "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m ";
        assert!(stderr.starts_with(red), "{line:?}: {stderr:?}");
    }
}

#[tokio::test]
async fn missing_file_is_status_1_and_named() {
    for line in [
        &["state", "set", "k", "--value-file", "no/such"][..],
        &["state", "bulk-set", "--jsonl", "no/such"][..],
        &["state", "ping", "--component-yaml", "no/such"][..],
        &["state", "ping", "--component", "no/such"][..],
        &["binding", "invoke", "create", "--data-file", "no/such"][..],
    ] {
        let (status, stdout, stderr) = run_with(line).await;
        assert_eq!((status, stdout.as_str()), (1, ""), "{line:?}");
        assert!(
            stderr.contains("error: ") && stderr.contains("no/such"),
            "{line:?}: {stderr}"
        );
    }
    let (status, stdout, _) =
        run_with(&["state", "ping", "--component", "no/such", "--json"]).await;
    assert_eq!(status, 1);
    assert!(stdout.starts_with("{\"error\":{\"message\":\""), "{stdout}");
}

#[tokio::test]
async fn example_files_are_valid() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/");
    let file = |name: &str| format!("{examples}{name}");
    let (items, transaction) = (file("items.jsonl"), file("transaction.jsonl"));
    let (store, binding) = (file("statestore.yaml"), file("binding.yaml"));
    let secrets = file("secrets.json");
    // Only the component is missing, so everything else has been read before the error.
    let missing = ["--component", "no/such.wasm", "--data"];
    let folder = tempfile::tempdir().unwrap();
    let missing = [&missing[..], &[folder.path().to_str().unwrap()]].concat();
    for line in [
        &["state", "bulk-set", "--jsonl", &items][..],
        &["state", "transact", "--jsonl", &transaction][..],
        &[
            "state",
            "ping",
            "--component-yaml",
            &store,
            "--secrets",
            &secrets,
        ][..],
        &[
            "binding",
            "ping",
            "--component-yaml",
            &binding,
            "--secrets",
            &secrets,
        ][..],
    ] {
        let (status, _, stderr) = run_with(&[line, &missing].concat()).await;
        assert_eq!(status, 1, "{line:?}");
        let error = stderr
            .lines()
            .find(|line| line.starts_with("error: "))
            .unwrap();
        assert!(error.contains("no/such.wasm"), "{line:?}: {error}");
    }
}
