//! Tests of the interfaces that an embedder offers to components.

use super::components::{Uses, binding_by_hand, binding_that_imports, binding_that_uses};
use super::folders::private_folder;
use super::number;
use crate::tests::assert_matches;
use crate::wasmtime::component::{HasData, Linker, Resource, ResourceTable, bindgen};
use crate::{
    CallError, Engine, HostError, HostState, Instance, InstanceOptions, Plugin, PluginBuilder,
};
use std::sync::Arc;
use std::time::Duration;
use vault::acme::secrets::vault as generated;

mod vault {
    super::bindgen!({
        inline: "
            package acme:secrets@1.0.0;
            interface vault {
                resource lease { uses: func() -> u32; }
                open: func(uses: u32) -> lease;
            }
            world test { import vault; }
        ",
        imports: { "acme:secrets/vault.open": async | trappable, default: trappable },
        with: { "acme:secrets/vault.lease": super::Lease },
    });
}

pub struct Lease {
    uses: u32,
}

/// The embedder's value for an instance.
#[derive(Clone, Copy)]
enum Vault {
    Grants(u32),
    NeverAnswers,
    Fails,
}

#[derive(Debug, thiserror::Error)]
#[error("the vault is sealed")]
struct Sealed;

struct View<'a> {
    vault: Option<Arc<Vault>>,
    resources: &'a mut ResourceTable,
}

struct HasVault;

impl HasData for HasVault {
    type Data<'a> = View<'a>;
}

impl generated::Host for View<'_> {
    async fn open(&mut self, uses: u32) -> wasmtime::Result<Resource<Lease>> {
        tokio::task::yield_now().await;
        let uses = match self.vault.as_deref() {
            None => 0,
            Some(Vault::Grants(times)) => uses * times,
            Some(Vault::NeverAnswers) => std::future::pending().await,
            Some(Vault::Fails) => return Err(Sealed.into()),
        };
        Ok(self.resources.push(Lease { uses })?)
    }
}

impl generated::HostLease for View<'_> {
    fn uses(&mut self, lease: Resource<Lease>) -> wasmtime::Result<u32> {
        Ok(self.resources.get(&lease)?.uses)
    }

    fn drop(&mut self, lease: Resource<Lease>) -> wasmtime::Result<()> {
        self.resources.delete(lease)?;
        Ok(())
    }
}

fn vault(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    generated::add_to_linker::<_, HasVault>(linker, |host| View {
        vault: host.context(),
        resources: host.resources(),
    })
}

fn builder() -> PluginBuilder {
    Plugin::builder().without_cache().imports(vault)
}

async fn start(options: InstanceOptions) -> Instance {
    let plugin = builder().from_bytes(&binding_that_imports()).unwrap();
    plugin.instantiate(&options).await.unwrap()
}

/// Opens a lease of seven uses, multiplied by the grant of the vault, and returns the number of its uses.
async fn uses(instance: &mut Instance) -> Result<usize, CallError> {
    let operations = instance.binding().unwrap().operations().await;
    operations.map(|operations| operations.len())
}

fn granted(vault: Vault) -> InstanceOptions {
    InstanceOptions::new().context(Arc::new(vault))
}

#[tokio::test]
async fn component_uses_the_resources_of_an_imported_interface() {
    let mut instance = start(granted(Vault::Grants(2))).await;
    // More often than an instance may have handles, so dropped handles must be freed.
    for _ in 0..10_001 {
        assert_eq!(uses(&mut instance).await.unwrap(), 14);
    }
}

