//! The arguments of a comparison, and the default number of calls.

use super::cases::Case;
use super::memory::INSTANCES;
use super::throughput::TASKS;
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The default number of rounds of a short case.
const CALLS: usize = 2500;
/// The number of rounds of a short case with `--quick`, which only shows that everything runs.
const QUICK_CALLS: usize = 100;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Section {
    /// One call at a time, over plain HTTP
    Latency,
    /// One call at a time, over TLS
    Tls,
    /// 1, 16 and 64 tasks over the instance pool
    Throughput,
    /// From the file of a build to its first response
    ColdStart,
    /// Resident memory of 1, 100 and 1,000 instances
    Memory,
    /// Compared with Dapr's own component; needs --dapr
    Dapr,
}

impl Section {
    /// The sections that call the chosen cases.
    const WITH_CASES: [Self; 4] = [Self::Latency, Self::Tls, Self::Throughput, Self::Dapr];
}

/// Measures both builds of the component against the native AWS SDK for Rust, in one process, on an embedded DynamoDB
#[derive(Clone, Debug, Args)]
pub(super) struct BenchArguments {
    /// Only these cases, separated by commas. Measures only their latency, unless --sections is set
    #[arg(long, value_name = "CASE", value_delimiter = ',')]
    cases: Vec<Case>,
    /// Only these sections, separated by commas
    #[arg(long, value_name = "SECTION", value_delimiter = ',')]
    sections: Vec<Section>,
    /// Calls of each contender per case. Long cases make fewer calls, and TLS a quarter
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    calls: Option<u32>,
    /// Run every section, but briefly. Do not trust the figures
    #[arg(long, env = "HOST_TEST_BENCH_QUICK")]
    pub(super) quick: bool,
    /// Instances that the tasks share, at most 10,000. The default is the number of tasks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pool_size: Option<u16>,
    /// Measure this hosted build instead of the workspace's own
    #[arg(long, value_name = "FILE.wasm")]
    pub(super) hosted: Option<PathBuf>,
    /// Compare both builds with this one, on the same host
    #[arg(long, value_name = "FILE.wasm")]
    pub(super) baseline: Option<PathBuf>,
    /// Compare with Dapr's Go component: the program built from bench/dapr-worker
    #[arg(long, value_name = "FILE")]
    pub(super) dapr: Option<PathBuf>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Draw the latencies as SVG in this file
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
    /// Write the names of the component's functions for perf to /tmp/perf-PID.map
    #[arg(long)]
    pub(super) perf_map: bool,
}

impl BenchArguments {
    /// Returns the cases in the order given, each once.
    pub(super) fn chosen_cases(&self) -> Vec<Case> {
        let mut chosen = Vec::new();
        for case in &self.cases {
            if !chosen.contains(case) {
                chosen.push(*case);
            }
        }
        match chosen.is_empty() {
            true => Case::value_variants().to_vec(),
            false => chosen,
        }
    }

    pub(super) fn wants(&self, section: Section) -> bool {
        match (self.sections.as_slice(), self.cases.as_slice()) {
            ([], _) if section == Section::Dapr => self.dapr.is_some(),
            ([], []) => true,
            ([], _) => section == Section::Latency,
            (chosen, _) => chosen.contains(&section),
        }
    }

