//! The environment, the metadata and the arguments of the program, and its errors if they are
//! missing or invalid.

use super::{Shell, with_environment};
use crate::fixture::{CREDENTIALS, SECRET_KEY, engine, refusing_server};
use test_support::ran::{SENSELESS, run_here};

const COMMANDS: [&[&str]; 11] = [
    &["state", "get", "k"],
    &["state", "set", "k", "v"],
    &["state", "delete", "k"],
    &["state", "bulk-get", "k"],
    &["state", "bulk-set", "k=v"],
    &["state", "bulk-delete", "k"],
    &["state", "transact", "set:k=v"],
    &["state", "features"],
    &["state", "ping"],
    &["binding", "invoke", "create", "{\"key\": \"k\"}"],
    &["binding", "ping"],
];

#[tokio::test]
async fn every_command_without_configuration_is_not_initialized() {
    for command in COMMANDS {
        let ran = with_environment(&[], command).await;
        ran.assert_failed("not-initialized: the component is not configured: use --metadata, ");
    }
    let ran = with_environment(&[], &["state", "get", "k", "--json"]).await;
    let says =
        "{\"error\":{\"case\":\"not-initialized\",\"message\":\"the component is not configured: ";
    assert!(ran.text().starts_with(says), "{}", ran.text());
}

#[tokio::test]
async fn unused_port_is_unavailable_for_every_sending_command() {
    let server = refusing_server().await;
    let shell = Shell::new().await.through(server.endpoint());
    let sends = |command: &&&[&str]| command[1] != "features";
    for command in COMMANDS.iter().filter(sends) {
        let ran = shell.run(command).await;
        assert_eq!(ran.status, 1, "{command:?}");
        assert!(
            ran.stderr.contains("unavailable: "),
            "{command:?}: {}",
            ran.stderr
        );
    }
}

#[tokio::test]
async fn absent_table_is_not_found_and_no_secret_is_shown() {
    let endpoint = engine().await.endpoint();
    let mut environment = vec![
        ("DYNAMODB_TABLE", "no-such-table"),
        ("AWS_ENDPOINT_URL", endpoint),
    ];
    environment.extend(CREDENTIALS);
    let ran = with_environment(&environment, &["state", "get", "k"]).await;
    ran.assert_failed("not-found: ");
    assert!(ran.stderr.contains("no-such-table"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(SECRET_KEY), "{}", ran.stderr);
}

#[tokio::test]
async fn metadata_arguments_override_the_environment() {
    let shell = Shell::new().await;
    shell.run(&["state", "set", "k", "v"]).await;
    let elsewhere = ["state", "get", "k", "--metadata", "table=no-such-table"];
    let ran = shell.run(&elsewhere).await;
    ran.assert_failed("not-found: ");

    let endpoint = format!("endpoint={}", engine().await.endpoint());
    let table = format!("table={}", shell.table().name);
    let secret = format!("secretKey={SECRET_KEY}");
    let mut all = vec!["state", "get", "k"];
    for field in [&endpoint, &table, "accessKey=AKIDTEST", &secret] {
        all.extend(["--metadata", field]);
    }
    let ran = with_environment(&[], &all).await;
    assert_eq!((ran.status, ran.text(), ran.stderr.as_str()), (0, "v", ""));

    all.extend(["--metadata", "colour=red"]);
    let ran = with_environment(&[], &all).await;
    assert_eq!((ran.status, ran.text()), (0, "v"));
    assert!(ran.stderr.contains("colour"), "{}", ran.stderr);
}

#[tokio::test]
async fn invalid_command_line_exits_with_2_and_calls_nothing() {
    let own: [&[&str]; 2] = [&[], &["state", "get", "k", "--metadata", "table"]];
    for arguments in SENSELESS.into_iter().chain(own) {
        // A call would fail with `not-initialized`, which is exit status 1.
        let ran = with_environment(&[], arguments).await;
        assert_eq!((ran.status, ran.text()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains("--help"), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn help_uses_the_hosts_program_name_and_exits_with_0() {
    for arguments in [
        ["--help"].as_slice(),
        &["help"],
        &["state", "--help"],
        &["state", "bulk-set", "-h"],
    ] {
        let help = with_environment(&[], arguments).await;
        assert_eq!(
            (help.status, help.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
        assert!(
            help.text().contains("Usage: program.wasm"),
            "{}",
            help.text()
        );
    }
    let version = with_environment(&[], &["--version"]).await;
    assert_eq!((version.status, version.stderr.as_str()), (0, ""));
}

#[tokio::test]
async fn program_and_host_test_print_the_same_results() {
    let shell = Shell::new().await;
    shell
        .run(&["state", "set", "k", "{\"n\": 1}", "--content-type", "t/t"])
        .await;
    let (endpoint, table) = (engine().await.endpoint(), shell.table().name.as_str());
    let place = [
        "--endpoint",
        endpoint,
        "--table",
        table,
        "--region",
        "us-east-1",
    ];
    let keys = ["--access-key", "AKIDTEST", "--secret-key", SECRET_KEY];
    for words in [
        ["state", "get", "k"].as_slice(),
        &["state", "get", "k", "--json"],
        &["state", "get", "absent", "--json"],
        &["state", "set", "k", "v", "--etag", "stale", "--json"],
        &["state", "bulk-get", "k", "absent"],
        &["state", "delete", "k", "--etag", "stale"],
        &["binding", "invoke", "destroy"],
        &["binding", "operations", "--json"],
    ] {
        let ours = shell.run(words).await;
        let theirs = run_here(
            host_test::program::run,
            &[&["host-test"], words, &place, &keys].concat(),
            b"",
            &[],
        )
        .await;
        assert_eq!(
            (ours.status, ours.text(), ours.stderr.as_str()),
            (theirs.status, theirs.text(), theirs.stderr.as_str()),
            "{words:?}"
        );
    }
}
