//! The built artifacts: the names of their imports and exports, and their sizes. Also the crates that are linked into them, which
//! docs/contributing.md lists with a reason each.

use crate::fixture::{Build, plugin};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use wasmparser::{Parser, Payload};

/// Returns the artifact's own imports and exports, not those of the modules inside it.
fn names(component: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let bytes = std::fs::read(component).unwrap();
    let (mut imports, mut exports) = (BTreeSet::new(), BTreeSet::new());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(
                    section
                        .into_iter()
                        .map(|import| import.unwrap().name.name.to_owned()),
                );
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(
                    section
                        .into_iter()
                        .map(|export| export.unwrap().name.name.to_owned()),
                );
            }
            _ => {}
        }
    }
    (imports, exports)
}

/// Returns the name without its version. The patch version moves with the toolchain; the minor version must not.
fn without_version(name: &str) -> &str {
    let (name, version) = name.split_once('@').expect("an interface has a version");
    let wasi = name.starts_with("wasi:");
    assert!(
        !wasi || version.starts_with("0.2."),
        "{name} is of WASI {version}"
    );
    name
}

/// Returns the artifact's imports, without versions.
pub fn imports(component: &Path) -> Vec<String> {
    let (imports, _) = names(component);
    let imports = imports.iter().map(|name| without_version(name).to_owned());
    imports.collect()
}

#[test]
fn the_artifacts_import_nothing_beyond_these_lists() {
    let shared = [
        // Only types, no functions; the exported interfaces share them.
        "dapr-wasm:components/types",
        "wasi:cli/environment",
        "wasi:cli/exit",
        "wasi:cli/stderr",
        // The standard library's C library opens all three streams and asks whether they are terminals.
        "wasi:cli/stdin",
        "wasi:cli/stdout",
        "wasi:cli/terminal-input",
        "wasi:cli/terminal-output",
        "wasi:cli/terminal-stderr",
        "wasi:cli/terminal-stdin",
        "wasi:cli/terminal-stdout",
        "wasi:clocks/monotonic-clock",
        "wasi:clocks/wall-clock",
        // For files of credentials, in the directories that the host grants.
        "wasi:filesystem/preopens",
        "wasi:filesystem/types",
        "wasi:io/error",
        // The standard library's C library polls in its own functions too.
        "wasi:io/poll",
        "wasi:io/streams",
        // The seed of the standard library's hash maps.
        "wasi:random/insecure-seed",
        "wasi:random/random",
    ];
    let of_portable = ["wasi:http/outgoing-handler", "wasi:http/types"];
    let of_hosted = [
        "dapr-wasm:host/digest",
        "dapr-wasm:host/http-client",
        "dapr-wasm:host/types",
    ];
    for (build, own) in [
        (Build::Portable, &of_portable[..]),
        (Build::Hosted, &of_hosted[..]),
    ] {
        let mut expected = [&shared[..], own].concat();
        expected.sort_unstable();
        assert_eq!(imports(build.component()), expected, "{build:?}");
    }
}

#[test]
fn the_artifacts_export_the_state_store_and_the_binding() {
    for build in [Build::Portable, Build::Hosted] {
        let (_, exports) = names(build.component());
        let exports: Vec<&str> = exports.iter().map(String::as_str).collect();
        let expected = [
            "dapr-wasm:components/binding@0.1.0",
            "dapr-wasm:components/state@0.1.0",
        ];
        assert_eq!(exports, expected, "{build:?}");
    }
    let plugin = plugin();
    assert!(plugin.exports_state() && plugin.exports_binding());
}

/// The limit protects `panic = "abort"` and link-time optimisation, which keep the artifacts small.
#[test]
fn artifacts_stay_within_their_budget() {
    for build in [Build::Portable, Build::Hosted] {
        let size = std::fs::metadata(build.component()).unwrap().len();
        assert!(size <= 1_275_000, "{build:?}: {size} bytes");
    }
}

/// Returns each interface once, even if the two parts of the program import several versions of it.
fn interfaces(names: &BTreeSet<String>) -> Vec<&str> {
    let mut interfaces: Vec<&str> = names.iter().map(|name| without_version(name)).collect();
    interfaces.dedup();
    interfaces
}

#[test]
fn the_program_imports_what_the_artifact_imports() {
    let (of_program, exports) = names(Path::new(env!("CLI_PATH")));
    let (of_artifact, _) = names(host_test::component_path());
    assert_eq!(interfaces(&of_program), interfaces(&of_artifact));
    assert_eq!(interfaces(&exports), ["wasi:cli/run"]);
}

/// Compile time dominates without a compiled program: `[profile.adapter]` keeps it small.
#[test]
fn the_program_is_at_most_550_kb_larger_than_the_artifact() {
    let size = |file| std::fs::metadata(file).unwrap().len();
    let more = size(Path::new(env!("CLI_PATH"))) - size(host_test::component_path());
    assert!(more <= 550_000, "{more} bytes");
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/contributing.md");

/// The heading of the section with the table.
const HEADING: &str = "## Dependencies";

/// Returns the names of the crates that are linked into the component, down to `depth`, without its own.
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

/// Returns the section, to the next heading.
fn section() -> String {
    let page = fs::read_to_string(PAGE).expect("the page");
    let (_, section) = page.split_once(HEADING).expect("the heading");
    section.split("\n## ").next().expect("a section").to_owned()
}

#[test]
fn each_dependency_is_listed_with_a_reason() {
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
fn page_counts_the_linked_crates() {
    let count = format!("{} crates", crates("99").len());
    assert!(section().contains(&count), "it is {count}");
}
