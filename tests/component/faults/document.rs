//! The cells as a document that people read and tests keep: a section for each call, a row for each fault.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::calls::Told;
use super::cell::Outcome;
use super::items::Stored;

/// A row: the fault at the first request of a call, and at every one.
pub struct Row {
    pub fault: &'static str,
    pub first: Option<Outcome>,
    pub every: Option<Outcome>,
}

const HEAD: &str = "\
| fault | told | items | requests | at every request: told | items | requests |
|---|---|---|---|---|---|---|
";

/// Faults that a call meets in the same way share a line.
pub fn section(call: &str, rows: &[Row]) -> String {
    let mut section = format!("\n## {call}\n\n{HEAD}");
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for row in rows {
        let cells = format!(
            "{} | {}",
            cells(row.first.as_ref()),
            cells(row.every.as_ref())
        );
        match lines.iter_mut().find(|(known, _)| *known == cells) {
            Some((_, faults)) => faults.push(row.fault),
            None => lines.push((cells, vec![row.fault])),
        }
    }
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
