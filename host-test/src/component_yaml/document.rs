//! A document that is a component of a type that is read must be right in every field that is read; one that is
//! something else is passed over, unless the file holds nothing but such.

use super::{
    Component, ComponentFileError, Field, Types, Value,
    node::{Content, Node},
};

const API_VERSION: &str = "dapr.io/v1alpha1";
const KIND: &str = "Component";
/// What Dapr takes for the first version of a component, in any case, besides none at all
/// (`IsInitialVersion` in `pkg/components/versioning.go`).
const FIRST_VERSIONS: [&str; 3] = ["", "v0", "v1"];
/// Dapr's fields of `spec`; the last two are its runtime's.
const SPEC_FIELDS: [&str; 5] = ["type", "version", "metadata", "ignoreErrors", "initTimeout"];
const ITEM_FIELDS: [&str; 4] = ["name", "value", "envRef", "secretKeyRef"];
const SECRET_FIELDS: [&str; 2] = ["name", "key"];

/// The components of these types among the documents, at least one.
pub(super) fn components(
    file: &str,
    documents: Vec<Node>,
    types: Types,
) -> Result<Vec<Component>, ComponentFileError> {
    let reader = Reader { file, types };
    let mut components = Vec::new();
    let mut passed_over = None;
    for document in &documents {
        match reader.component(document)? {
            Read::Component(component) => components.push(component),
            Read::SomethingElse(reason) => passed_over = passed_over.or(Some(reason)),
        }
    }
    if !components.is_empty() {
        return Ok(components);
    }
    Err(passed_over.unwrap_or_else(|| ComponentFileError::Field {
        file: file.to_owned(),
        line: 1,
        field: "the file".to_owned(),
        problem: format!("is empty: begin with apiVersion: {API_VERSION} and kind: {KIND}"),
    }))
}

/// As [`components`], of a folder's documents, each with its file.
pub(super) fn components_of_folder(
    folder: &str,
    documents: &[(String, Node)],
    types: Types,
) -> Result<Vec<Component>, ComponentFileError> {
    let mut components: Vec<Component> = Vec::new();
    for (file, document) in documents.iter().filter(|(_, node)| is_component(node)) {
        let Read::Component(component) = (Reader { file, types }).component(document)? else {
            continue;
        };
        // daprd, too, refuses a folder for this.
        if let Some(first) = components.iter().find(|c| c.name == component.name) {
            return Err(ComponentFileError::NameTwice {
                file: component.file,
                name: component.name,
                first: first.file.clone(),
            });
        }
        components.push(component);
    }
    match components.is_empty() {
        true => Err(ComponentFileError::NoComponent {
            folder: folder.to_owned(),
            wanted: types.names(),
        }),
        false => Ok(components),
    }
}

/// The fields that daprd reads of a document before anything else in it.
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
    /// And the error that this is, where no other document of the file is a component.
    SomethingElse(ComponentFileError),
}

struct Reader<'a> {
    file: &'a str,
    types: Types,
}

type Fields = [(String, Node)];

