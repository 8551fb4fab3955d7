//! Tests with a store that records its calls: the calls that a request makes, and its output.

mod lost_output;
mod many_items;
mod store;

use self::store::{REFUSED, Store};
use super::arguments::{BindingCommand, StateCommand};
use super::output::{Format, Output};
use super::progress::{Progress, Silent};
use super::*;
use clap::Parser;

#[derive(Parser)]
struct State {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Parser)]
struct Binding {
    #[command(subcommand)]
    command: BindingCommand,
}

/// The result of a command line.
#[derive(Debug, PartialEq)]
struct Told {
    outcome: Result<Outcome, String>,
    stdout: String,
    stderr: String,
}

async fn with_output(
    format: Format,
    perform: impl AsyncFnOnce(&mut Output<'_>) -> Result<Outcome, Stop>,
) -> Told {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut output = Output {
        format,
        stdout: &mut stdout,
        stderr: &mut stderr,
        stdout_is_terminal: false,
        stderr_in_color: false,
    };
    let outcome = match perform(&mut output).await {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Failed(failure)) => {
            output.failure(&failure).unwrap();
            Err(failure.to_string())
        }
        Err(Stop::Output(error)) => panic!("{error}"),
    };
    Told {
        outcome,
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

fn request(line: &[&str], mut stdin: &[u8]) -> Result<StateRequest, Failure> {
    let words = ["test"].iter().chain(line);
    let command = State::try_parse_from(words).unwrap().command;
    StateRequest::read(command, &mut stdin)
}

async fn state(store: &mut Store, format: Format, line: &[&str], stdin: &[u8]) -> Told {
    with_output(format, async |output| {
        request(line, stdin)?.perform(store, output, &Silent).await
    })
    .await
}

async fn plain(store: &mut Store, line: &[&str]) -> Told {
    state(store, Format::Plain, line, b"").await
}

async fn from_stdin(store: &mut Store, command: &str, lines: &[u8]) -> Told {
    state(store, Format::Plain, &[command, "--jsonl", "-"], lines).await
}

async fn binding(format: Format, line: &[&str], mut stdin: &[u8]) -> Told {
    let words = ["test"].iter().chain(line);
    let command = Binding::try_parse_from(words).unwrap().command;
    let request = BindingRequest::read(command, &mut stdin).unwrap();
    with_output(format, async |output| {
        request.perform(&mut Store::default(), output).await
    })
    .await
}

fn told(stdout: &str) -> Told {
    Told {
        outcome: Ok(Outcome::Done),
        stdout: stdout.to_owned(),
        stderr: String::new(),
    }
}

#[tokio::test]
async fn value_from_argument_stdin_or_file_is_unchanged() {
    let mut store = Store::default();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file\n").unwrap();
    let file = file.path().to_str().unwrap();
    for (line, value) in [
        (&["set", "k", "-1"][..], "-1"),
        (&["set", "k", ""][..], ""),
        (&["set", "k", "-"][..], "from\nstdin"),
        (&["set", "k", "--value-file", file][..], "from a file\n"),
    ] {
        let set = state(&mut store, Format::Plain, line, b"from\nstdin").await;
        assert_eq!(set, told("etag-k\n"));
        let get = plain(&mut store, &["get", "k"]).await;
        assert_eq!(get, told(value));
    }
}

#[tokio::test]
async fn value_on_a_terminal_ends_with_a_line_break() {
    for (value, printed) in [("a", "a\n"), ("a\n", "a\n"), ("", "\n")] {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut output = Output {
            format: Format::Plain,
            stdout: &mut stdout,
            stderr: &mut stderr,
            stdout_is_terminal: true,
            stderr_in_color: false,
        };
        output.value(value.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(stdout).unwrap(), printed);
    }
}

#[tokio::test]
async fn absent_item_is_a_separate_outcome_and_json_null() {
    let mut store = Store::default();
    let plain = plain(&mut store, &["get", "k"]).await;
    assert_eq!(plain.stdout, "");
    let json = state(&mut store, Format::Json, &["get", "k"], b"").await;
    assert_eq!(json.stdout, "null\n");
    for ran in [plain, json] {
        assert_eq!(ran.outcome, Ok(Outcome::Absent));
        assert_eq!(ran.stderr, "error: no item under the key \"k\"\n");
    }
}

#[tokio::test]
async fn json_output_shows_a_value_on_one_line() {
    let mut store = Store::default();
    for (value, shown) in [
        (
            &b"{\"b\": 1.50,\t\"a\": 1}"[..],
            "\"value\":{\"b\": 1.50,\t\"a\": 1}",
        ),
        (b"null", "\"value\":null"),
        (b"[1,\n2]", "\"valueText\":\"[1,\\n2]\""),
        (b" 1\n", "\"valueText\":\" 1\\n\""),
        (b"hello", "\"valueText\":\"hello\""),
        (b"", "\"valueText\":\"\""),
        (b"\xff\x00", "\"valueBase64\":\"/wA=\""),
    ] {
        state(&mut store, Format::Plain, &["set", "k", "-"], value).await;
        let get = state(&mut store, Format::Json, &["get", "k"], b"").await;
        assert_eq!(
            get,
            told(&format!("{{\"key\":\"k\",{shown},\"etag\":\"etag-k\"}}\n"))
        );
    }
    let line = [
        "set",
        "k",
        "1",
        "--ttl",
        "60",
        "--content-type",
        "application/json",
    ];
    plain(&mut store, &line).await;
    let get = state(&mut store, Format::Json, &["get", "k"], b"").await;
    let fields =
        r#"{"key":"k","value":1,"etag":"etag-k","contentType":"application/json","expiresAt":60}"#;
    assert_eq!(get, told(&format!("{fields}\n")));
}

#[tokio::test]
async fn refusal_prints_case_and_sentence_and_json_object() {
    let mut store = Store::default();
    let plain = plain(&mut store, &["set", REFUSED, "v"]).await;
    assert_eq!(plain.outcome, Err("etag-mismatch: it differs".to_owned()));
    assert_eq!(
        (plain.stdout.as_str(), plain.stderr.as_str()),
        ("", "error: etag-mismatch: it differs\n")
    );
    let json = state(&mut store, Format::Json, &["set", REFUSED, "v"], b"").await;
    let object = r#"{"error":{"case":"etag-mismatch","message":"it differs"}}"#;
    assert_eq!(json.stdout, format!("{object}\n"));
    assert_eq!(json.stderr, "error: etag-mismatch: it differs\n");
}

#[tokio::test]
async fn binding_prints_the_result_of_an_operation() {
    assert_eq!(
        binding(Format::Plain, &["operations"], b"").await,
        told("create\necho\n")
    );
    assert_eq!(
        binding(Format::Json, &["operations"], b"").await,
        told("[\"create\",\"echo\"]\n")
    );
    assert_eq!(
        binding(Format::Plain, &["invoke", "create", "{}"], b"").await,
        told("")
    );
    assert_eq!(
        binding(Format::Plain, &["invoke", "echo", "-"], b"x\xc3\xa9").await,
        told("xé")
    );
    let line = ["invoke", "echo", "hi", "-p", "a=b"];
    let json = r#"{"valueText":"hi","contentType":"text/plain","metadata":{"a":"b"}}"#;
    assert_eq!(
        binding(Format::Json, &line, b"").await,
        told(&format!("{json}\n"))
    );
}

#[test]
fn command_needs_exactly_one_value() {
    for line in [
        &["set", "k"][..],
        &["set", "k", "v", "--value-file", "f"][..],
        &["set", "k", "v", "--ttl", "soon"][..],
        &["bulk-set"][..],
        &["bulk-set", "no-equals-sign"][..],
        &["bulk-set", "a=1", "--jsonl", "f"][..],
        &["bulk-get"][..],
        &["delete", "k", "--first-write"][..],
        &["transact", "a=1"][..],
        &["transact", "set:a"][..],
        &["get", "k", "--consistency", "maybe"][..],
    ] {
        assert!(
            State::try_parse_from(["test"].iter().chain(line)).is_err(),
            "{line:?}"
        );
    }
}
