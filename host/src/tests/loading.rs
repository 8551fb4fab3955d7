//! Tests of loading: which components load, and the errors for the others.

use super::components::{binding_by_hand, that_traps};
use super::folders::private_folder;
use crate::tests::assert_matches;
use crate::{HostError, Plugin};

fn load(bytes: &[u8]) -> Result<Plugin, HostError> {
    Plugin::builder().without_cache().from_bytes(bytes)
}

fn load_text(component: &str) -> Result<Plugin, HostError> {
    load(&wat::parse_str(component).unwrap())
}

#[test]
fn component_with_both_interfaces_exports_both() {
    let plugin = load(&that_traps("dynamodb")).unwrap();
    assert!(plugin.exports_state() && plugin.exports_binding());
}

#[test]
fn component_with_one_interface_loads() {
    let state = load(&that_traps("state-store")).unwrap();
    assert!(state.exports_state() && !state.exports_binding());
    let binding = load(&that_traps("output-binding")).unwrap();
    assert!(!binding.exports_state() && binding.exports_binding());
}

#[test]
fn shared_types_are_clone_send_and_sync() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<Plugin>();
    is_shared::<crate::Egress>();
    is_shared::<crate::InstanceOptions>();
}

#[test]
fn missing_file_is_named() {
    let error = Plugin::from_file("no/such/file.wasm").unwrap_err();
    assert!(matches!(error, HostError::ReadFile { .. }));
    assert!(error.to_string().contains("no/such/file.wasm"), "{error}");
}

#[test]
fn error_tells_other_files_from_damaged_components() {
    let core_module = wat::parse_str("(module)").unwrap();
    for (bytes, found) in [
        (core_module.as_slice(), "core module"),
        (b"", "empty file"),
        (b"#!/bin/sh", "this data"),
    ] {
        let error = load(bytes).unwrap_err();
        assert_matches!(error, HostError::NotAComponent { .. });
        assert!(error.to_string().contains(found), "{error}");
    }
    let whole = that_traps("dynamodb");
    let half = load(&whole[..whole.len() / 2]).unwrap_err();
    assert_matches!(half, HostError::Compile(_));
}

#[test]
fn component_without_the_contract_is_refused() {
    let error = load_text("(component)").unwrap_err();
    assert_matches!(error, HostError::NoContract);
}

#[test]
fn interface_with_other_functions_is_refused() {
    let component = r#"(component
        (instance $nothing)
        (export "dapr-wasm:components/state@0.1.0" (instance $nothing)))"#;
    let error = load_text(component).unwrap_err();
    assert_matches!(error, HostError::ContractMismatch { .. });
    assert!(error.to_string().contains("components/state"), "{error}");
}

#[test]
fn unknown_import_is_named() {
    let component = r#"(component
        (import "acme:secrets/vault" (instance (export "open" (func)))))"#;
    let error = load_text(component).unwrap_err();
    assert_matches!(error, HostError::ImportNotOffered(_));
    assert!(error.to_string().contains("acme:secrets/vault"), "{error}");
}

#[test]
fn compiled_code_is_cached_in_the_given_folder() {
    let folder = private_folder();
    let kept = folder.path().join("kept");
    let component = that_traps("output-binding");
    for _ in 0..2 {
        let plugin = Plugin::builder()
            .cache_directory(&kept)
            .from_bytes(&component)
            .unwrap();
        assert!(plugin.exports_binding());
        let code = std::fs::read_dir(kept.join("dapr-wasm-host")).unwrap();
        assert_eq!(code.count(), 1);
    }
}

#[test]
fn cache_folder_that_cannot_be_created_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let impossible = file.path().join("kept");
    let error = Plugin::builder()
        .cache_directory(&impossible)
        .from_bytes(&that_traps("output-binding"))
        .unwrap_err();
    assert_matches!(error, HostError::CompiledCodeCache { .. });
    assert!(error.to_string().contains("kept"), "{error}");
}

#[cfg(unix)]
#[test]
fn cache_folder_writable_by_others_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = private_folder();
    let above = folder.path().canonicalize().unwrap();
    let kept = above.join("kept");
    let component = that_traps("output-binding");
    let load = |mode| {
        std::fs::set_permissions(&above, std::fs::Permissions::from_mode(mode)).unwrap();
        let builder = Plugin::builder().cache_directory(&kept);
        builder.from_bytes(&component)
    };
    for others_may_write in [0o777, 0o770, 0o702] {
        let error = load(others_may_write).unwrap_err();
        let HostError::CompiledCodeCache { cause, .. } = &error else {
            panic!("{error}");
        };
        let remedy = format!("chmod go-w {}`", above.display());
        assert!(cause.to_string().ends_with(&remedy), "{error}");
    }
    for others_may_not in [0o1777, 0o755, 0o700] {
        load(others_may_not).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn perf_map_names_the_component_functions() {
    let map = format!("/tmp/perf-{}.map", std::process::id());
    let builder = Plugin::builder().without_cache();
    let plugin = builder.perf_map(true).from_bytes(&binding_by_hand());
    drop(plugin.unwrap());
    let names = std::fs::read_to_string(&map).unwrap();
    std::fs::remove_file(map).unwrap();
    assert!(names.contains("take_an_operation"), "{names}");
}
