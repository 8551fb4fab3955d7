//! Tests of `serve`: it prints its endpoint once its tables exist, and ends on a signal.

use crate::{host_test, told};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// Starts a server and waits for its endpoint.
fn serving(words: &[&str]) -> (Child, String) {
    // The time limit ends the server if a test fails before it stops it.
    let mut server = host_test(&[&["serve", "--for", "5m"], words].concat());
    let server = server.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut endpoint = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut endpoint).unwrap();
    (server, endpoint.trim().to_owned())
}

fn state(endpoint: &str, table: &str, words: &[&str]) -> Output {
    let there = ["--endpoint", endpoint, "--table", table];
    let keys = ["--access-key", "id", "--secret-key", "key"];
    let words = [&["state"], words, &there, &keys].concat();
    host_test(&words).output().unwrap()
}

#[cfg(unix)]
fn terminate(server: &Child) {
    let pid = server.id().to_string();
    let kill = Command::new("kill").arg(pid).status().unwrap();
    assert!(kill.success());
}

#[test]
#[cfg(unix)]
fn tables_exist_at_start_and_sigterm_ends_the_server() {
    let (server, endpoint) = serving(&["--table", "orders", "--table", "audit"]);
    for table in ["orders", "audit"] {
        let (status, _, stderr) = told(state(&endpoint, table, &["set", "k", "v"]));
        assert_eq!(status, Some(0), "{stderr}");
    }
    let (status, _, stderr) = told(state(&endpoint, "state", &["get", "k"]));
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("error: not-found: "), "{stderr}");
    terminate(&server);
    let (status, _, stderr) = told(server.wait_with_output().unwrap());
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
}

#[test]
#[cfg(unix)]
fn data_folder_is_served_again_on_the_same_port() {
    let kept = tempfile::tempdir().unwrap();
    let data = ["--data", kept.path().to_str().unwrap()];
    let (server, endpoint) = serving(&data);
    let (status, _, stderr) = told(state(&endpoint, "state", &["set", "k", "v"]));
    assert_eq!(status, Some(0), "{stderr}");
    terminate(&server);
    server.wait_with_output().unwrap();
    let (_, port) = endpoint.rsplit_once(':').unwrap();
    let (server, again) = serving(&[&data[..], &["--port", port]].concat());
    assert_eq!(again, endpoint);
    let (_, value, stderr) = told(state(&again, "state", &["get", "k"]));
    assert_eq!(value, "v", "{stderr}");
    terminate(&server);
    server.wait_with_output().unwrap();
}

#[test]
#[cfg(unix)]
fn server_can_be_ended_right_after_its_endpoint() {
    for _ in 0..20 {
        let (server, _) = serving(&[]);
        terminate(&server);
        let (status, ..) = told(server.wait_with_output().unwrap());
        assert_eq!(status, Some(0));
    }
}

#[test]
#[cfg(unix)]
fn error_names_table_with_other_ttl_attribute() {
    let kept = tempfile::tempdir().unwrap();
    let data = ["--data", kept.path().to_str().unwrap()];
    let (server, _) = serving(&data);
    terminate(&server);
    server.wait_with_output().unwrap();
    let another = ["serve", "--ttl-attribute-name", "gone"];
    let refused = host_test(&[&another[..], &data].concat()).output().unwrap();
    let (status, stdout, stderr) = told(refused);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let says = "error: --ttl-attribute-name gone, table state: ";
    assert!(stderr.starts_with(says), "{stderr}");
}

#[test]
fn error_names_the_port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, stdout, stderr) = told(host_test(&["serve", "--port", &port]).output().unwrap());
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let says =
        format!("error: the embedded DynamoDB could not start on port {port} of 127.0.0.1: ");
    assert!(stderr.starts_with(&says), "{stderr}");
}

#[test]
fn server_ends_after_its_time_limit() {
    let (status, stdout, stderr) = told(host_test(&["serve", "--for", "1ms"]).output().unwrap());
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("http://127.0.0.1:"), "{stdout}");
}
