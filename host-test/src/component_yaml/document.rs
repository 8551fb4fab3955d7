//! Parses the YAML documents of component files.
//!
//! A component of a supported type must be correct in every field that is read. Other documents are skipped, unless the
//! file holds nothing else.
//!
//! Every YAML node knows its file, its line and its path. A scalar keeps the text that the author wrote: `value: 010`
//! is "010" and `value: yes` is "yes". So an error names file, line and field, in the form that editors and terminals
//! turn into a link: `statestore.yaml:12: spec.metadata[2].name: …`.

use super::{Component, Field, Types, Value};
use crate::command_line::Failure;
use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::Parser;
use std::sync::Arc;

const API_VERSION: &str = "dapr.io/v1alpha1";
const KIND: &str = "Component";
/// The names that Dapr accepts for the first version of a component, in any case. An absent version also means the
/// first (`IsInitialVersion` in `pkg/components/versioning.go`).
const FIRST_VERSIONS: [&str; 3] = ["", "v0", "v1"];
/// Dapr's fields of `spec`. The last two are for its runtime.
const SPEC_FIELDS: [&str; 5] = ["type", "version", "metadata", "ignoreErrors", "initTimeout"];
const ITEM_FIELDS: [&str; 4] = ["name", "value", "envRef", "secretKeyRef"];
const SECRET_FIELDS: [&str; 2] = ["name", "key"];

/// Returns the components of these types in a text. Fails if there is none.
pub(super) fn components(file: &str, text: &str, types: Types) -> Result<Vec<Component>, Failure> {
    let mut components = Vec::new();
    let mut passed_over = None;
    for document in &documents(file, text)? {
        match component(document, types)? {
            Read::Component(component) => components.push(component),
            Read::SomethingElse(reason) => passed_over = passed_over.or(Some(reason)),
        }
    }
    if !components.is_empty() {
        return Ok(components);
    }
    Err(passed_over.unwrap_or_else(|| {
        let remedy = format!("begin with apiVersion: {API_VERSION} and kind: {KIND}");
        Failure::here(format_args!("{file}:1: the file: is empty: {remedy}"))
    }))
}

/// Like [`components`], but for the documents of all files of a folder.
pub(super) fn components_of_folder(
    folder: &str,
    documents: &[Node],
    types: Types,
) -> Result<Vec<Component>, Failure> {
    let mut components: Vec<Component> = Vec::new();
    for document in documents.iter().filter(|node| is_component(node)) {
        let Read::Component(component) = component(document, types)? else {
            continue;
        };
        // daprd also refuses a folder for this.
        if let Some(first) = components.iter().find(|c| c.name == component.name) {
            return Err(Failure::here(format_args!(
                "{}: the component name {:?} is also used in {}: rename one of them",
                component.file, component.name, first.file
            )));
        }
        components.push(component);
    }
    match components.is_empty() {
        true => Err(Failure::here(format_args!(
            "{folder}: no .yaml or .yml file in it holds a component of type {}: add one",
            types.names()
        ))),
        false => Ok(components),
    }
}

/// Returns true if a document is a Dapr component. daprd checks these two fields before anything else.
fn is_component(document: &Node) -> bool {
    let Content::Mapping(fields) = &document.content else {
        return false;
    };
    let is = |name, wanted| {
        find(fields, name)
            .is_some_and(|node| matches!(&node.content, Content::Scalar(text) if text == wanted))
    };
    is("apiVersion", API_VERSION) && is("kind", KIND)
}

enum Read {
    Component(Component),
    /// A document to skip. Holds the error to report if no other document of the file is a component.
    SomethingElse(Failure),
}

type Fields = [(String, Node)];

fn component(document: &Node, types: Types) -> Result<Read, Failure> {
    let (kind_node, kind) = document.text("kind", "write kind: Component")?;
    if kind != KIND {
        let problem = format!("is {kind:?}: only {KIND} is read");
        return Ok(Read::SomethingElse(kind_node.fault(problem)));
    }
    let remedy = format!("write apiVersion: {API_VERSION}");
    let (version_node, api_version) = document.text("apiVersion", &remedy)?;
    if api_version != API_VERSION {
        let problem = format!("is {api_version:?}: {remedy}");
        return Err(version_node.fault(problem));
    }
    let remedy = "write spec: with type, version and metadata";
    let spec = document.required("spec", remedy)?;
    let spec_fields = spec.mapping()?;
    let known = types.names();
    let remedy = format!("write type: {known}");
    let (type_node, type_name) = spec.text("type", &remedy)?;
    let Some(component_type) = types.component_type(type_name) else {
        let problem = format!("is {type_name:?}: only {known} is read");
        return Ok(Read::SomethingElse(type_node.fault(problem)));
    };
    spec.only(&SPEC_FIELDS)?;
    first_version(spec_fields)?;

    let remedy = "write metadata: with the component's name";
    let metadata = document.required("metadata", remedy)?;
    let remedy = "give the component a name";
    let (_, name) = metadata.text("name", remedy)?;
    Ok(Read::Component(Component {
        file: document.file.to_string(),
        name: name.to_owned(),
        component_type,
        fields: items(spec_fields)?,
    }))
}

