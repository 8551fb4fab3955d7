//! Prints the figures in aligned columns. Times are in microseconds unless a column names another unit.

use super::Report;
use crate::cases::Case;
use crate::cold_start::ColdStartFigures;
use crate::dapr::DaprFigures;
use crate::latency::CaseFigures;
use crate::memory::MemoryFigures;
use crate::statistics::Ratio;
use crate::throughput::ThroughputFigures;
use std::io::{self, Write};

/// Writes the whole report.
pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    surroundings(report, to)?;
    latency("One call at a time, plain HTTP", &report.latency, to)?;
    latency("One call at a time, TLS", &report.tls, to)?;
    throughput(&report.throughput, to)?;
    if !report.cold_start.is_empty() {
        cold_start(&report.cold_start, to)?;
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
        "component {} MB, hosted {} MB, wasmtime {}, aws-sdk-dynamodb {}, dynoxide {}",
        megabytes(versions.component_bytes),
        versions
            .hosted_bytes
            .map_or_else(|| "?".to_owned(), megabytes),
        versions.wasmtime,
        versions.aws_sdk_dynamodb,
        versions.dynoxide
    )?;
    if report.quick {
        writeln!(
            to,
            "do not compare these figures: the run was brief (--quick or HOST_TEST_BENCH_QUICK)"
        )?;
    }
    if cfg!(debug_assertions) {
        writeln!(
            to,
            "do not compare these figures: this program was built without optimisation; use bench/run"
        )?;
    }
    writeln!(
        to,
        "times in microseconds; ratios are medians divided by the other's medians, with 95 % confidence intervals"
    )
}

fn latency(title: &str, cases: &[CaseFigures], to: &mut dyn Write) -> io::Result<()> {
    let heads = "case|contender|p50|p99|CPU|vs native SDK|vs component|vs default host|vs baseline";
    let rows = cases.iter().flat_map(|case| {
        let contenders = case.contenders.iter().enumerate();
        contenders.map(|(index, figures)| {
            vec![
                case_cell(index, case.case, &format!("{} calls", case.calls)),
                figures.name.title().to_owned(),
                microseconds(figures.p50),
                p99(figures.p99, case.calls),
                microseconds(figures.cpu_p50),
                ratio(figures.over_native),
                ratio(figures.over_component),
                ratio(figures.over_default_host),
                ratio(figures.over_baseline),
            ]
        })
    });
    section(title, heads, rows, 2, to)
}

fn throughput(all: &[ThroughputFigures], to: &mut dyn Write) -> io::Result<()> {
    let heads = "case|tasks|instances|contender|calls/s|CPU|vs native SDK|CPU vs native SDK|vs component|CPU vs component";
    let rows = all.iter().flat_map(|load| {
        load.contenders.iter().map(|figures| {
            vec![
                load.case.title().to_owned(),
                load.tasks.to_string(),
                load.pool_size.to_string(),
                figures.name.title().to_owned(),
                format!("{:.0}", figures.per_second),
                microseconds(figures.cpu),
                ratio(figures.over_native),
                ratio(figures.cpu_over_native),
                ratio(figures.over_component),
                ratio(figures.cpu_over_component),
            ]
        })
    });
    section("Many tasks on one thread", heads, rows, 4, to)
}

fn cold_start(builds: &[ColdStartFigures], to: &mut dyn Write) -> io::Result<()> {
    let names = builds.iter().map(|figures| figures.name.title());
    let heads: Vec<&str> = ["step"].into_iter().chain(names).collect();
    let row = |step: &str, cell: fn(&ColdStartFigures) -> String| {
        let mut row = vec![step.to_owned()];
        row.extend(builds.iter().map(cell));
        row
    };
    let rows = [
        row("compile", |build| microseconds(build.compile)),
        row("load from cache", |build| microseconds(build.load)),
        row("instantiate", |build| microseconds(build.instantiate)),
        row("init", |build| microseconds(build.init)),
        row("first get", |build| microseconds(build.first_get)),
        row("instantiate + init + first get", |build| {
            microseconds(build.start)
        }),
        row("warm get", |build| microseconds(build.warm_get)),
        row("  all three vs warm get", |build| {
            ratio(build.over_warm_get)
        }),
        row("  all three vs component", |build| {
            ratio(build.over_component)
        }),
    ];
    section("Cold start", &heads.join("|"), rows, 1, to)
}