    /// Refuses arguments that contradict each other.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.svg.is_some() && !self.wants(Section::Latency) {
            return Err(
                "--svg draws the section latency, which --sections leaves out: add latency to --sections",
            );
        }
        let takes_cases = Section::WITH_CASES.iter().any(|one| self.wants(*one));
        if !self.cases.is_empty() && !takes_cases {
            return Err(
                "--cases has no effect on these --sections: add latency, tls, throughput or dapr",
            );
        }
        Ok(())
    }

    /// Returns the number of instances that `tasks` tasks share.
    pub(super) fn pool_size(&self, tasks: usize) -> NonZeroUsize {
        let size = self.pool_size.map_or(tasks, usize::from);
        NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN)
    }

    /// Returns the total number of steps of the progress bar.
    pub(super) fn steps(&self) -> usize {
        let cases = self.chosen_cases().len();
        let of_section = |section: &Section| match section {
            Section::Latency | Section::Tls | Section::Dapr => cases,
            Section::Throughput => cases * TASKS.len(),
            // One step for each of the two builds.
            Section::Memory => 2 * INSTANCES.len(),
            Section::ColdStart => 1,
        };
        let sections = Section::value_variants()
            .iter()
            .filter(|section| self.wants(**section));
        sections.map(of_section).sum()
    }

    /// Returns the number of rounds of one case over plain HTTP.
    pub(super) fn calls(&self, case: Case) -> usize {
        let calls = match (self.calls, self.quick) {
            (Some(calls), _) => calls as usize,
            (None, true) => QUICK_CALLS,
            (None, false) => CALLS,
        };
        (calls / case.weight()).max(1)
    }

    /// Returns the number of rounds of one case over TLS. Short cases make a quarter of the calls there, because the
    /// default host takes several times as long as all other contenders.
    pub(super) fn calls_over_tls(&self, case: Case) -> usize {
        match case.weight() {
            1 | 2 => (self.calls(case) / 4).max(1),
            _ => self.calls(case),
        }
    }

    /// Returns `usual`, or a tenth of it with `--quick`.
    pub(super) fn repetitions(&self, usual: usize) -> usize {
        match self.quick {
            true => usual.div_ceil(10),
            false => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: BenchArguments,
    }

    fn parsed(line: &[&str]) -> BenchArguments {
        let words = std::iter::once(&"bench").chain(line);
        Line::parse_from(words).arguments
    }

    fn wanted(line: &[&str]) -> Vec<Section> {
        let arguments = parsed(line);
        let all = Section::value_variants().iter().copied();
        all.filter(|section| arguments.wants(*section)).collect()
    }

    #[test]
    fn all_sections_run_unless_cases_or_sections_are_set() {
        assert_eq!(wanted(&[]), Section::value_variants()[..5]);
        assert_eq!(wanted(&["--dapr", "f"]), Section::value_variants());
        assert_eq!(wanted(&["--cases", "get"]), [Section::Latency]);
        let line = ["--cases", "get", "--sections", "tls,memory"];
        assert_eq!(wanted(&line), [Section::Tls, Section::Memory]);
    }

    #[test]
    fn duplicate_cases_run_once_in_the_order_given() {
        let arguments = parsed(&["--cases", "set,get,set"]);
        assert_eq!(arguments.chosen_cases(), [Case::Set, Case::Get]);
    }

    #[test]
    fn svg_and_cases_need_a_section_that_uses_them() {
        let told = |line: &[&str]| parsed(line).check().unwrap_err();
        for line in [
            &["--svg", "f", "--sections", "tls"][..],
            &["--svg", "f", "--sections", "memory", "--cases", "get"],
        ] {
            assert!(told(line).starts_with("--svg draws the section latency"));
        }
        for sections in ["cold-start", "memory", "memory,cold-start"] {
            let line = ["--cases", "get", "--sections", sections];
            assert!(told(&line).starts_with("--cases has no effect"));
        }
        for line in [
            &["--svg", "f"][..],
            &["--svg", "f", "--cases", "get"],
            &["--cases", "get", "--sections", "memory,throughput"],
            &["--sections", "memory"],
        ] {
            assert_eq!(parsed(line).check(), Ok(()), "{line:?}");
        }
    }

    #[test]
    fn pool_size_is_between_1_and_10_000() {
        let size = |line: &[&str]| parsed(line).pool_size(16).get();
        assert_eq!(size(&[]), 16);
        assert_eq!(size(&["--pool-size", "10000"]), 10_000);
        for size in ["0", "10001", "18446744073709551615"] {
            let line = ["bench", "--pool-size", size];
            assert!(Line::try_parse_from(line).is_err(), "{size}");
        }
    }

    #[test]
    fn long_cases_make_fewer_calls_but_at_least_one() {
        let arguments = parsed(&["--calls", "40"]);
        assert_eq!(arguments.calls(Case::Get), 40);
        assert!(arguments.calls(Case::BulkSet) < 40);
        assert_eq!(arguments.calls_over_tls(Case::Get), 10);
        assert_eq!(
            arguments.calls_over_tls(Case::BulkSet),
            arguments.calls(Case::BulkSet)
        );
        assert_eq!(parsed(&["--calls", "1"]).calls_over_tls(Case::Get), 1);
    }
}
