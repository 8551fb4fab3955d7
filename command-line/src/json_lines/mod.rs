//! Reads a file of JSON Lines, or one JSON array of the same objects, completely before any call is
//! made. An error names file and line, and the column if the JSON itself is invalid.

mod line;

pub(super) use self::line::{KeyLine, OperationLine};

use super::model::Failure;
use serde_json::value::RawValue;

/// The byte order mark that editors on some systems write at the start of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The content of one line of a file, or of one element of a JSON array.
pub(super) trait Line: Sized {
    /// Reads a line that is not blank.
    fn read(line: &str) -> Result<Self, Fault>;

    /// Reads an element of an array, which may contain line breaks.
    fn read_element(json: &str) -> Result<Self, Fault> {
        Self::read(json)
    }
}

/// An error in a line or an element.
#[derive(Debug)]
pub(super) struct Fault {
    /// Line and column within it, both counted from 1. Absent if the error concerns all of it.
    place: Option<(usize, usize)>,
    sentence: String,
    /// True if the text is not JSON.
    is_malformed: bool,
}

impl Fault {
    fn whole_line(sentence: impl Into<String>) -> Self {
        Self {
            place: None,
            sentence: sentence.into(),
            is_malformed: false,
        }
    }

    /// Refuses everything but an object. Otherwise the parser would accept a list with the fields
    /// in their order.
    fn unless_object(json: &str) -> Result<(), Self> {
        match json.starts_with('{') {
            true => Ok(()),
            false => Err(Self::whole_line("expected a JSON object")),
        }
    }

    /// Returns an error about a line of bulk-get that has no item.
    fn no_item(reason: impl std::fmt::Display) -> Self {
        Self::whole_line(format!(
            "{reason}; there is nothing to set: remove the line"
        ))
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let told = format!(" at line {line} column {column}");
        Self {
            // The parser reports column 0 for a text that ends at the start of a line.
            place: Some((line, column.max(1))).filter(|_| line > 0),
            sentence: error.to_string().replace(&told, ""),
            is_malformed: error.is_syntax() || error.is_eof(),
        }
    }
}

/// Reads all of a text. If it begins with `[`, reads the elements of a JSON array; otherwise every
/// line that is not blank. `file` is for messages.
pub(super) fn read<L: Line>(file: &str, text: &[u8]) -> Result<Vec<L>, Failure> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    match text.trim_ascii_start().first() {
        Some(b'[') => array(file, text),
        _ => lines(file, text),
    }
}

fn lines<L: Line>(file: &str, text: &[u8]) -> Result<Vec<L>, Failure> {
    let mut read = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        let line = std::str::from_utf8(line)
            .map_err(|_| not_utf8(file, number))?
            .trim();
        if line.is_empty() {
            continue;
        }
        read.push(L::read(line).map_err(|fault| {
            let remedy = match fault.is_malformed {
                true => "; write one JSON object per line, with no comma after it",
                false => "",
            };
            let column = fault.place.map(|(_, column)| column);
            at(file, number, column, &format!("{}{remedy}", fault.sentence))
        })?);
    }
    Ok(read)
}

/// Reads the elements one by one; until then they stay in the text.
fn array<L: Line>(file: &str, text: &[u8]) -> Result<Vec<L>, Failure> {
    let text = std::str::from_utf8(text)
        .map_err(|error| not_utf8(file, place_of(text, error.valid_up_to()).0))?;
    let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        let fault = Fault::from(error);
        let (line, column) = fault.place.unwrap_or((1, 1));
        let sentence = format!(
            "{}; the file begins with `[`, so it is read as one JSON array",
            fault.sentence
        );
        at(file, line, Some(column), &sentence)
    })?;
    let read = elements.into_iter().map(|element| {
        L::read_element(element.get()).map_err(|fault| {
            let offset = element.get().as_ptr().addr() - text.as_ptr().addr();
            let (line, column) = place_of(text.as_bytes(), offset);
            match fault.place {
                None => at(file, line, None, &fault.sentence),
                Some((1, within)) => at(file, line, Some(column + within - 1), &fault.sentence),
                Some((down, within)) => at(file, line + down - 1, Some(within), &fault.sentence),
            }
        })
    });
    read.collect()
}

/// Returns the line and column of a byte, both counted from 1.
fn place_of(text: &[u8], offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.iter().rposition(|byte| *byte == b'\n');
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    (line, before.len() - line_start.map_or(0, |at| at + 1) + 1)
}

fn not_utf8(file: &str, line: usize) -> Failure {
    at(file, line, None, "not valid UTF-8")
}

fn at(file: &str, line: usize, column: Option<usize>, sentence: &str) -> Failure {
    match column {
        Some(column) => Failure::here(format!("{file}:{line}:{column}: {sentence}")),
        None => Failure::here(format!("{file}:{line}: {sentence}")),
    }
}

#[cfg(test)]
mod tests;
