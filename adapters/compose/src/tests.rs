//! Errors name the reason and the remedy.

use super::*;

/// Returns the error about a component with this text.
fn refused(text: &str) -> String {
    let component = wat::parse_str(text).unwrap();
    compose(&component).unwrap_err().to_string()
}

#[test]
fn same_component_gives_same_bytes() {
    assert_eq!(compose(UNSUPPORTED), compose(UNSUPPORTED));
    assert!(compose(UNSUPPORTED).is_ok());
}

/// Returns a component that exports only this interface.
fn with_only(interface: &'static str) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let unsupported = part(&mut graph, "unsupported", UNSUPPORTED).unwrap();
    let unsupported = graph.instantiate(unsupported);
    let exported = graph.alias_instance_export(unsupported, interface).unwrap();
    graph.export(exported, interface).unwrap();
    graph.encode(EncodeOptions::default()).unwrap()
}

#[test]
fn program_of_one_interface_does_not_import_the_other() {
    for interface in INTERFACES {
        let program = compose(&with_only(interface)).unwrap();
        let mut graph = CompositionGraph::new();
        let program = Package::from_bytes("program", None, program, graph.types_mut()).unwrap();
        let imports = &graph.types()[program.ty()].imports;
        let asked = |other: &&&str| imports.contains_key(**other);
        assert_eq!(INTERFACES.iter().find(asked), None, "{interface}");
    }
}

#[test]
fn bytes_that_are_not_a_component_are_refused() {
    for bytes in [b"".as_slice(), b"#!/bin/sh", &PROGRAM[..PROGRAM.len() / 2]] {
        let Err(Error::NoComponent(_)) = compose(bytes) else {
            panic!("{} bytes are accepted as a component", bytes.len());
        };
    }
    let module = refused("(module)");
    assert!(
        module.starts_with("not a WebAssembly component: "),
        "{module}"
    );
}

#[test]
fn component_without_the_contract_is_refused() {
    let expected = "the component exports neither dapr-wasm:components/state@0.1.0 nor \
        dapr-wasm:components/binding@0.1.0: there is nothing to call";
    assert_eq!(refused("(component)"), expected);
    assert_eq!(compose(PROGRAM), Err(Error::NoContract));
}

#[test]
fn other_version_of_an_interface_is_an_error() {
    let next =
        r#"(component (instance $i) (export "dapr-wasm:components/state@0.2.0" (instance $i)))"#;
    assert_eq!(
        refused(next),
        "the component exports dapr-wasm:components/state@0.2.0, but the program calls \
         dapr-wasm:components/state@0.1.0: build it from this wit/"
    );
}

#[test]
fn matching_version_wins_over_another_version() {
    let both = r#"(component (instance $i)
        (export "dapr-wasm:components/state@0.2.0" (instance $i))
        (export "dapr-wasm:components/state@0.1.0" (instance $i)))"#;
    let told = refused(both);
    // The interface is empty. That is found only when it is connected.
    assert!(
        told.starts_with("the component's dapr-wasm:components/state@0.1.0 does not match"),
        "{told}"
    );
}

#[test]
fn interface_that_does_not_match_is_named() {
    for interface in INTERFACES {
        let hollow = format!(r#"(component (instance $i) (export "{interface}" (instance $i)))"#);
        let told = refused(&hollow);
        assert!(told.contains(interface), "{told}");
        assert!(told.contains("missing"), "{told}");
    }
}
