//! An invalid command line has another exit status than a failed call.

use crate::calls::here;
use test_support::ran::SENSELESS;

#[tokio::test]
async fn invalid_command_line_is_exit_status_2() {
    let two_places = "state get k --data d --endpoint http://127.0.0.1:1";
    let two_places: Vec<&str> = two_places.split(' ').collect();
    for arguments in SENSELESS.into_iter().chain([two_places.as_slice()]) {
        let ran = here(arguments).await;
        assert_eq!((ran.status, ran.text()), (2, ""), "{arguments:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    for help in [["--help"].as_slice(), &["state", "--help"], &["--version"]] {
        assert_eq!(here(help).await.status, 0, "{help:?}");
    }
}
