//! Selects one component of a component file: the one with the type that is called. If several have
//! that type, the user must name one.

use super::arguments::Connection;
use crate::command_line::Failure;
use crate::component_yaml::{
    Component, ComponentType, Folder, Resolved, Secrets, Sources, Types, parse, read_text,
};
use std::path::Path;

/// Returns the types that a component file may configure. The workspace's own component is for
/// DynamoDB; another component may be for anything.
pub fn types(component: Option<&Path>) -> Types {
    match component {
        None => Types::DynamoDb,
        Some(_) => Types::Any,
    }
}

/// The component file of a run, or a folder of them, and the secrets file. Each is read only once,
/// because a file may be a pipe, whose text can be read only once. An error in one of them is
/// reported when its content is needed.
pub struct ComponentFile<'c> {
    path: &'c Path,
    name: Option<&'c str>,
    types: Types,
    /// The components of the file that are for DynamoDB.
    of_dynamodb: Result<Vec<Component>, Failure>,
    /// The components of the file of all accepted types.
    of_types: Result<Vec<Component>, Failure>,
    secrets: Option<Result<Secrets, Failure>>,
    notices: Vec<String>,
}

impl<'c> ComponentFile<'c> {
    /// Reads the component file that the arguments name. `None` if they name none.
    pub fn read(types: Types, connection: &'c Connection) -> Result<Option<Self>, Failure> {
        let Some(path) = &connection.component_yaml else {
            return Ok(None);
        };
        let (of_dynamodb, of_types, notices) = match path.is_dir() {
            true => {
                let folder = Folder::read(path)?;
                let of = |types| folder.components(types);
                (of(Types::DynamoDb), of(types), folder.notices().to_vec())
            }
            false => {
                let text = read_text(path)?;
                let of = |types| parse(&path.display().to_string(), &text, types);
                (of(Types::DynamoDb), of(types), Vec::new())
            }
        };
        Ok(Some(Self {
            path,
            name: connection.component_name.as_deref(),
            types,
            of_dynamodb,
            of_types,
            secrets: connection.secrets.as_deref().map(Secrets::read),
            notices,
        }))
    }

    /// Returns notices for the user about files of a folder that could not be read.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Returns the component types that the file configures. There is at least one.
    pub fn configured(&self) -> Result<Vec<ComponentType>, Failure> {
        let components = self.components(|c| is_named(c, self.name))?;
        of_either_type(components, self.name).map_err(|problem| self.failure(&problem))
    }

    /// Returns the metadata of the component of this type.
    pub fn metadata(
        &self,
        component_type: ComponentType,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Resolved, Failure> {
        let wanted = |c: &Component| c.component_type == component_type && is_named(c, self.name);
        let components = self.components(wanted)?;
        let component = choose(components, component_type, self.types, self.name)
            .map_err(|problem| self.failure(&problem))?;
        let secrets = self.secrets.as_ref().map(Result::as_ref);
        component.resolve(Sources {
            environment,
            secrets: secrets.transpose().map_err(Clone::clone)?,
        })
    }

    /// Returns the components of the file. If one of its components for DynamoDB is wanted, returns
    /// only those for DynamoDB and ignores the others.
    fn components(&self, wanted: impl Fn(&Component) -> bool) -> Result<&[Component], Failure> {
        match &self.of_dynamodb {
            Ok(components) if components.iter().any(wanted) => Ok(components),
            _ => self.of_types.as_deref().map_err(Clone::clone),
        }
    }

    fn failure(&self, problem: &str) -> Failure {
        Failure::here(format_args!("{}: {problem}", self.path.display()))
    }
}

fn of_either_type(
    components: &[Component],
    name: Option<&str>,
) -> Result<Vec<ComponentType>, String> {
    let named = || components.iter().filter(|c| is_named(c, name));
    match name {
        Some(name) if named().next().is_none() => Err(unknown(name, components)),
        _ => Ok(ComponentType::ALL
            .into_iter()
            .filter(|known| named().any(|c| c.component_type == *known))
            .collect()),
    }
}

fn is_named(component: &Component, name: Option<&str>) -> bool {
    name.is_none_or(|name| name == component.name)
}

fn unknown<'c>(name: &str, components: impl IntoIterator<Item = &'c Component>) -> String {
    format!(
        "has no component {name:?}: choose one of {}",
        names(components)
    )
}

