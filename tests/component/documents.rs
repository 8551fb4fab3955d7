//! The README and the pages in docs/ show example files as they are, so that what a reader copies is what CI runs.

use crate::fixture::component;
use host_test::embedded::{Embedded, Storage};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../examples/embed.rs"]
#[expect(
    dead_code,
    reason = "the program's own `main`, which the test does not call"
)]
mod embed;

const README: &str = include_str!("../../README.md");
const RUST: &str = include_str!("../../docs/hosts/rust.md");
const GETTING_STARTED: &str = include_str!("../../docs/getting-started.md");
const TROUBLESHOOTING: &str = include_str!("../../docs/operations/troubleshooting.md");
const EMBED: &str = include_str!("../../examples/embed.rs");
const COMPONENT: &str = include_str!("../../examples/orders.yaml");
const POLICY: &str = include_str!("../../examples/iam-policy.json");

/// Returns the code of the first block of this language.
fn block<'p>(page: &'p str, language: &str) -> &'p str {
    let (_, rest) = page
        .split_once(&format!("\n```{language}\n"))
        .expect("the page has such a block");
    rest.split("```").next().expect("the block ends")
}

#[tokio::test]
async fn program_that_embeds_the_component_runs() {
    let engine = Embedded::start(Storage::Memory).await.unwrap();
    engine.create_table("orders", "key").await.unwrap();
    embed::embed(component(), engine.endpoint()).await.unwrap();
    let items = engine.scan("orders").await.unwrap();
    assert!(items[0].to_string().contains("paid"), "{items:?}");
}

#[test]
fn rust_page_shows_the_whole_program() {
    let (_, program) = EMBED
        .split_once("\n\n")
        .expect("comments, then the program");
    assert_eq!(block(RUST, "rust,no_run"), program);
}

#[test]
fn readme_shows_a_part_of_the_program() {
    let indented: String = block(README, "rust")
        .lines()
        .map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("    {line}\n"),
        })
        .collect();
    assert!(
        EMBED.contains(&indented),
        "not in examples/embed.rs:\n{indented}"
    );
}

#[test]
fn readme_shows_lines_of_the_other_examples() {
    for (language, comment, example) in [
        (
            "python",
            "  #",
            include_str!("../../bindings/python/examples/orders.py"),
        ),
        (
            "js",
            " //",
            include_str!("../../bindings/node/examples/orders.mjs"),
        ),
    ] {
        for line in block(README, language).lines() {
            let code = line.split(comment).next().unwrap_or(line);
            assert!(example.contains(code), "not in the example: {code}");
        }
    }
}

#[test]
fn getting_started_shows_the_policy_and_the_component_file() {
    assert_eq!(block(GETTING_STARTED, "json"), POLICY);
    let without_comments: String = COMPONENT
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(block(GETTING_STARTED, "yaml"), without_comments);
}

/// Returns the text of all source files that have sentences for users.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = [
        "src",
        "host/src",
        "adapters/cli/src",
        "command-line/src",
        "bindings/python/dapr_wasm",
    ];
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut text = String::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path
            .extension()
            .is_some_and(|end| end == "rs" || end == "py")
        {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// A heading shows a sentence with example values, so only parts of it are in the sources: the parts between two values.
#[test]
fn troubleshooting_shows_sentences_of_the_sources() {
    /// Sentences of DynamoDB and of wasmtime.
    const OF_OTHERS: [&str; 8] = [
        "The security token included in the request is invalid",
        "The request signature we calculated does not match the signature you provided",
        "Requested resource not found",
        "is not authorized to perform: dynamodb:PutItem",
        "fuel allocated for hostcalls has been exhausted",
        "component imports instance … , but a matching implementation was not found in the linker",
        "no exported instance named wasi:cli/run",
        "No such file or directory",
    ];
    const MOSTLY_VALUES: [&str; 4] = [
        "table` is missing",
        "accessKey` is set without",
        "the shared files have no profile",
        "sent a response that is not DynamoDB's",
    ];
    let sources = sources();
    let mut entries = 0;
    for heading in TROUBLESHOOTING
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
    {
        let sentence = heading.trim_matches(['`', ' ']);
        entries += 1;
        // Values break the sentence up, so only parts of 4 words are compared: most of them, or one in a sentence of values.
        let words: Vec<&str> = sentence.split(' ').collect();
        let parts: Vec<String> = words
            .windows(words.len().min(4))
            .map(|part| part.join(" "))
            .collect();
        let known = parts.iter().filter(|part| sources.contains(*part)).count();
        let needed = match MOSTLY_VALUES
            .iter()
            .any(|begin| sentence.starts_with(begin))
        {
            true => 1,
            false => parts.len().div_ceil(2),
        };
        let found = known >= needed;
        assert!(
            found || OF_OTHERS.contains(&sentence),
            "no source has this sentence: {sentence}"
        );
    }
    assert!(entries >= 20, "{entries} entries");
}
