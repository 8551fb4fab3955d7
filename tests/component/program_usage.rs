//! A command line that makes no sense is told apart from a call that fails.

use crate::program::host_test;

/// What neither program takes for a command.
pub const SENSELESS: [&[&str]; 11] = [
    &["stat"],
    &["state"],
    &["state", "get"],
    &["state", "set", "k"],
    &["state", "set", "k", "v", "--ttl", "soon"],
    &["state", "delete", "k", "--first-write"],
    &["state", "bulk-set", "no-equals-sign"],
    &["state", "transact", "upsert:k=v"],
    &["state", "get", "k", "--consistency", "linearizable"],
    &["binding", "invoke"],
    &["--no-such-option"],
];

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_exit_status_2() {
    let two_places = "state get k --data d --endpoint http://127.0.0.1:1";
    let two_places: Vec<&str> = two_places.split(' ').collect();
    for arguments in SENSELESS.into_iter().chain([two_places.as_slice()]) {
        let ran = host_test(arguments).await;
        assert_eq!((ran.status, ran.text()), (2, ""), "{arguments:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    for help in [["--help"].as_slice(), &["state", "--help"], &["--version"]] {
        assert_eq!(host_test(help).await.status, 0, "{help:?}");
    }
}
