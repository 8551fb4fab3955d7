//! The versions of what was compared are those that the workspace's lock file names: they were built into this program.

use std::{fs, path::Path};

use serde::Serialize;

use host_test::command_line::Failure;

const LOCK_FILE: &str = include_str!("../../../Cargo.lock");

/// What was compared.
#[derive(Debug, Serialize)]
pub struct Versions {
    /// The size of the component's file, in bytes.
    pub component_bytes: u64,
    /// The version of wasmtime.
    pub wasmtime: &'static str,
    /// The version of the native SDK.
    pub aws_sdk_dynamodb: &'static str,
    /// The version of the embedded DynamoDB.
    pub dynoxide: &'static str,
}

impl Versions {
    pub(crate) fn with(component: &Path) -> Result<Self, Failure> {
        let file = fs::metadata(component)
            .map_err(|error| Failure::here(format_args!("{}: {error}", component.display())))?;
        let version = |package| locked(LOCK_FILE, package).unwrap_or("unknown");
        Ok(Self {
            component_bytes: file.len(),
            wasmtime: version("wasmtime"),
            aws_sdk_dynamodb: version("aws-sdk-dynamodb"),
            dynoxide: version("dynoxide-rs"),
        })
    }
}

/// The version of a package; the first one where there are several.
fn locked<'a>(lock_file: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock_file.lines().skip_while(|line| **line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    version.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_that_of_the_package_of_exactly_this_name() {
        let lock_file = "[[package]]\nname = \"a-b\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.1.0\"\nsource = \"s\"\n";
        assert_eq!(locked(lock_file, "a"), Some("2.1.0"));
        assert_eq!(locked(lock_file, "c"), None);
    }

    #[test]
    fn the_lock_file_of_this_workspace_names_all_that_is_reported() {
        for package in ["wasmtime", "aws-sdk-dynamodb", "dynoxide-rs"] {
            assert!(locked(LOCK_FILE, package).is_some(), "{package}");
        }
    }
}
