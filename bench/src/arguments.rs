//! The arguments of a comparison, and how much of it is done by default.

use super::cases::Case;
use super::throughput::TASKS;
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Rounds of a short case, unless told otherwise.
const CALLS: usize = 2500;
/// Likewise where all that matters is that everything runs.
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
    /// From the file to the first answer
    ColdStart,
    /// Resident memory of 1, 100 and 1,000 instances
    Memory,
    /// Beside Dapr's own component; needs --dapr
    Dapr,
}

impl Section {
    /// The sections that call the chosen cases.
    const WITH_CASES: [Self; 4] = [Self::Latency, Self::Tls, Self::Throughput, Self::Dapr];
}

/// Measures the component against the native AWS SDK for Rust, in one process, on an embedded DynamoDB
#[derive(Clone, Debug, Args)]
pub(super) struct BenchArguments {
    /// These cases only, separated by commas. Without --sections nothing but their latency is then
    /// measured
    #[arg(long, value_name = "CASE", value_delimiter = ',')]
    cases: Vec<Case>,
    /// These parts only, separated by commas
    #[arg(long, value_name = "SECTION", value_delimiter = ',')]
    sections: Vec<Section>,
    /// Calls of each contender per case; long cases take a part of it, and TLS a quarter
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    calls: Option<u32>,
    /// Run all of it, but briefly: the figures are not to be trusted
    #[arg(long, env = "HOST_TEST_BENCH_QUICK")]
    pub(super) quick: bool,
    /// Instances that the tasks share, 10,000 at most; by default as many as there are tasks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pool_size: Option<u16>,
    /// Another build of the component that takes part, to compare with
    #[arg(long, value_name = "FILE.wasm")]
    pub(super) baseline: Option<PathBuf>,
    /// Dapr's Go component takes part, in this worker (bench/dapr-worker)
    #[arg(long, value_name = "FILE")]
    pub(super) dapr: Option<PathBuf>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Draw the latencies into this file
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
    /// Tell perf the names of the component's functions, in /tmp/perf-PID.map
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

    /// Refuses arguments that make no sense together.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.svg.is_some() && !self.wants(Section::Latency) {
            return Err("--svg draws the section latency, which --sections leaves out");
        }
        let takes_cases = Section::WITH_CASES.iter().any(|one| self.wants(*one));
        if !self.cases.is_empty() && !takes_cases {
            return Err(
                "--cases is about latency, tls, throughput and dapr, which --sections leaves out",
            );
        }
        Ok(())
    }

    /// Returns the number of instances that so many tasks share.
    pub(super) fn pool_size(&self, tasks: usize) -> NonZeroUsize {
        let size = self.pool_size.map_or(tasks, usize::from);
        NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN)
    }

    /// Returns the number of steps of the progress bar.
    pub(super) fn steps(&self) -> usize {
        let cases = self.chosen_cases().len();
        let of_section = |section: &Section| match section {
            Section::Latency | Section::Tls | Section::Dapr => cases,
            Section::Throughput => cases * TASKS.len(),
            Section::Memory => 3,
            Section::ColdStart => 1,
        };
        let sections = Section::value_variants()
            .iter()
            .filter(|section| self.wants(**section));
        sections.map(of_section).sum()
    }

    /// Returns the rounds of one case over plain HTTP.
    pub(super) fn calls(&self, case: Case) -> usize {
        let calls = match (self.calls, self.quick) {
            (Some(calls), _) => calls as usize,
            (None, true) => QUICK_CALLS,
            (None, false) => CALLS,
        };
        (calls / case.weight()).max(1)
    }

    /// Returns the rounds of one case over TLS, where the default host takes several times as long as all others for a short call.
    pub(super) fn calls_over_tls(&self, case: Case) -> usize {
        match case.weight() {
            1 | 2 => (self.calls(case) / 4).max(1),
            _ => self.calls(case),
        }
    }

    /// Returns `usual`, or a tenth of it where all that matters is that everything runs.
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
    fn everything_is_measured_unless_cases_or_sections_are_named() {
        assert_eq!(wanted(&[]), Section::value_variants()[..5]);
        assert_eq!(wanted(&["--dapr", "f"]), Section::value_variants());
        assert_eq!(wanted(&["--cases", "get"]), [Section::Latency]);
        let line = ["--cases", "get", "--sections", "tls,memory"];
        assert_eq!(wanted(&line), [Section::Tls, Section::Memory]);
    }

    #[test]
    fn a_case_named_twice_is_measured_once_in_the_order_given() {
        let arguments = parsed(&["--cases", "set,get,set"]);
        assert_eq!(arguments.chosen_cases(), [Case::Set, Case::Get]);
    }

    #[test]
    fn what_would_draw_or_choose_among_nothing_makes_no_sense() {
        let told = |line: &[&str]| parsed(line).check().unwrap_err();
        for line in [
            &["--svg", "f", "--sections", "tls"][..],
            &["--svg", "f", "--sections", "memory", "--cases", "get"],
        ] {
            assert!(told(line).starts_with("--svg draws the section latency"));
        }
        for sections in ["cold-start", "memory", "memory,cold-start"] {
            let line = ["--cases", "get", "--sections", sections];
            assert!(told(&line).starts_with("--cases is about latency, tls"));
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
    fn a_pool_has_from_1_to_10_000_instances() {
        let size = |line: &[&str]| parsed(line).pool_size(16).get();
        assert_eq!(size(&[]), 16);
        assert_eq!(size(&["--pool-size", "10000"]), 10_000);
        for size in ["0", "10001", "18446744073709551615"] {
            let line = ["bench", "--pool-size", size];
            assert!(Line::try_parse_from(line).is_err(), "{size}");
        }
    }

    #[test]
    fn long_cases_are_called_less_often_and_every_one_at_least_once() {
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
