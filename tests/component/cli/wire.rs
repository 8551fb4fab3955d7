//! The requests that a run of the program sends: only those of its call, with the requested
//! consistency.

use super::Shell;
use crate::fixture::{asks_for_consistent_read, counting_proxy};
use host_test::counting_proxy::CountingProxy;

async fn proxied() -> (Shell, CountingProxy) {
    let proxy = counting_proxy().await;
    (Shell::new().await.through(proxy.endpoint()), proxy)
}

/// Returns the operations that one run sends.
async fn sent(shell: &Shell, proxy: &CountingProxy, arguments: &[&str]) -> Vec<String> {
    proxy.reset();
    let ran = shell.run(arguments).await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let requests = proxy.requests().into_iter();
    requests.map(|request| request.target).collect()
}

#[tokio::test]
async fn run_sends_its_call_only_or_checks_the_table_first() {
    let (shell, proxy) = proxied().await;
    let set = ["state", "set", "k", "v"];
    assert_eq!(sent(&shell, &proxy, &set).await.len(), 1);
    let get = ["state", "get", "k"];
    assert_eq!(sent(&shell, &proxy, &get).await, ["GetItem"]);
    let configured = ["state", "get", "k", "--metadata", "consistency=strong"];
    assert_eq!(sent(&shell, &proxy, &configured).await.len(), 2);
    let many: Vec<String> = (0..250).map(|n| format!("k-{n}=v")).collect();
    let mut bulk_set = vec!["state", "bulk-set"];
    bulk_set.extend(many.iter().map(String::as_str));
    assert_eq!(
        sent(&shell, &proxy, &bulk_set).await,
        ["BatchWriteItem"; 10]
    );
    let operations = ["binding", "operations"];
    assert_eq!(sent(&shell, &proxy, &operations).await.len(), 0);
}

/// Returns for a get and a bulk-get with these arguments whether each asks for a consistent read.
async fn consistent(shell: &Shell, proxy: &CountingProxy, more: &[&str]) -> [bool; 2] {
    let mut consistent = [false; 2];
    for (place, command) in ["get", "bulk-get"].into_iter().enumerate() {
        sent(shell, proxy, &[&["state", command, "k"], more].concat()).await;
        let requests = proxy.requests();
        consistent[place] = asks_for_consistent_read(requests.last().expect("a request"));
    }
    consistent
}

#[tokio::test]
async fn reads_have_the_consistency_of_the_arguments() {
    let (shell, proxy) = proxied().await;
    shell.run(&["state", "set", "k", "v"]).await;
    let strong = ["--consistency", "strong"];
    assert_eq!(consistent(&shell, &proxy, &[]).await, [false; 2]);
    assert_eq!(consistent(&shell, &proxy, &strong).await, [true; 2]);
    let configured = ["--metadata", "consistency=strong"];
    assert_eq!(consistent(&shell, &proxy, &configured).await, [true; 2]);
    let eventual = [&configured[..], &["--consistency", "eventual"]].concat();
    assert_eq!(consistent(&shell, &proxy, &eventual).await, [false; 2]);
}
