//! Every fault with every call: the result for the caller, the items in the table, and the number
//! of requests.
//!
//! [`fault`] has the faults. [`calls`] has the calls, each on its own items. [`cell`] runs one call
//! with one fault. [`promises`] has the rules that every cell must keep. [`document`] writes the
//! results as the document with the expectations. There is one document for both builds of the
//! component.

mod calls;
mod cell;
mod document;
mod fault;
mod promises;

use self::calls::CALLS;
use self::cell::{Cell, Extent, Outcome};
use self::fault::{FAULTS, Pace, Strikes};
use crate::fixture::{Build, Table};
use futures_util::{StreamExt, stream};
use std::collections::HashSet;
use tokio::sync::Semaphore;

/// The page that says how many faults there are.
const PAGE: &str = include_str!("../../../docs/operations/retries-and-faults.md");
/// The document with the expected results of every cell.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults.md");
/// The name of the file to which a run writes its results.
const FOUND: &str = "faults.md";
/// The number of cells that run at a time. Most of them wait.
const AT_A_TIME: usize = 32;
/// The number of cells that run at a time if they only wait for a request timeout.
const SILENT_AT_A_TIME: usize = 160;

/// Returns all cells, in the order of the document.
fn cells() -> Vec<Cell> {
    let calls = CALLS.into_iter();
    let met = calls.flat_map(|(call, _)| {
        let faults = FAULTS.iter().filter(move |fault| fault.concerns(call));
        faults.map(move |fault| (call, fault))
    });
    let cells = met.flat_map(|(call, fault)| {
        let extents = match fault.strikes {
            Strikes::Requests(_) | Strikes::AfterTheCall => &[Extent::First, Extent::Every][..],
            Strikes::InTurn(_) | Strikes::Connections | Strikes::KeptConnection => &[Extent::Every],
        };
        extents.iter().map(move |&extent| Cell {
            call,
            fault,
            extent,
        })
    });
    cells.collect()
}

#[tokio::test]
async fn every_call_meets_every_fault_as_documented() {
    let table = &Table::new().await;
    let cells = cells();
    let (silent, others): (Vec<_>, Vec<_>) = cells
        .iter()
        .enumerate()
        .partition(|(_, cell)| cell.fault.pace == Pace::Silent);
    // With a short request timeout, no request may wait for the processor. These cells therefore
    // run separately and prepare one after another, so no two of them are busy at the same time.
    let mut ended = run(table, others, AT_A_TIME, AT_A_TIME).await;
    ended.append(&mut run(table, silent, SILENT_AT_A_TIME, 1).await);
    ended.sort_by_key(|(place, _, _)| *place);
    let outcomes: Vec<(&Cell, Outcome)> = ended
        .into_iter()
        .map(|(_, cell, outcome)| (cell, outcome))
        .collect();

    let expected = std::fs::read_to_string(DOCUMENT).expect("the document is there");
    let preface = expected.split("\n## ").next().unwrap_or_default();
    let found = document::written(preface, &outcomes);
    let results = Build::tested().results(FOUND);
    std::fs::write(&results, &found).expect("the target folder can be written to");
    let broken = outcomes.iter().flat_map(|(cell, outcome)| {
        let broken = promises::broken(cell, outcome).into_iter();
        broken.map(move |promise| format!("{cell}: {promise}\n  {outcome:?}"))
    });
    let broken: Vec<String> = broken.collect();
    assert!(broken.is_empty(), "broken promises:\n{}", broken.join("\n"));
    let count = FAULTS.iter().filter(|fault| fault.name != "none").count();
    let faults = format!("each of {count} faults");
    assert!(PAGE.contains(&faults), "the page does not say: {faults}");
    let count = cells.len();
    assert!(
        preface.contains(&format!("{count} cells")),
        "docs/faults.md has the wrong number of cells: there are {count}"
    );
    assert!(
        found == expected,
        "docs/faults.md differs from the results in {}: if the change is intended, copy that file over it:\n{}",
        results.display(),
        differences(&expected, &found)
    );
}

/// Runs cells, at most `at_a_time` at once. At most `preparing` of them prepare at once. Returns
/// each with its place in the document.
async fn run<'c>(
    table: &Table,
    cells: Vec<(usize, &'c Cell)>,
    at_a_time: usize,
    preparing: usize,
) -> Vec<(usize, &'c Cell, Outcome)> {
    let preparing = &Semaphore::new(preparing);
    stream::iter(cells)
        .map(|(place, cell)| async move { (place, cell, cell.run(table, preparing).await) })
        .buffer_unordered(at_a_time)
        .collect()
        .await
}

/// Returns the lines that only one of the two documents has.
fn differences(expected: &str, found: &str) -> String {
    let lines = |of: &'static str, document: &str, other: &str| {
        let mut section = String::new();
        let mut lines = Vec::new();
        let known: HashSet<(String, String)> = in_sections(other).collect();
        for line in in_sections(document).filter(|line| !known.contains(line)) {
            if line.0 != section {
                section = line.0;
                lines.push(section.clone());
            }
            lines.push(format!("  {of}: {}", line.1));
        }
        lines.join("\n")
    };
    let missing = lines("expected", expected, found);
    format!("{missing}\n{}", lines("found", found, expected))
}

/// Returns each line with the heading above it.
fn in_sections(document: &str) -> impl Iterator<Item = (String, String)> {
    let mut section = String::new();
    document.lines().map(move |line| {
        if line.starts_with("## ") {
            section = line.to_owned();
        }
        (section.clone(), line.to_owned())
    })
}
