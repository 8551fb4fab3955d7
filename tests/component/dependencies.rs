//! The README lists the crates that the component depends on, each with a reason, and says how many are linked in all.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");

/// The line of the README above the table.
const HEADING: &str = "## What is in the component";

/// Names of the crates that are linked into the component, down to `depth`, its own left out.
fn crates(depth: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--package",
            "dapr-dynamodb",
            "--target",
            "wasm32-wasip2",
        ])
        .args([
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--depth",
            depth,
        ])
        .output()
        .expect("cargo starts");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).expect("names of crates are text");
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| *name != "dapr-dynamodb")
        .map(str::to_owned)
        .collect()
}

/// The section of the README, to the next heading.
fn section() -> String {
    let readme = fs::read_to_string(Path::new(README)).expect("the README");
    let (_, section) = readme.split_once(HEADING).expect("the heading");
    section.split("\n## ").next().expect("a section").to_owned()
}

#[test]
fn the_readme_names_each_crate_that_the_component_depends_on_with_a_reason() {
    let section = section();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut named = BTreeSet::new();
    for row in rows {
        let (names, reason) = row.split_once(" | ").expect("two columns");
        assert!(reason.trim_end_matches('|').trim().len() > 10, "{row}");
        named.extend(
            names
                .split(',')
                .map(|name| name.trim().trim_matches('`').to_owned()),
        );
    }
    assert_eq!(named, crates("1"));
}

#[test]
fn the_readme_counts_the_crates_that_are_linked() {
    let count = format!("{} crates", crates("99").len());
    assert!(section().contains(&count), "it is {count}");
}
