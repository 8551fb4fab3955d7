//! Tests of the program `conformance`: one line per case, a summary, and exit
//! status 1 if a case failed.

mod files;

use host_test::program::{Status, Surroundings, Terminal};
use serde_json::json;
use test_support::ran::{Ran, folder, run_here, write};

const PAGE: &str = include_str!("../../../docs/contract.md");

async fn conformance(arguments: &[&str]) -> Ran {
    let words = [&["conformance"], arguments].concat();
    run_here(::conformance::program::run, &words, b"", &[]).await
}

fn path(component: &std::path::Path) -> &str {
    component.to_str().unwrap()
}

#[tokio::test]
async fn default_is_our_component_on_the_embedded_dynamodb() {
    let ran = conformance(&["first write"]).await;
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{}", ran.text());
    let lines: Vec<_> = ran.text().lines().collect();
    let (summary, cases) = lines.split_last().unwrap();
    assert_eq!(
        *summary,
        format!("{} passed, 0 failed, 0 not applicable", cases.len())
    );
    let expected = "passed          first write: first of two first writes wins";
    assert!(cases.contains(&expected), "{cases:?}");
    // Its binding has a default operation.
    let ran = conformance(&["is performed"]).await;
    assert_eq!(
        ran.text().lines().last(),
        Some("1 passed, 0 failed, 0 not applicable")
    );
}

