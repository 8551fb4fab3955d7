//! A JSON Lines file is read as a whole before anything is done with it, and what is wrong in it is
//! named by file, line and, where JSON itself is broken, column.

mod key;
mod operation;
mod time_to_live;
mod write;

pub(super) use self::{key::KeyLine, operation::OperationLine, write::SetLine};

use super::model::Failure;

/// Something that one line of a file holds.
pub(super) trait Line: Sized {
    /// Reads a line that is not blank.
    fn read(line: &str) -> Result<Self, Fault>;
}

/// What is wrong with a line.
#[derive(Debug)]
pub(super) struct Fault {
    /// Counted from 1; absent where the line as a whole is meant.
    column: Option<usize>,
    sentence: String,
}

impl Fault {
    fn whole_line(sentence: impl Into<String>) -> Self {
        Self {
            column: None,
            sentence: sentence.into(),
        }
    }

    /// The parser would take a list for the fields in their order.
    fn unless_object(json: &str) -> Result<(), Self> {
        match json.starts_with('{') {
            true => Ok(()),
            false => Err(Self::whole_line("a JSON object is expected")),
        }
    }

    /// A line that bulk-get has printed, but not for an item.
    fn no_item(reason: impl std::fmt::Display) -> Self {
        Self::whole_line(format!(
            "{reason}; there is nothing to set: take the line out"
        ))
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        // The parser counts lines within the line that it was given.
        let place = format!(" at line {} column {}", error.line(), error.column());
        Self {
            column: Some(error.column()).filter(|column| *column > 0),
            sentence: error.to_string().replace(&place, ""),
        }
    }
}

/// Reads every line of a text that is not blank. `file` is for messages.
pub(super) fn read<L: Line>(file: &str, text: &[u8]) -> Result<Vec<L>, Failure> {
    let mut read = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        let line = std::str::from_utf8(line)
            .map_err(|_| Failure::here(format!("{file}:{number}: it is not UTF-8")))?
            .trim();
        // Editors on some systems begin a file with a byte order mark.
        let line = match number {
            1 => line.trim_start_matches('\u{feff}'),
            _ => line,
        };
        if line.is_empty() {
            continue;
        }
        read.push(L::read(line).map_err(|fault| match fault.column {
            Some(column) => Failure::here(format!("{file}:{number}:{column}: {}", fault.sentence)),
            None => Failure::here(format!("{file}:{number}: {}", fault.sentence)),
        })?);
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
