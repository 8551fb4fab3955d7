//! Reads a folder of component files as daprd reads a resources folder (`pkg/internal/loader/disk` of
//! Dapr).
//!
//! daprd reads the files whose names end in `.yaml` or `.yml`, in the order of their names, and no
//! subfolders. Each document counts by itself. A document that is not valid YAML produces a notice
//! and does not affect the others. Documents that are not components are skipped.
//!
//! daprd also skips components that are not meant for its app and namespace. This harness has
//! neither, so `scopes` and `metadata.namespace` have no effect.

use super::document::{self, Node};
use super::{Component, Types, read_text};
use crate::command_line::Failure;
use std::path::Path;
use std::{fmt, fs};

/// The documents of a folder.
pub struct Folder {
    name: String,
    documents: Vec<Node>,
    /// Notices about documents that could not be read, with the reason.
    notices: Vec<String>,
}

impl Folder {
    /// Reads the files of a folder.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let mut folder = Self {
            documents: Vec::new(),
            notices: Vec::new(),
            name: name.clone(),
        };
        let unreadable = |error| Failure::here(format_args!("{name}: {error}"));
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if is_yaml(&path) && !path.is_dir() {
                files.push(path);
            }
        }
        files.sort();
        for path in files {
            match read_text(&path) {
                Ok(text) => folder.add(&path.display().to_string(), &text),
                Err(error) => folder.pass_over(&error),
            }
        }
        Ok(folder)
    }

    fn add(&mut self, file: &str, text: &str) {
        for (lines_before, document) in split(text) {
            // The blank lines make messages use the line numbers of the file.
            let document = "\n".repeat(lines_before) + document;
            match document::documents(file, &document) {
                Ok(read) => self.documents.extend(read),
                Err(error) => self.pass_over(&error),
            }
        }
    }

    fn pass_over(&mut self, error: &Failure) {
        self.notices.push(format!("skipped: {error}"));
    }

    /// Returns the components of these types. Fails if there is none.
    pub fn components(&self, types: Types) -> Result<Vec<Component>, Failure> {
        document::components_of_folder(&self.name, &self.documents, types)
    }

    /// Returns the notices for the user about documents that could not be read.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Users often write secret keys as plain values.
        write!(
            f,
            "Folder({}: {} documents, ***)",
            self.name,
            self.documents.len()
        )
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
    })
}

/// Returns the documents of a text, each with the number of lines before it. As in daprd, a line that
/// begins with `---` ends a document, whatever follows on that line.
fn split(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = Some(text);
    let mut lines = 0;
    std::iter::from_fn(move || {
        let text = rest?;
        let (document, after) = match text.split_once("\n---") {
            Some((document, after)) => (document, after.split_once('\n').map(|(_, next)| next)),
            None => (text, None),
        };
        let before = lines;
        lines += document.matches('\n').count() + 2;
        rest = after;
        Some((before, document))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_end_at_lines_that_begin_with_three_dashes() {
        let documents: Vec<_> = split("---\na: 1\n--- # two\nb: 2\r\n\n---\r\nc: 3\n---").collect();
        assert_eq!(documents, [(0, "---\na: 1"), (3, "b: 2\r\n"), (6, "c: 3")]);
        assert_eq!(split("").collect::<Vec<_>>(), [(0, "")]);
    }
}
