//! The cost of each call, as the server counts it. The page docs/cost.md has the figures, and is written from them.
//! Both builds of the component have the same ones.

mod bill;
mod calls;
mod capacity;

use self::bill::{Bill, Row, head_bytes};
use crate::fixture::Build;
use std::collections::HashSet;

/// The page with the figures.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cost.md");
/// The name of the page with the results of the last run. Copy it if a change is intended.
const FOUND: &str = "cost.md";
const HEAD: &str = "\
| call | requests | head | body | read units | write units |
|---|---|---|---|---|---|
";

/// The largest head of a request, in bytes, without a session token.
const LARGEST_HEAD: usize = 700;

fn page() -> String {
    std::fs::read_to_string(PAGE).expect("docs/cost.md is there")
}

#[tokio::test]
async fn each_call_costs_what_the_page_says() {
    let mut bill = Bill::new().await;
    bill.single_calls().await;
    bill.bulk_calls_of_a_few().await;
    bill.bulk_calls_of_many().await;
    bill.transactions().await;
    bill.calls_with_time_to_live().await;
    let page = page();
    let (preface, _) = page.split_once(HEAD).expect("the page has the table");
    let rows: String = bill.rows.iter().map(Row::markdown).collect();
    let found = format!("{preface}{HEAD}{rows}");
    let results = Build::tested().results(FOUND);
    std::fs::write(&results, &found).expect("the target folder can be written to");
    assert!(
        found == page,
        "the cost of a call differs from docs/cost.md; if the change is intended, copy {} over it:\n{rows}",
        results.display()
    );
    let largest = bill.rows.iter().map(|row| row.head).max().unwrap();
    assert!(largest <= LARGEST_HEAD, "{largest}");
    assert!(page.contains(&format!("at most {LARGEST_HEAD} bytes")));
}

#[tokio::test]
async fn a_request_has_only_these_header_fields() {
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
async fn the_page_says_what_a_session_token_adds_to_a_head() {
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
    assert!(page().contains(&sentence), "{sentence}");
}
