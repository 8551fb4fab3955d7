//! The results as a document that people read and a test checks: a section for each call, a row for
//! each fault.

use super::calls::{CALLS, Stored, Told};
use super::cell::{Cell, Extent, Outcome};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const HEAD: &str = "\
| fault | result | items | requests | at every request: result | items | requests |
|---|---|---|---|---|---|---|
";

/// Returns the whole document. `outcomes` must be in the order of the cells.
pub fn written(preface: &str, outcomes: &[(&Cell, Outcome)]) -> String {
    let sections = CALLS.iter().map(|(call, name)| {
        let own = outcomes.iter().filter(|(cell, _)| cell.call == *call);
        section(name, own)
    });
    format!("{}\n{}", preface.trim_end(), sections.collect::<String>())
}

/// Returns the section of a call. Faults with the same results share a row.
fn section<'a>(call: &str, outcomes: impl Iterator<Item = &'a (&'a Cell, Outcome)>) -> String {
    let mut rows: Vec<(&str, [Option<&Outcome>; 2])> = Vec::new();
    for (cell, outcome) in outcomes {
        if rows
            .last()
            .is_none_or(|(fault, _)| *fault != cell.fault.name)
        {
            rows.push((cell.fault.name, [None, None]));
        }
        if let Some((_, extents)) = rows.last_mut() {
            extents[usize::from(cell.extent == Extent::Every)] = Some(outcome);
        }
    }
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for (fault, extents) in rows {
        let cells = extents.map(cells).join(" | ");
        match lines.iter_mut().find(|(known, _)| *known == cells) {
            Some((_, faults)) => faults.push(fault),
            None => lines.push((cells, vec![fault])),
        }
    }
    let mut section = format!("\n## {call}\n\n{HEAD}");
    for (cells, faults) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(section, "| {} | {cells} |", faults.join("<br>"));
    }
    section
}

fn cells(outcome: Option<&Outcome>) -> String {
    let Some(outcome) = outcome else {
        return "| |".to_owned();
    };
    let told: BTreeSet<String> = outcome.told.iter().map(told).collect();
    let told: Vec<String> = told.into_iter().collect();
    let requests = outcome.requests.iter();
    let requests: Vec<String> = requests
        .map(|(operation, count)| format!("{count} {operation}"))
        .collect();
    let requests = match requests.is_empty() {
        true => "none".to_owned(),
        false => requests.join(", "),
    };
    format!(
        "{} | {} | {requests}",
        told.join(", "),
        items(&outcome.stored)
    )
}

fn told(told: &Told) -> String {
    match told {
        Told::Item { .. } | Told::Written(_) | Told::Absent => "ok".to_owned(),
        Told::Error(case) => format!("`{case}`"),
    }
}

fn items(stored: &[Stored]) -> String {
    let unchanged = stored.iter().filter(|stored| **stored == Stored::Unchanged);
    match (stored.len() - unchanged.count(), stored.len()) {
        (0, _) => "unchanged".to_owned(),
        (changed, all) if changed == all => "changed".to_owned(),
        (changed, all) => format!("{changed} of {all} changed"),
    }
}
