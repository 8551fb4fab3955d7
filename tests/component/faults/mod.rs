//! Fault by fault and call by call: what a caller is told, what the table holds, how many requests were sent.
//!
//! [`fault`] says what a fault is; [`dynamodb`], [`strangers`], [`connections`] and [`sequences`] are the faults; [`calls`] are the
//! calls, on [`items`]; [`cell`] lets one meet the other; [`promises`] are what every cell has to keep; [`document`] is what is
//! expected of each.

mod calls;
mod cell;
mod connections;
mod document;
mod dynamodb;
mod fault;
mod items;
mod promises;
mod sequences;
mod strangers;

use std::collections::HashSet;

use futures_util::{StreamExt, stream};

use self::calls::CALLS;
use self::cell::Extent;
use self::document::Row;
use self::fault::{Fault, Strikes};
use crate::fixture::Table;

/// What is expected of every cell.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/faults.md");
/// Where a run leaves what it found where that is something else.
const FOUND: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults.md");
/// Cells at a time: most of them wait.
const AT_A_TIME: usize = 64;

fn faults() -> impl Iterator<Item = &'static Fault> {
    let all = [
        connections::HARMLESS,
        dynamodb::OF_DYNAMODB,
        strangers::OF_OTHERS,
        connections::BROKEN,
        sequences::IN_TURN,
    ];
    all.into_iter().flatten()
}

#[tokio::test]
async fn every_call_meets_every_fault_as_the_document_says_and_keeps_every_promise() {
    let table = &Table::new().await;
    let mut cells = Vec::new();
    for (section, (call, _)) in CALLS.into_iter().enumerate() {
        for (row, fault) in faults().filter(|fault| fault.concerns(call)).enumerate() {
            let extents = match fault.strikes {
                Strikes::Requests(_) => &[Extent::First, Extent::Every][..],
                Strikes::InTurn(_) | Strikes::Connections | Strikes::KeptConnection => {
                    &[Extent::Every]
                }
            };
            cells.extend(
                extents
                    .iter()
                    .map(|extent| (section, row, call, fault, *extent)),
            );
        }
    }
    let count = cells.len();
    let mut running = stream::iter(cells)
        .map(|(section, row, call, fault, extent)| async move {
            let outcome = cell::run(table, call, fault, extent).await;
            (section, row, call, fault, extent, outcome)
        })
        .buffer_unordered(AT_A_TIME);

    let mut rows: Vec<Vec<Row>> = CALLS
        .iter()
        .map(|(call, _)| {
            let concerned = faults().filter(|fault| fault.concerns(*call));
            let empty = concerned.map(|fault| Row {
                fault: fault.name,
                first: None,
                every: None,
            });
            empty.collect()
        })
        .collect();
    let mut broken = Vec::new();
    while let Some((section, row, call, fault, extent, outcome)) = running.next().await {
        for promise in promises::broken(call, fault, &outcome) {
            let name = fault.name;
            broken.push(format!(
                "{call:?}, {extent:?}, {name}: {promise}\n  {outcome:?}"
            ));
        }
        let row = &mut rows[section][row];
        match extent {
            Extent::First => row.first = Some(outcome),
            Extent::Every => row.every = Some(outcome),
        }
    }
    broken.sort();
    let sections = CALLS.iter().zip(&rows);
    let sections: String = sections
        .map(|((_, name), rows)| document::section(name, rows))
        .collect();
    let expected = std::fs::read_to_string(DOCUMENT).expect("the document is there");
    let preface = expected.split("\n## ").next().unwrap_or_default();
    assert!(
        preface.contains(&format!("{count} cells")),
        "there are {count} cells, and docs/faults.md says otherwise"
    );
    let found = format!("{}\n{sections}", preface.trim_end());
    std::fs::write(FOUND, &found).expect("the target folder can be written to");
    assert!(
        broken.is_empty(),
        "{} promises broken in {count} cells:\n{}",
        broken.len(),
        broken.join("\n")
    );
    assert!(
        found == expected,
        "docs/faults.md says otherwise: compare it with {FOUND}, and copy that over it where the change is meant:\n{}",
        differences(&expected, &found)
    );
}

/// The lines that one document has and the other has not.
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

/// Each line with the heading above it.
fn in_sections(document: &str) -> impl Iterator<Item = (String, String)> {
    let mut section = String::new();
    document.lines().map(move |line| {
        if line.starts_with("## ") {
            section = line.to_owned();
        }
        (section.clone(), line.to_owned())
    })
}