fn first_version(spec: &Fields) -> Result<(), Failure> {
    let Some(node) = find(spec, "version") else {
        return Ok(());
    };
    match &node.content {
        Content::Null => Ok(()),
        Content::Scalar(version) if is_first(version) => Ok(()),
        Content::Scalar(version) => {
            let problem = format!("is {version:?}, which does not exist: write version: v1");
            Err(node.fault(problem))
        }
        other => Err(node.fault(format!("is {}: write version: v1", other.kind()))),
    }
}

fn items(spec: &Fields) -> Result<Vec<Field>, Failure> {
    let Some(node) = find(spec, "metadata") else {
        return Ok(Vec::new());
    };
    match &node.content {
        Content::Null => Ok(Vec::new()),
        Content::Sequence(items) => items.iter().map(item).collect(),
        other => {
            let problem = format!("is {}: write a list of name and value", other.kind());
            Err(node.fault(problem))
        }
    }
}

fn item(item: &Node) -> Result<Field, Failure> {
    let fields = item.mapping()?;
    item.only(&ITEM_FIELDS)?;
    let (_, name) = item.text("name", "name the field that is set")?;
    let mut given = fields.iter().filter(|(field, _)| field != "name");
    let remedy = "give it a value, an envRef or a secretKeyRef";
    let Some((kind, node)) = given.next() else {
        return Err(item.missing("value", remedy));
    };
    if let Some((second, node)) = given.next() {
        let problem = format!("{name} has a {kind} already: remove that or this {second}");
        return Err(node.fault(problem));
    }
    let value = match kind.as_str() {
        "envRef" => {
            let remedy = "name an environment variable";
            Value::EnvRef(node.single(remedy)?.to_owned())
        }
        "secretKeyRef" => secret(node)?,
        _ => literal(node)?,
    };
    Ok(Field {
        name: name.to_owned(),
        value,
        path: node.path.clone(),
        line: node.line,
    })
}

fn literal(node: &Node) -> Result<Value, Failure> {
    match &node.content {
        // Dapr also treats a missing value as the empty string.
        Content::Null => Ok(Value::Literal(String::new())),
        Content::Scalar(text) => Ok(Value::Literal(text.clone())),
        other => {
            let problem = format!(
                "is {}: a value is a string, a number or a boolean; put quotes around it",
                other.kind()
            );
            Err(node.fault(problem))
        }
    }
}

fn secret(node: &Node) -> Result<Value, Failure> {
    let fields = node.mapping()?;
    node.only(&SECRET_FIELDS)?;
    let (_, name) = node.text("name", "name the secret")?;
    let key = match find(fields, "key").map(|key| (key, &key.content)) {
        None | Some((_, Content::Null)) => None,
        Some((key, _)) => Some(key.single("name a key of the secret")?.to_owned()),
    };
    Ok(Value::SecretKeyRef {
        name: name.to_owned(),
        key,
    })
}

fn find<'n>(fields: &'n Fields, name: &str) -> Option<&'n Node> {
    fields
        .iter()
        .find(|(field, _)| field == name)
        .map(|(_, node)| node)
}

fn is_first(version: &str) -> bool {
    let mut first = FIRST_VERSIONS.iter();
    first.any(|known| known.eq_ignore_ascii_case(version))
}

/// A YAML node with its position.
#[derive(Debug)]
pub(super) struct Node {
    /// The file name, as the caller gave it.
    file: Arc<str>,
    /// The line on which it begins, counted from 1.
    line: usize,
    /// The place in the document: `spec.metadata[2]`. Empty for a whole document.
    path: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Nothing, `~` or `null`.
    Null,
    Scalar(String),
    Sequence(Vec<Node>),
    /// Names and values in the order of the file.
    Mapping(Vec<(String, Node)>),
}