#[tokio::test]
async fn instances_of_one_plugin_have_contexts_of_their_own() {
    let engine = Engine::builder().max_instances(number(3));
    let builder = builder().engine(&engine.build().unwrap());
    let plugin = builder.from_bytes(&binding_that_imports()).unwrap();
    let last_of_a_type = granted(Vault::Fails).context(Arc::new(Vault::Grants(3)));
    for (options, expected) in [
        (InstanceOptions::new(), 0),
        (
            InstanceOptions::new().context(Arc::new("of another type")),
            0,
        ),
        (last_of_a_type, 21),
    ] {
        let mut instance = plugin.instantiate(&options).await.unwrap();
        assert_eq!(uses(&mut instance).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn hanging_import_ends_at_the_time_limit() {
    let limit = Duration::from_secs(2);
    let mut instance = start(granted(Vault::NeverAnswers).time_limit(limit)).await;
    let over = uses(&mut instance).await.unwrap_err();
    assert_matches!(over, CallError::TimeLimit { .. });
}

#[tokio::test]
async fn trap_contains_the_error_of_an_import() {
    let mut instance = start(granted(Vault::Fails)).await;
    let error = uses(&mut instance).await.unwrap_err();
    assert!(error.to_string().contains("the vault is sealed"), "{error}");
    let CallError::Trap(trap) = error else {
        panic!("{error}");
    };
    assert!(trap.root_cause().is::<Sealed>());
    assert!(instance.is_lost());
}

#[test]
fn error_of_a_missing_import_names_the_remedy() {
    let builder = Plugin::builder().without_cache();
    let error = builder.from_bytes(&binding_that_imports()).unwrap_err();
    assert_matches!(error, HostError::ImportNotOffered(_));
    for named in ["acme:secrets/vault@1.0.0", "PluginBuilder::imports"] {
        assert!(error.to_string().contains(named), "{error}");
    }
}

// The component imports both interfaces in version 0.2.0.
#[test]
fn host_interface_cannot_be_replaced_in_any_version() {
    for taken in [
        "wasi:clocks/monotonic-clock@0.2.0",
        "wasi:clocks/monotonic-clock@0.2.999",
        "wasi:io/poll@0.2.12",
    ] {
        let replace = move |linker: &mut Linker<HostState>| {
            linker.allow_shadowing(true);
            linker.instance(taken).map(drop)
        };
        let error = builder()
            .imports(replace)
            .from_bytes(&binding_that_imports());
        let error = error.unwrap_err();
        let HostError::ImportTaken { interface } = &error else {
            panic!("{error}");
        };
        let name = taken.split('@').next().unwrap();
        assert_eq!(*interface, format!("{name}@0.2.0"));
        assert!(error.to_string().contains(interface), "{error}");
    }
}

#[test]
fn interfaces_of_this_repository_cannot_be_replaced() {
    for (uses, taken) in [
        (Uses::Send, "dapr-wasm:host/http-client@0.1.0"),
        (Uses::Digest, "dapr-wasm:host/digest@0.1.0"),
    ] {
        let replace = move |linker: &mut Linker<HostState>| linker.instance(taken).map(drop);
        let builder = Plugin::builder().without_cache().imports(replace);
        let error = builder.from_bytes(&binding_that_uses(uses)).unwrap_err();
        assert_matches!(error, HostError::ImportTaken { interface } if interface == taken);
    }
}

#[test]
fn unimported_host_interface_cannot_be_replaced_either() {
    let replace = |linker: &mut Linker<HostState>| {
        linker.allow_shadowing(true);
        let mut random = linker.instance("wasi:random/random@0.2.12")?;
        random.func_wrap("get-random-u64", |_, (): ()| Ok((4_u64,)))
    };
    let builder = Plugin::builder().without_cache().imports(replace);
    let error = builder.from_bytes(&binding_by_hand()).unwrap_err();
    assert_matches!(error, HostError::Imports(_));
    assert!(error.to_string().contains("get-random-u64"), "{error}");
}

#[test]
fn incompatible_version_of_a_host_interface_is_allowed() {
    let beside = |linker: &mut Linker<HostState>| linker.instance("wasi:io/poll@0.3.0").map(drop);
    let plugin = builder()
        .imports(beside)
        .from_bytes(&binding_that_imports());
    assert!(plugin.unwrap().exports_binding());
}

#[test]
fn error_of_an_imports_function_is_returned() {
    let twice = builder().imports(vault);
    let error = twice.from_bytes(&binding_that_imports()).unwrap_err();
    assert_matches!(error, HostError::Imports(_));
    assert!(
        error.to_string().contains("`lease` defined twice"),
        "{error}"
    );
}

#[test]
fn imports_do_not_change_compiled_code() {
    let folder = private_folder();
    for (imports, loads) in [(false, false), (true, true)] {
        let mut builder = Plugin::builder().cache_directory(folder.path());
        if imports {
            builder = builder.imports(vault);
        }
        let loaded = builder.from_bytes(&binding_that_imports());
        assert_eq!(loaded.is_ok(), loads);
        let code = std::fs::read_dir(folder.path().join("dapr-wasm-host")).unwrap();
        assert_eq!(code.count(), 1);
    }
}

#[test]
fn debug_output_shows_only_types_of_contexts() {
    let options = InstanceOptions::new().context(Arc::new("hush".to_owned()));
    let printed = format!("{options:?}");
    assert!(printed.contains("alloc::string::String"), "{printed}");
    assert!(!printed.contains("hush"), "{printed}");
}
