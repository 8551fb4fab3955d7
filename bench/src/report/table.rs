//! Figures for people: columns that line up, times in microseconds unless another unit stands there.

use std::io::{self, Write};

use super::{Report, columns::columns};
use crate::{
    cold_start::ColdStartFigures, dapr::DaprFigures, latency::CaseFigures, memory::MemoryFigures,
    statistics::Ratio, throughput::ThroughputFigures,
};

/// Writes the whole report.
pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    surroundings(report, to)?;
    latency("One call at a time, plain HTTP", &report.latency, to)?;
    latency("One call at a time, TLS", &report.tls, to)?;
    throughput(&report.throughput, to)?;
    if let Some(figures) = &report.cold_start {
        cold_start(figures, to)?;
    }
    memory(&report.memory, to)?;
    dapr(&report.dapr, to)
}

fn surroundings(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let (machine, versions) = (&report.machine, &report.versions);
    let processor = machine.processor.as_deref().unwrap_or("processor unknown");
    let processors = number(machine.processors.map(|count| count as f64));
    let memory = number(machine.memory.map(|bytes| (bytes as f64 / GIB).round()));
    writeln!(
        to,
        "{processor} ({}), {processors} processors, {memory} GiB, {}",
        machine.architecture, machine.kernel
    )?;
    writeln!(
        to,
        "component {:.2} MB, wasmtime {}, aws-sdk-dynamodb {}, dynoxide {}",
        versions.component_bytes as f64 / 1e6,
        versions.wasmtime,
        versions.aws_sdk_dynamodb,
        versions.dynoxide
    )?;
    if report.quick {
        writeln!(
            to,
            "not for comparison: the run was brief (--quick or HOST_TEST_BENCH_QUICK)"
        )?;
    }
    if cfg!(debug_assertions) {
        writeln!(
            to,
            "not for comparison: this program was built without optimisation; bench/run builds it with"
        )?;
    }
    writeln!(
        to,
        "times in microseconds; ratios are of medians, with their 95 % interval"
    )
}

fn latency(title: &str, cases: &[CaseFigures], to: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![
        [
            "case",
            "contender",
            "p50",
            "p99",
            "CPU",
            "over native SDK",
            "over default host",
            "over baseline",
        ]
        .map(str::to_owned),
    ];
    for case in cases {
        for (index, figures) in case.contenders.iter().enumerate() {
            rows.push([
                match index {
                    0 => case.case.title().to_owned(),
                    1 => format!("  {} calls", case.calls),
                    _ => String::new(),
                },
                figures.name.title().to_owned(),
                microseconds(figures.p50),
                p99(figures.p99, case.calls),
                microseconds(figures.cpu_p50),
                ratio(figures.over_native),
                ratio(figures.over_default_host),
                ratio(figures.over_baseline),
            ]);
        }
    }
    section(title, &rows, 2, to)
}

fn throughput(all: &[ThroughputFigures], to: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![
        [
            "case",
            "tasks",
            "instances",
            "component/s",
            "CPU",
            "native SDK/s",
            "CPU",
            "over native SDK",
            "CPU over native SDK",
        ]
        .map(str::to_owned),
    ];
    for figures in all {
        rows.push([
            figures.case.title().to_owned(),
            figures.tasks.to_string(),
            figures.pool_size.to_string(),
            format!("{:.0}", figures.component.per_second),
            microseconds(figures.component.cpu),
            format!("{:.0}", figures.native.per_second),
            microseconds(figures.native.cpu),
            ratio(figures.over_native),
            ratio(figures.cpu_over_native),
        ]);
    }
    section("Many tasks on one thread", &rows, 1, to)
}

fn cold_start(figures: &ColdStartFigures, to: &mut dyn Write) -> io::Result<()> {
    let row = |step: &str, time: u64| [step.to_owned(), microseconds(time)];
    let rows = [
        row("compile", figures.compile),
        row("load, compiled before", figures.load),
        row("instantiate", figures.instantiate),
        row("init", figures.init),
        row("first get", figures.first_get),
        row("instantiate + init + first get", figures.start),
        row("warm get", figures.warm_get),
        [
            "  start over warm get".to_owned(),
            ratio(figures.over_warm_get),
        ],
    ];
    section("Cold start", &rows, 1, to)
}

fn memory(all: &[MemoryFigures], to: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![
        [
            "idle instances",
            "MB before",
            "MB with them",
            "MB for each",
            "MB linear memory",
        ]
        .map(str::to_owned),
    ];
    for figures in all {
        rows.push([
            figures.instances.to_string(),
            megabytes(figures.before),
            megabytes(figures.after),
            megabytes(figures.per_instance),
            megabytes(figures.linear_memory),
        ]);
    }
    let title = "Resident memory, each number in a process of its own, pooling allocator";
    section(title, &rows, 0, to)
}

fn dapr(cases: &[DaprFigures], to: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![
        [
            "case",
            "contender",
            "p50",
            "p99",
            "CPU",
            "time over Dapr",
            "CPU over Dapr",
        ]
        .map(str::to_owned),
    ];
    for case in cases {
        rows.push([
            case.case.title().to_owned(),
            "component".to_owned(),
            microseconds(case.component.p50),
            p99(case.component.p99, case.bursts * case.calls),
            microseconds(case.component.cpu),
            ratio(case.time_ratio),
            ratio(case.cpu_ratio),
        ]);
        rows.push([
            format!("  {} bursts of {}", case.bursts, case.calls),
            "Dapr (Go)".to_owned(),
            microseconds(case.dapr.p50),
            p99(case.dapr.p99, case.bursts * case.calls),
            microseconds(case.dapr.cpu),
            String::new(),
            String::new(),
        ]);
    }
    section("Beside Dapr's own component, in turns", &rows, 2, to)
}

/// A title and its rows; nothing where there is no row but the heads.
fn section<const COLUMNS: usize>(
    title: &str,
    rows: &[[String; COLUMNS]],
    numbers_from: usize,
    to: &mut dyn Write,
) -> io::Result<()> {
    if rows.len() < 2 {
        return Ok(());
    }
    writeln!(to, "\n{title}\n")?;
    to.write_all(columns(rows, numbers_from).as_bytes())
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "?".to_owned(), |number| format!("{number:.0}"))
}

fn microseconds(nanoseconds: u64) -> String {
    format!("{:.1}", nanoseconds as f64 / 1000.0)
}

/// Of a few calls it would be the slowest one and no more.
fn p99(nanoseconds: u64, calls: usize) -> String {
    match calls {
        200.. => microseconds(nanoseconds),
        _ => String::new(),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1e6)
}

/// `0.812 (0.805–0.820)`
fn ratio(ratio: Option<Ratio>) -> String {
    match ratio {
        Some(Ratio { ratio, low, high }) => format!("{ratio:.3} ({low:.3}–{high:.3})"),
        None => String::new(),
    }
}