impl Content {
    /// Returns the name of its kind, for messages.
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "empty",
            Self::Scalar(_) => "a single value",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

impl Node {
    /// Returns an error about this node.
    fn fault(&self, problem: String) -> Failure {
        let field = match self.path.as_str() {
            "" => "the document",
            path => path,
        };
        Failure::here(format_args!(
            "{}:{}: {field}: {problem}",
            self.file, self.line
        ))
    }

    /// Returns an error about a missing field of this node.
    fn missing(&self, name: &str, remedy: &str) -> Failure {
        let (file, line) = (&self.file, self.line);
        let field = nested(&self.path, name);
        Failure::here(format_args!("{file}:{line}: {field}: is missing: {remedy}"))
    }

    fn mapping(&self) -> Result<&Fields, Failure> {
        match &self.content {
            Content::Mapping(fields) => Ok(fields),
            other => {
                let problem = format!("is {}: write a mapping of names to values", other.kind());
                Err(self.fault(problem))
            }
        }
    }

    fn required(&self, name: &str, remedy: &str) -> Result<&Self, Failure> {
        find(self.mapping()?, name).ok_or_else(|| self.missing(name, remedy))
    }

    /// Returns a required field, which must be a single value that is not empty.
    fn text(&self, name: &str, remedy: &str) -> Result<(&Self, &str), Failure> {
        let node = self.required(name, remedy)?;
        Ok((node, node.single(remedy)?))
    }

    fn single(&self, remedy: &str) -> Result<&str, Failure> {
        match &self.content {
            Content::Scalar(text) if !text.is_empty() => Ok(text),
            Content::Scalar(_) => Err(self.fault(format!("is empty: {remedy}"))),
            other => Err(self.fault(format!("is {}: {remedy}", other.kind()))),
        }
    }

    /// Refuses unknown fields. Otherwise a misspelt setting would silently do nothing.
    fn only(&self, known: &[&str]) -> Result<(), Failure> {
        let mut fields = self.mapping()?.iter();
        match fields.find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((_, node)) => {
                let problem = format!("is not a known field: use one of {}", known.join(", "));
                Err(node.fault(problem))
            }
        }
    }
}

/// Returns the documents of a text, without the empty ones.
pub(super) fn documents(file: &str, text: &str) -> Result<Vec<Node>, Failure> {
    let mut loader = YamlLoader::<MarkedYaml>::default();
    // Keep scalars as they are written; see the rule of this module.
    loader.early_parse(false);
    // Editors on some systems begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Parser::new_from_str(text)
        .load(&mut loader, true)
        .map_err(|error| not_yaml(file, &error))?;
    if let Some(error) = loader.error() {
        return Err(not_yaml(file, error));
    }
    let file = Arc::from(file);
    let mut documents = Vec::new();
    for document in loader.into_documents() {
        let document = node(&file, String::new(), document)?;
        if !matches!(document.content, Content::Null) {
            documents.push(document);
        }
    }
    Ok(documents)
}

fn not_yaml(file: &str, error: &saphyr::ScanError) -> Failure {
    let (line, problem) = (error.marker().line(), error.info());
    Failure::here(format_args!("{file}:{line}: not valid YAML: {problem}"))
}

fn node(file: &Arc<str>, path: String, yaml: MarkedYaml) -> Result<Node, Failure> {
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
                // To the parser, quoted and plain spellings of one name are different keys.
                if read.iter().any(|(known, _)| *known == name) {
                    return Err(value.fault("appears twice: remove one".to_owned()));
                }
                read.push((name, value));
            }
            Content::Mapping(read)
        }
        YamlData::Tagged(_, inner) => return node(file, path, *inner),
        // With early parsing off, the parser creates none of these for a scalar. What remains is the empty document.
        YamlData::Value(_) | YamlData::Alias(_) | YamlData::BadValue => Content::Null,
    };
    Ok(Node {
        file: Arc::clone(file),
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
    file: &Arc<str>,
    path: &str,
    key: MarkedYaml,
    value: MarkedYaml,
) -> Result<(String, Node), Failure> {
    let line = key.span.start.line();
    let YamlData::Representation(name, ..) = key.data else {
        let problem = "a name must be a single value";
        return Err(Failure::here(format_args!(
            "{file}:{line}: {path}: {problem}"
        )));
    };
    let mut value = node(file, nested(path, &name), value)?;
    // A mapping or list may begin on a later line. A message about it as a whole points to the line that names it; its
    // parts have lines of their own.
    value.line = line;
    Ok((name.into_owned(), value))
}

/// Returns the path of a field of the node at `path`.
fn nested(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    }
}
