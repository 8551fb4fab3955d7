//! The machine and the versions that the figures belong to. Facts that the system does not report stay unknown.

use anyhow::{Result, anyhow};
use serde::Serialize;
use std::env::consts;
use std::path::Path;
use std::{fs, thread};

/// The machine that the figures were measured on.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// The processor's model.
    pub(super) processor: Option<String>,
    /// The number of processors that this process may run on.
    pub(super) processors: Option<usize>,
    /// All memory, in bytes.
    pub(super) memory: Option<u64>,
    /// The operating system, and the release of its kernel.
    pub(super) kernel: String,
    /// The architecture that the program was compiled for.
    pub(super) architecture: &'static str,
}

impl Machine {
    /// Describes this machine. Reads the processor, the memory and the kernel from `/proc`; they are unknown outside Linux.
    pub(super) fn of_this_process() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name").map(str::to_owned),
            processors: thread::available_parallelism().ok().map(Into::into),
            memory: field(&read("/proc/meminfo"), "MemTotal").and_then(kibibytes),
            kernel: format!("{} {}", consts::OS, release.trim())
                .trim_end()
                .to_owned(),
            architecture: consts::ARCH,
        }
    }
}

/// Returns the value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Returns the number of bytes of a size such as `16384 kB`.
fn kibibytes(value: &str) -> Option<u64> {
    let number: u64 = value.strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

/// The workspace's lock file. This program is built with the versions in it.
const LOCK_FILE: &str = include_str!("../../Cargo.lock");

/// The versions that were compared.
#[derive(Debug, Serialize)]
pub(super) struct Versions {
    /// The size of the component's file, in bytes.
    pub(super) component_bytes: u64,
    /// The size of the hosted build's file, in bytes. Absent if only one build ran.
    pub(super) hosted_bytes: Option<u64>,
    pub(super) wasmtime: &'static str,
    /// The native SDK.
    pub(super) aws_sdk_dynamodb: &'static str,
    /// The embedded DynamoDB.
    pub(super) dynoxide: &'static str,
}

impl Versions {
    pub(super) fn with(component: &Path, hosted: Option<&Path>) -> Result<Self> {
        let bytes = |file: &Path| match fs::metadata(file) {
            Ok(found) => Ok(found.len()),
            Err(error) => Err(anyhow!("{}: {error}", file.display())),
        };
        let version = |package| locked(LOCK_FILE, package).unwrap_or("unknown");
        Ok(Self {
            component_bytes: bytes(component)?,
            hosted_bytes: hosted.map(bytes).transpose()?,
            wasmtime: version("wasmtime"),
            aws_sdk_dynamodb: version("aws-sdk-dynamodb"),
            dynoxide: version("dynoxide-rs"),
        })
    }
}

/// Returns the version of a package in a lock file. Returns the first version if there are several.
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
    fn fields_are_read_from_the_format_of_proc() {
        let text = "processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: Another\n";
        assert_eq!(field(text, "model name"), Some("A CPU @ 2 GHz"));
        assert_eq!(field(text, "MemTotal"), None);
        let memory = field("MemTotal:       4030048 kB\n", "MemTotal");
        assert_eq!(memory.and_then(kibibytes), Some(4_030_048 * 1024));
    }

    #[test]
    fn version_is_found_by_the_exact_package_name() {
        let lock_file = "[[package]]\nname = \"a-b\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.1.0\"\nsource = \"s\"\n";
        assert_eq!(locked(lock_file, "a"), Some("2.1.0"));
        assert_eq!(locked(lock_file, "c"), None);
    }

    #[test]
    fn lock_file_contains_all_reported_packages() {
        for package in ["wasmtime", "aws-sdk-dynamodb", "dynoxide-rs"] {
            assert!(locked(LOCK_FILE, package).is_some(), "{package}");
        }
    }
}
