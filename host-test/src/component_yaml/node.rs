//! Every YAML node knows its line and its path, and a scalar is the text that stands in the file:
//! `value: 010` is "010" and `value: yes` is "yes", as the author sees them.

use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::Parser;

use super::ComponentFileError;

/// A YAML node with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The line on which it begins, counted from 1.
    pub(super) line: usize,
    /// Where it stands: `spec.metadata[2]`. Empty for a whole document.
    pub(super) path: String,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Nothing, `~` or `null`.
    Null,
    Scalar(String),
    Sequence(Vec<Node>),
    /// Names and values in the order of the file.
    Mapping(Vec<(String, Node)>),
}

impl Content {
    /// For messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "empty",
            Self::Scalar(_) => "a single value",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// The documents of a text that are not empty.
pub(super) fn documents(file: &str, text: &str) -> Result<Vec<Node>, ComponentFileError> {
    let mut loader = YamlLoader::<MarkedYaml>::default();
    // Scalars stay as they are written; see the rule of this module.
    loader.early_parse(false);
    // Editors on some systems begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Parser::new_from_str(text)
        .load(&mut loader, true)
        .map_err(|error| not_yaml(file, &error))?;
    if let Some(error) = loader.error() {
        return Err(not_yaml(file, error));
    }
    let mut documents = Vec::new();
    for document in loader.into_documents() {
        let document = node(file, String::new(), document)?;
        if !matches!(document.content, Content::Null) {
            documents.push(document);
        }
    }
    Ok(documents)
}

fn not_yaml(file: &str, error: &saphyr::ScanError) -> ComponentFileError {
    ComponentFileError::Syntax {
        file: file.to_owned(),
        line: error.marker().line(),
        problem: error.info().to_owned(),
    }
}

fn node(file: &str, path: String, yaml: MarkedYaml) -> Result<Node, ComponentFileError> {
    let line = yaml.span.start.line();
    let content = match yaml.data {
        YamlData::Representation(text, style, _) => scalar(text.into_owned(), style),
        YamlData::Sequence(entries) => {
            let entries = entries
                .into_iter()
                .enumerate()
                .map(|(index, entry)| node(file, format!("{path}[{index}]"), entry));
            Content::Sequence(entries.collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(entries) => {
            let mut read: Vec<(String, Node)> = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let (name, value) = entry(file, &path, key, value)?;
                // Quoted and plain spellings of one name are different keys to the parser.
                if read.iter().any(|(known, _)| *known == name) {
                    return Err(value.fault(file, "stands twice: remove one".to_owned()));
                }
                read.push((name, value));
            }
            Content::Mapping(read)
        }
        YamlData::Tagged(_, inner) => return node(file, path, *inner),
        // The parser makes none of these for a scalar that it leaves as it is written; what
        // remains is the empty document.
        YamlData::Value(_) | YamlData::Alias(_) | YamlData::BadValue => Content::Null,
    };
    Ok(Node {
        line,
        path,
        content,
    })
}

fn scalar(text: String, style: ScalarStyle) -> Content {
    let plain = style == ScalarStyle::Plain;
    match text.as_str() {
        // https://yaml.org/spec/1.2.2/#1032-tag-resolution
        "" | "~" | "null" | "Null" | "NULL" if plain => Content::Null,
        _ => Content::Scalar(text),
    }
}

fn entry(
    file: &str,
    path: &str,
    key: MarkedYaml,
    value: MarkedYaml,
) -> Result<(String, Node), ComponentFileError> {
    let line = key.span.start.line();
    let YamlData::Representation(name, ..) = key.data else {
        return Err(ComponentFileError::Field {
            file: file.to_owned(),
            line,
            field: path.to_owned(),
            problem: "a name must be a single value".to_owned(),
        });
    };
    let path = match path {
        "" => name.to_string(),
        _ => format!("{path}.{name}"),
    };
    let mut value = node(file, path, value)?;
    // Where a mapping or list begins on a later line, a message about it as a whole belongs to the
    // line that names it; its parts have lines of their own.
    value.line = line;
    Ok((name.into_owned(), value))
}

impl Node {
    /// An error about this node.
    pub(super) fn fault(&self, file: &str, problem: String) -> ComponentFileError {
        ComponentFileError::Field {
            file: file.to_owned(),
            line: self.line,
            field: match self.path.as_str() {
                "" => "the document".to_owned(),
                path => path.to_owned(),
            },
            problem,
        }
    }

    /// An error about a field of this node that is not there.
    pub(super) fn fault_in(&self, file: &str, name: &str, problem: &str) -> ComponentFileError {
        ComponentFileError::Field {
            file: file.to_owned(),
            line: self.line,
            field: match self.path.as_str() {
                "" => name.to_owned(),
                path => format!("{path}.{name}"),
            },
            problem: problem.to_owned(),
        }
    }
}
