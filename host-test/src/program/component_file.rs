//! One component out of a component file: the one of the type that is called, which must be named
//! where there are several.

use std::path::Path;

use crate::{
    command_line::Failure,
    component_yaml::{self, Component, ComponentType, Resolved, Secrets, Sources, Types},
};

use super::arguments::Connection;

/// The metadata from the component file that the arguments name, if they do.
pub(super) fn metadata(
    component_type: ComponentType,
    types: Types,
    connection: &Connection,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Resolved>, Failure> {
    let Some(path) = &connection.component_yaml else {
        return Ok(None);
    };
    let components = read(path, types)?;
    let name = connection.component_name.as_deref();
    let component = choose(&components, component_type, types, name)
        .map_err(|problem| Failure::here(format!("{}: {problem}", path.display())))?;
    let secrets = match &connection.secrets {
        Some(path) => Some(Secrets::read(path).map_err(Failure::here)?),
        None => None,
    };
    let sources = Sources {
        environment,
        secrets: secrets.as_ref(),
    };
    component.resolve(sources).map(Some).map_err(Failure::here)
}

/// Whether the component file, if there is one, configures a component of this type.
pub(super) fn is_about(
    component_type: ComponentType,
    types: Types,
    connection: &Connection,
) -> Result<bool, Failure> {
    let Some(path) = &connection.component_yaml else {
        return Ok(true);
    };
    let components = read(path, types)?;
    let name = connection.component_name.as_deref();
    Ok(components.iter().any(|component| {
        component.component_type == component_type && name.is_none_or(|name| name == component.name)
    }))
}

/// The components of a file. Where a file has some for DynamoDB, these are meant, whatever else it configures.
fn read(path: &Path, types: Types) -> Result<Vec<Component>, Failure> {
    let components = match (component_yaml::read(path, Types::DynamoDb), types) {
        (Err(_), Types::Any) => component_yaml::read(path, Types::Any),
        (read, _) => read,
    };
    components.map_err(Failure::here)
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
    let names = || {
        of_type()
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let type_name = types.name(component_type);
    let mut found = of_type().filter(|c| name.is_none_or(|name| name == c.name));
    match (found.next(), found.next(), name) {
        (Some(only), None, _) => Ok(only),
        (Some(_), Some(_), _) => Err(format!(
            "holds several components of type {type_name}: choose one by --component-name ({})",
            names()
        )),
        (None, _, Some(name)) if of_type().next().is_some() => {
            Err(format!("holds no component {name:?}, but {}", names()))
        }
        (None, ..) => Err(format!("holds no component of type {type_name}")),
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
    fn the_component_is_chosen_by_type_and_then_by_name() {
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
        assert!(told(&two, None).ends_with("choose one by --component-name (a, b)"));
        assert_eq!(told(&two, Some("c")), "holds no component \"c\", but a, b");
        assert_eq!(
            choose(&two, OutputBinding, DynamoDb, None).unwrap_err(),
            "holds no component of type bindings.aws.dynamodb"
        );
    }
}
