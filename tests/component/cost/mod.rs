//! The cost of each call is a table in the README, and the table is what the server counts: a change of a figure is a change
//! of the README.

mod bill;
mod calls;
mod capacity;

use self::bill::{Bill, Row, head_bytes};
use std::collections::HashSet;

const README: &str = include_str!("../../../README.md");

/// The length that the head of a request has at most, in bytes, without a session token.
const LARGEST_HEAD: usize = 700;

#[tokio::test]
async fn the_readme_tells_what_each_call_costs() {
    let mut bill = Bill::new().await;
    bill.single_calls().await;
    bill.bulk_calls_of_a_few().await;
    bill.bulk_calls_of_many().await;
    bill.transactions().await;
    bill.calls_with_time_to_live().await;
    let table: Vec<String> = bill.rows.iter().map(Row::markdown).collect();
    let table = table.join("\n");
    assert!(
        README.contains(&format!("|---|---|---|---|---|---|\n{table}\n\n")),
        "a call has another cost than the README tells; if that is as it should be, these are the lines:\n{table}"
    );
    let heads = bill.rows.iter().map(|row| row.head);
    let largest = heads.max().unwrap();
    assert!(largest <= LARGEST_HEAD, "{largest}");
    assert!(README.contains(&format!("at most {LARGEST_HEAD} bytes")));
}

#[tokio::test]
async fn a_request_has_these_header_fields_and_no_other() {
    let mut bill = Bill::new().await;
    bill.single_calls().await;
    bill.bulk_calls_of_a_few().await;
    bill.transactions().await;
    for request in &bill.seen {
        let names = request.headers.keys().map(|name| name.as_str());
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        let expected = [
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "x-amz-date",
            "x-amz-target",
        ];
        assert_eq!(names, expected, "{}", request.target);
    }
}

#[tokio::test]
async fn calls_in_turn_share_one_connection() {
    let mut bill = Bill::new().await;
    bill.single_calls().await;
    let connections: HashSet<u64> = bill.seen.iter().map(|r| r.connection).collect();
    assert_eq!((connections.len(), bill.seen.len() > 10), (1, true));
}

#[tokio::test]
async fn the_readme_tells_what_a_session_token_adds_to_each_head() {
    let token = "t".repeat(1_000);
    let bill = Bill::new().await;
    let mut heads = Vec::new();
    for settings in [
        bill.settings.clone(),
        bill.settings.with("sessionToken", &token),
    ] {
        settings.init().await.unwrap();
        heads.push(head_bytes(bill.proxy.requests().last().unwrap()));
    }
    let added = heads[1] - heads[0] - token.len();
    let sentence = format!("A session token adds its own length and {added} bytes");
    assert!(README.contains(&sentence), "{sentence}");
}
