//! Figures are of a machine: the report names it, as far as it tells.

use std::{env::consts, fs, thread};

use serde::Serialize;

/// What the figures were measured on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's model.
    pub processor: Option<String>,
    /// How many processors this process may run on.
    pub processors: Option<usize>,
    /// All memory, in bytes.
    pub memory: Option<u64>,
    /// The operating system, and the release of its kernel.
    pub kernel: String,
    /// What the program was compiled for.
    pub architecture: &'static str,
}

impl Machine {
    /// Reads what Linux tells in `/proc`; elsewhere that part stays unknown.
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

/// The first value of `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Bytes of `16384 kB`.
fn kibibytes(value: &str) -> Option<u64> {
    let number: u64 = value.strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_from_what_linux_tells() {
        let text = "processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: Another\n";
        assert_eq!(field(text, "model name"), Some("A CPU @ 2 GHz"));
        assert_eq!(field(text, "MemTotal"), None);
        let memory = field("MemTotal:       4030048 kB\n", "MemTotal");
        assert_eq!(memory.and_then(kibibytes), Some(4_030_048 * 1024));
    }
}