#[tokio::test]
async fn requests_are_counted_with_the_flag() {
    let ran = conformance(&["--count-requests", "answers ping"]).await;
    assert_eq!(ran.status, 0, "{}{}", ran.text(), ran.stderr);
    assert!(ran.stderr.starts_with("note: requests: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(" GetItem"), "{}", ran.stderr);
    // No case in this run needs to know if instances share a store.
    assert!(!ran.stderr.contains("PutItem"), "{}", ran.stderr);
    assert!(ran.text().starts_with("passed "), "{}", ran.text());
}

#[tokio::test]
async fn case_that_does_not_apply_shows_its_reason() {
    let component = path(fixtures::memory_store());
    let ran = conformance(&["--component", component, "empty transaction is ok"]).await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(
        ran.text(),
        "not applicable  transactions: empty transaction is ok: \
         the store does not declare transactional\n0 passed, 0 failed, 1 not applicable\n"
    );
}

#[tokio::test]
async fn invoke_flag_chooses_the_operation() {
    let component = path(fixtures::memory_store());
    let line = ["--component", component, "is performed"];
    for (invoke, told) in [
        ("create=x", "1 passed, 0 failed, 0 not applicable"),
        ("destroy=x", "\"destroy\" is not among"),
    ] {
        let ran = conformance(&[&line[..], &["--invoke", invoke]].concat()).await;
        assert!(ran.text().contains(told), "{}{}", ran.text(), ran.stderr);
    }
}

#[tokio::test]
async fn endless_call_ends_at_the_time_limit() {
    let component = path(fixtures::broken_promises());
    let broken = ["--metadata", "break=calls-end", "--time-limit", "300ms"];
    let line = ["--component", component, "configured store answers ping"];
    let ran = conformance(&[&line[..], &broken].concat()).await;
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.text().contains("time limit of 300ms"), "{}", ran.text());
}

#[tokio::test]
async fn failed_case_shows_its_reason_and_status_is_1() {
    let component = path(fixtures::broken_promises());
    let line = [
        "--component",
        component,
        "--metadata",
        "break=absence-is-no-error",
    ];
    let case = "absent key is none";
    let ran = conformance(&[&line[..], &[case]].concat()).await;
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    let told = "failed          reads and writes: absent key is none and not an error: get of \"never-set\": not-found: ";
    assert!(ran.text().starts_with(told), "{}", ran.text());
    assert!(
        ran.text()
            .ends_with("\n0 passed, 1 failed, 0 not applicable\n")
    );
    let json = conformance(&[&line[..], &["--json", case]].concat())
        .await
        .json();
    assert_eq!(json[0]["outcome"], "failed");
    assert!(
        json[0]["reason"].as_str().unwrap().contains("not-found"),
        "{json:?}"
    );
    assert_eq!(
        json[1],
        json!({ "passed": 0, "failed": 1, "notApplicable": 0 })
    );
}

#[tokio::test]
async fn stderr_of_a_failed_component_is_shown() {
    let component = path(fixtures::broken_promises());
    let traps = "break=odd-keys-do-not-trap";
    let case = "keys that look alike";
    let line = ["--component", component, "--metadata", traps, case];
    let ran = conformance(&line).await;
    assert_eq!(ran.status, 1);
    assert!(
        ran.text().contains("the component trapped"),
        "{}",
        ran.text()
    );
    assert_eq!(ran.text().lines().count(), 2, "{}", ran.text());
    // The lines keep the order of the component's output, which is not
    // alphabetical.
    let place = |text| ran.stderr.find(text);
    let (panicked, why) = (place("panicked at"), place("a key with a zero in it"));
    assert!(
        panicked.is_some() && panicked < why,
        "{panicked:?} {why:?}: {}",
        ran.stderr
    );
}

#[tokio::test]
async fn component_without_the_contract_fails_as_one_case() {
    let (kept, _) = folder();
    let text = write(kept.path(), "text.wasm", "no WebAssembly");
    // The magic number and the version of an empty component.
    let empty = kept.path().join("empty.wasm");
    std::fs::write(&empty, b"\0asm\x0d\0\x01\0").unwrap();
    for (component, why) in [
        (text.as_str(), "is not a WebAssembly component"),
        (path(&empty), "exports neither"),
        ("no/such.wasm", "no/such.wasm"),
    ] {
        let ran = conformance(&["--component", component]).await;
        assert_eq!(ran.status, 1, "{}", ran.stderr);
        let told = "failed          component: it implements the contract: ";
        assert!(ran.text().starts_with(told), "{}", ran.text());
        assert!(ran.text().contains(why), "{}", ran.text());
        assert!(
            ran.text()
                .ends_with("\n0 passed, 1 failed, 0 not applicable\n")
        );
    }
}

#[tokio::test]
async fn list_shows_requirements_and_unknown_text_fails() {
    let ran = conformance(&["--list"]).await;
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let expected = "time to live: expired item has no etag to match (ttl, etag)";
    assert!(
        ran.text().lines().any(|line| line == expected),
        "{}",
        ran.text()
    );
    let said = format!("It has {} cases", ran.text().lines().count());
    assert!(
        PAGE.contains(&said),
        "docs/contract.md does not say: {said}"
    );
    let ran = conformance(&["--list", "--json", "answers ping"]).await;
    let store = &ran.json()[0];
    assert_eq!(
        (&store["interface"], &store["needs"]),
        (&json!("state"), &json!([]))
    );
    let ran = conformance(&["no such case"]).await;
    assert_eq!((ran.status, ran.text()), (1, ""));
    assert!(ran.stderr.contains("--list prints all"), "{}", ran.stderr);
    let ran = conformance(&["--invoke", "create"]).await;
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("OPERATION=DATA"), "{}", ran.stderr);
}

#[tokio::test]
async fn error_is_red_on_a_terminal_with_colours() {
    let terminal = Terminal {
        color_on_stderr: true,
        ..Terminal::default()
    };
    for line in [
        &["ping", "--component-yaml", "no/such"][..],
        &["no such case"],
    ] {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let words = [&["conformance"], line].concat();
        let surroundings = Surroundings {
            environment: &|_| None,
            stdin: &mut std::io::empty(),
            stdout: &mut stdout,
            stderr: &mut stderr,
            terminal,
        };
        let words = words.into_iter().map(Into::into).collect();
        let status = ::conformance::program::run(words, surroundings).await;
        assert_eq!((status, stdout.len()), (Status::Failure, 0), "{line:?}");
        let red = b"\x1b[1m\x1b[31merror:\x1b[0m ";
        assert!(stderr.starts_with(red), "{line:?}");
    }
}
