//! A test of the module layers. A module may use only modules of lower layers. The test
//! reads the sources, and fails if an import points up or sideways.

use std::fs;
use std::path::Path;

/// The layers, from the bottom up. Modules of one layer must not use each other.
const LAYERS: &[&[&str]] = &[
    &["http", "text"],
    &["error"],
    &["fields", "limits"],
    &["aws"],
    &["credentials"],
    &["dynamodb"],
    &["binding", "state"],
    &["config"],
    &["component"],
];

/// The modules that `lib.rs` declares for tests only.
const FOR_TESTS: &[&str] = &["layers", "test_support"];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Returns the code of a file without comments and tests, and the names of its test modules
/// that have their own files.
fn code(text: &str) -> (String, Vec<String>) {
    let (mut code, mut tests) = (String::new(), Vec::new());
    let mut lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            code.extend([line, "\n"]);
            continue;
        }
        let item = lines.next().unwrap_or_default();
        if let Some(name) = item
            .strip_prefix("mod ")
            .and_then(|name| name.strip_suffix(';'))
        {
            tests.push(name.to_owned());
        } else if item.ends_with('{') {
            lines.by_ref().find(|line| *line == "}");
        } else if !item.ends_with(';') {
            lines.by_ref().find(|line| line.ends_with(';'));
        }
    }
    (code, tests)
}

/// Returns the names of the crate's modules that `code` uses, in a file whose module is
/// `depth` levels below the root. For `crate::{...}` it returns an empty name, which no
/// layer has.
fn used(code: &str, depth: usize) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let code = code.replace(&"super::".repeat(depth), "crate::");
    let roots = code.match_indices("crate::").filter_map(|(at, found)| {
        let rest = &code[at + found.len()..];
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        (!code[..at].ends_with(is_name)).then(|| name.to_owned())
    });
    roots.collect()
}

/// Returns the modules that `code` uses although the layer of `module` forbids it.
fn faults(module: &str, code: &str, depth: usize) -> Vec<String> {
    let own = layer(module).expect("a module with a layer");
    let mut used = used(code, depth);
    used.retain(|other| other != module && layer(other).is_none_or(|other| other >= own));
    used
}

fn check(path: &Path, module: &str, depth: usize, found: &mut Vec<String>) {
    let text = fs::read_to_string(path).expect("a source file");
    let (code, tests) = code(&text);
    for other in faults(module, &code, depth) {
        found.push(format!("{} uses `{other}`", path.display()));
    }
    let is_root = path.file_name().is_some_and(|name| name == "mod.rs");
    let folder = if is_root {
        path.parent().expect("a folder").to_owned()
    } else {
        path.with_extension("")
    };
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let below = entry.expect("an entry").path();
        let name = below.file_stem().expect("a name").to_string_lossy();
        if tests.iter().any(|test| *test == name) || name == "mod" {
            continue;
        }
        let own_folder = below.join("mod.rs");
        if own_folder.exists() {
            check(&own_folder, module, depth + 1, found);
        } else if below.extension().is_some_and(|ending| ending == "rs") {
            check(&below, module, depth + 1, found);
        }
    }
}

#[test]
fn modules_use_only_lower_layers() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut modules = Vec::new();
    for line in include_str!("lib.rs").lines() {
        let declared = line.strip_prefix("pub mod ").or(line.strip_prefix("mod "));
        modules.extend(declared.and_then(|name| name.strip_suffix(';')));
    }
    for module in modules.iter().filter(|name| !FOR_TESTS.contains(name)) {
        let file = sources.join(format!("{module}.rs"));
        let folder = sources.join(module).join("mod.rs");
        let path = if file.exists() { file } else { folder };
        check(&path, module, 1, &mut found);
    }
    let named: usize = LAYERS.iter().map(|layer| layer.len()).sum();
    assert_eq!(modules.len(), named + FOR_TESTS.len(), "{modules:?}");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn imports_that_point_up_or_sideways_are_detected() {
    for (code, depth, fault) in [
        ("use crate::config::Config;", 1, "config"),
        ("use crate::binding::Binding;", 1, "binding"),
        ("    crate::component::run()", 1, "component"),
        ("use crate::{error::Error, config};", 1, ""),
        ("use super::config::Config;", 1, "config"),
        ("use super::super::config;", 2, "config"),
        ("use crate::utils::help;", 1, "utils"),
    ] {
        assert_eq!(faults("state", code, depth), [fault], "{code}");
    }
    for (code, depth) in [
        ("use crate::dynamodb::{self, Client};", 1),
        ("use crate::state::item;", 2),
        ("use super::config;", 2),
        (
            "// use crate::config;\n#[cfg(test)]\nmod tests {\n    use crate::config;\n}",
            1,
        ),
        ("#[cfg(test)]\nuse crate::config;\nuse crate::text;", 1),
    ] {
        let (code, _) = self::code(code);
        assert_eq!(faults("state", &code, depth), [""; 0], "{code}");
    }
}