impl Reader<'_> {
    fn component(&self, document: &Node) -> Result<Read, ComponentFileError> {
        let fields = self.mapping(document)?;
        let (kind_node, kind) = self.text(document, fields, "kind", "write kind: Component")?;
        if kind != KIND {
            let problem = format!("is {kind:?}: only {KIND} is read");
            return Ok(Read::SomethingElse(kind_node.fault(self.file, problem)));
        }
        let remedy = format!("write apiVersion: {API_VERSION}");
        let (version_node, api_version) = self.text(document, fields, "apiVersion", &remedy)?;
        if api_version != API_VERSION {
            let problem = format!("is {api_version:?}: {remedy}");
            return Err(version_node.fault(self.file, problem));
        }
        let remedy = "write spec: with type, version and metadata";
        let spec = self.required(document, fields, "spec", remedy)?;
        let spec_fields = self.mapping(spec)?;
        let known = self.types.names();
        let remedy = format!("write type: {known}");
        let (type_node, type_name) = self.text(spec, spec_fields, "type", &remedy)?;
        let Some(component_type) = self.types.component_type(type_name) else {
            let problem = format!("is {type_name:?}: only {known} is read");
            return Ok(Read::SomethingElse(type_node.fault(self.file, problem)));
        };
        self.only(spec_fields, &SPEC_FIELDS)?;
        self.first_version(spec_fields)?;

        let remedy = "write metadata: with the component's name";
        let metadata = self.required(document, fields, "metadata", remedy)?;
        let remedy = "give the component a name";
        let (_, name) = self.text(metadata, self.mapping(metadata)?, "name", remedy)?;
        Ok(Read::Component(Component {
            file: self.file.to_owned(),
            name: name.to_owned(),
            component_type,
            fields: self.items(spec_fields)?,
        }))
    }

    fn first_version(&self, spec: &Fields) -> Result<(), ComponentFileError> {
        let Some(node) = find(spec, "version") else {
            return Ok(());
        };
        match &node.content {
            Content::Null => Ok(()),
            Content::Scalar(version) if is_first(version) => Ok(()),
            Content::Scalar(version) => {
                let problem = format!("is {version:?}, which does not exist: write version: v1");
                Err(node.fault(self.file, problem))
            }
            other => Err(node.fault(self.file, format!("is {}: write version: v1", other.kind()))),
        }
    }

    fn items(&self, spec: &Fields) -> Result<Vec<Field>, ComponentFileError> {
        let Some(node) = find(spec, "metadata") else {
            return Ok(Vec::new());
        };
        match &node.content {
            Content::Null => Ok(Vec::new()),
            Content::Sequence(items) => items.iter().map(|item| self.item(item)).collect(),
            other => {
                let problem = format!("is {}: write a list of name and value", other.kind());
                Err(node.fault(self.file, problem))
            }
        }
    }

    fn item(&self, item: &Node) -> Result<Field, ComponentFileError> {
        let fields = self.mapping(item)?;
        self.only(fields, &ITEM_FIELDS)?;
        let (_, name) = self.text(item, fields, "name", "name the field that is set")?;
        let mut given = fields.iter().filter(|(field, _)| field != "name");
        let remedy = "give it a value, an envRef or a secretKeyRef";
        let Some((kind, node)) = given.next() else {
            return Err(item.fault_in(self.file, "value", &format!("is missing: {remedy}")));
        };
        if let Some((second, node)) = given.next() {
            let problem = format!("{name} has a {kind} already: remove that or this {second}");
            return Err(node.fault(self.file, problem));
        }
        let value = match kind.as_str() {
            "envRef" => {
                let remedy = "name an environment variable";
                Value::EnvRef(self.single(node, remedy)?.to_owned())
            }
            "secretKeyRef" => self.secret(node)?,
            _ => self.literal(node)?,
        };
        Ok(Field {
            name: name.to_owned(),
            value,
            path: node.path.clone(),
            line: node.line,
        })
    }

    fn literal(&self, node: &Node) -> Result<Value, ComponentFileError> {
        match &node.content {
            // Dapr, too, takes a value that is not there for the empty string.
            Content::Null => Ok(Value::Literal(String::new())),
            Content::Scalar(text) => Ok(Value::Literal(text.clone())),
            other => {
                let problem = format!(
                    "is {}: a value is a string, a number or a boolean; put quotes around it",
                    other.kind()
                );
                Err(node.fault(self.file, problem))
            }
        }
    }

    fn secret(&self, node: &Node) -> Result<Value, ComponentFileError> {
        let fields = self.mapping(node)?;
        self.only(fields, &SECRET_FIELDS)?;
        let (_, name) = self.text(node, fields, "name", "name the secret")?;
        let key = match find(fields, "key").map(|key| (key, &key.content)) {
            None | Some((_, Content::Null)) => None,
            Some((key, _)) => Some(self.single(key, "name a key of the secret")?.to_owned()),
        };
        Ok(Value::SecretKeyRef {
            name: name.to_owned(),
            key,
        })
    }

    fn mapping<'n>(&self, node: &'n Node) -> Result<&'n Fields, ComponentFileError> {
        match &node.content {
            Content::Mapping(fields) => Ok(fields),
            other => {
                let problem = format!("is {}: write a mapping of names to values", other.kind());
                Err(node.fault(self.file, problem))
            }
        }
    }

    fn required<'n>(
        &self,
        parent: &Node,
        fields: &'n Fields,
        name: &str,
        remedy: &str,
    ) -> Result<&'n Node, ComponentFileError> {
        find(fields, name)
            .ok_or_else(|| parent.fault_in(self.file, name, &format!("is missing: {remedy}")))
    }

    /// A field that must be there and hold one value that is not empty.
    fn text<'n>(
        &self,
        parent: &Node,
        fields: &'n Fields,
        name: &str,
        remedy: &str,
    ) -> Result<(&'n Node, &'n str), ComponentFileError> {
        let node = self.required(parent, fields, name, remedy)?;
        Ok((node, self.single(node, remedy)?))
    }

    fn single<'n>(&self, node: &'n Node, remedy: &str) -> Result<&'n str, ComponentFileError> {
        match &node.content {
            Content::Scalar(text) if !text.is_empty() => Ok(text),
            Content::Scalar(_) => Err(node.fault(self.file, format!("is empty: {remedy}"))),
            other => Err(node.fault(self.file, format!("is {}: {remedy}", other.kind()))),
        }
    }

    /// A misspelt name would otherwise be a setting that silently does nothing.
    fn only(&self, fields: &Fields, known: &[&str]) -> Result<(), ComponentFileError> {
        match fields
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            None => Ok(()),
            Some((_, node)) => {
                let problem = format!("is no field here: there are {}", known.join(", "));
                Err(node.fault(self.file, problem))
            }
        }
    }
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