fn names<'c>(components: impl IntoIterator<Item = &'c Component>) -> String {
    let names = components.into_iter().map(|c| c.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn choose<'c>(
    components: &'c [Component],
    component_type: ComponentType,
    types: Types,
    name: Option<&str>,
) -> Result<&'c Component, String> {
    let of_type = || {
        components
            .iter()
            .filter(|c| c.component_type == component_type)
    };
    let type_name = types.name(component_type);
    let mut found = of_type().filter(|c| is_named(c, name));
    match (found.next(), found.next(), name) {
        (Some(only), None, _) => Ok(only),
        (Some(_), Some(_), _) => Err(format!(
            "has several components of type {type_name}: choose one with --component-name ({})",
            names(of_type())
        )),
        (None, _, Some(name)) if of_type().next().is_some() => Err(unknown(name, of_type())),
        (None, ..) => Err(format!("has no component of type {type_name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, component_type: ComponentType) -> Component {
        Component {
            file: "c.yaml".to_owned(),
            name: name.to_owned(),
            component_type,
            fields: Vec::new(),
        }
    }

    #[test]
    fn component_is_chosen_by_type_then_name() {
        use ComponentType::{OutputBinding, StateStore};
        use Types::DynamoDb;
        let both = [component("a", StateStore), component("b", OutputBinding)];
        assert_eq!(
            choose(&both, OutputBinding, DynamoDb, None).unwrap().name,
            "b"
        );
        let two = [component("a", StateStore), component("b", StateStore)];
        assert_eq!(
            choose(&two, StateStore, DynamoDb, Some("b")).unwrap().name,
            "b"
        );
        let told = |components, name| choose(components, StateStore, DynamoDb, name).unwrap_err();
        assert!(told(&two, None).ends_with("choose one with --component-name (a, b)"));
        assert_eq!(
            told(&two, Some("c")),
            "has no component \"c\": choose one of a, b"
        );
        assert_eq!(
            choose(&two, OutputBinding, DynamoDb, None).unwrap_err(),
            "has no component of type bindings.aws.dynamodb"
        );
    }

    #[test]
    fn unknown_name_error_lists_all_components() {
        use ComponentType::{OutputBinding, StateStore};
        let both = [component("a", StateStore), component("b", OutputBinding)];
        assert_eq!(of_either_type(&both, None).unwrap(), ComponentType::ALL);
        assert_eq!(of_either_type(&both, Some("b")).unwrap(), [OutputBinding]);
        assert_eq!(
            of_either_type(&both, Some("c")).unwrap_err(),
            "has no component \"c\": choose one of a, b"
        );
    }

    fn document(name: &str, type_name: &str) -> String {
        format!(
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n  \
             type: {type_name}\n  metadata:\n    - name: of\n      value: {name}\n"
        )
    }

    #[test]
    fn dynamodb_components_win_unless_another_is_named() {
        use ComponentType::{OutputBinding, StateStore};
        let documents = [
            document("mem", "state.in-memory"),
            document("dynamo", "state.aws.dynamodb"),
            document("kafka", "bindings.kafka"),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("both.yaml");
        std::fs::write(&path, documents.join("---\n")).unwrap();
        let connection = |name: Option<&str>| Connection {
            component_yaml: Some(path.clone()),
            component_name: name.map(str::to_owned),
            ..Connection::default()
        };
        let chosen = |component_type, types, name| {
            let connection = connection(name);
            let file = ComponentFile::read(types, &connection).unwrap().unwrap();
            let resolved = file.metadata(component_type, &|_| None);
            resolved.map(|resolved| resolved.metadata)
        };
        let of = |name: &str| vec![("of".to_owned(), name.to_owned())];
        for (component_type, name, expected) in [
            (StateStore, None, "dynamo"),
            (StateStore, Some("dynamo"), "dynamo"),
            (StateStore, Some("mem"), "mem"),
            (OutputBinding, None, "kafka"),
        ] {
            let chosen = chosen(component_type, Types::Any, name).unwrap();
            assert_eq!(chosen, of(expected), "{component_type:?} {name:?}");
        }
        assert!(chosen(StateStore, Types::DynamoDb, Some("mem")).is_err());
        assert!(chosen(StateStore, Types::Any, Some("nosuch")).is_err());
        // A conformance run never mixes components for DynamoDB with others.
        let configured = |name| {
            let connection = connection(name);
            let file = ComponentFile::read(Types::Any, &connection).unwrap();
            file.unwrap().configured().unwrap()
        };
        assert_eq!(configured(None), [StateStore]);
        assert_eq!(configured(Some("mem")), [StateStore]);
        assert_eq!(configured(Some("kafka")), [OutputBinding]);
    }
}