fn memory(all: &[MemoryFigures], to: &mut dyn Write) -> io::Result<()> {
    let heads = "contender|idle instances|MB before|MB after|MB per instance|MB linear memory";
    let rows = all.iter().map(|figures| {
        vec![
            figures.name.title().to_owned(),
            figures.instances.to_string(),
            megabytes(figures.before),
            megabytes(figures.after),
            megabytes(figures.per_instance),
            megabytes(figures.linear_memory),
        ]
    });
    let title = "Resident memory of idle instances (one process per row, pooling allocator)";
    section(title, heads, rows, 1, to)
}

fn dapr(cases: &[DaprFigures], to: &mut dyn Write) -> io::Result<()> {
    let heads = "case|contender|p50|p99|CPU|vs Dapr|CPU vs Dapr|vs component";
    let rows = cases.iter().flat_map(|case| {
        let bursts = format!("{} bursts of {}", case.bursts, case.calls);
        let contenders = case.contenders.iter().enumerate();
        contenders.map(move |(index, figures)| {
            vec![
                case_cell(index, case.case, &bursts),
                figures.name.title().to_owned(),
                microseconds(figures.p50),
                p99(figures.p99, case.bursts * case.calls),
                microseconds(figures.cpu),
                ratio(figures.over_dapr),
                ratio(figures.cpu_over_dapr),
                ratio(figures.over_component),
            ]
        })
    });
    let title = "Compared with Dapr's own component, in bursts in turn";
    section(title, heads, rows, 2, to)
}

/// Returns the first cell of row `index` of a case: its title, then the number of its calls, then nothing.
fn case_cell(index: usize, case: Case, calls: &str) -> String {
    match index {
        0 => case.title().to_owned(),
        1 => format!("  {calls}"),
        _ => String::new(),
    }
}

/// Writes a title and a table. Writes nothing if there are no rows.
fn section(
    title: &str,
    heads: &str,
    rows: impl IntoIterator<Item = Vec<String>>,
    numbers_from: usize,
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    writeln!(to, "\n{title}\n")?;
    to.write_all(columns(heads, rows, numbers_from).as_bytes())
}

/// Formats a table. `heads` are separated by `|`. Columns from `numbers_from` on contain numbers and are right-aligned.
/// Columns without any value are left out.
fn columns(
    heads: &str,
    rows: impl IntoIterator<Item = Vec<String>>,
    numbers_from: usize,
) -> String {
    let heads: Vec<String> = heads.split('|').map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = [heads].into_iter().chain(rows).collect();
    let width_of = |column: usize| {
        let mut values = rows[1..].iter().map(|row| &row[column]);
        let has_values = values.any(|cell| !cell.is_empty());
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().filter(|_| has_values)
    };
    let widths: Vec<Option<usize>> = (0..rows[0].len()).map(width_of).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells: Vec<String> = cells
            .filter_map(|(column, (cell, width))| match (*width)? {
                width if column < numbers_from => Some(format!("{cell:<width$}")),
                width => Some(format!("{cell:>width$}")),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "?".to_owned(), |number| format!("{number:.0}"))
}

fn microseconds(nanoseconds: u64) -> String {
    format!("{:.1}", nanoseconds as f64 / 1000.0)
}

/// Returns the 99th percentile, or nothing for fewer than 200 calls. It would only be the slowest or second slowest call.
fn p99(nanoseconds: u64, calls: usize) -> String {
    match calls {
        200.. => microseconds(nanoseconds),
        _ => String::new(),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1e6)
}

/// Formats a ratio as `0.812 (0.805–0.820)`.
fn ratio(ratio: Option<Ratio>) -> String {
    match ratio {
        Some(Ratio { ratio, low, high }) => format!("{ratio:.3} ({low:.3}–{high:.3})"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_left_aligned_and_numbers_right_aligned() {
        let rows = [["get", "9.5"], ["bulk-get", "1000.0"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            columns("case|p50", rows, 1),
            "case         p50\nget          9.5\nbulk-get  1000.0\n"
        );
    }

    #[test]
    fn column_without_values_is_left_out() {
        let row = ["1", "", "2"].map(str::to_owned).to_vec();
        assert_eq!(columns("a|empty|b", [row], 0), "a  b\n1  2\n");
    }
}
