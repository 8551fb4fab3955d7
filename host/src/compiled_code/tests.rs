//! Tests of the cache: code is loaded only if it is unchanged.

use super::{CodeFolder, CompiledCode, FOLDER, KEPT_UNUSED, digest_of_source};
use crate::engine::{self, Settings};
use crate::tests::components::{binding_by_hand, that_traps};
use crate::tests::folders::private_folder;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use wasmtime::Engine;
use wasmtime::component::Component;

#[cfg(unix)]
mod permissions;

/// A cache folder, with an engine and a component to cache in it.
struct Kept {
    parent: TempDir,
    engine: Engine,
    component: Vec<u8>,
}

impl Kept {
    fn new() -> Self {
        Self {
            parent: private_folder(),
            engine: engine::compiling(Settings::default()).unwrap(),
            component: binding_by_hand(),
        }
    }

    fn folder(&self) -> CodeFolder {
        CodeFolder::inside(self.parent.path()).unwrap()
    }

    fn source(&self) -> String {
        digest_of_source(&self.engine, &self.component)
    }

    fn find(&self) -> Option<PathBuf> {
        let found = self.folder().find(&self.source());
        found.map(|(path, _)| path)
    }

    fn code(&self) -> CompiledCode {
        self.load().0
    }

    fn load(&self) -> (CompiledCode, Component) {
        self.folder().code(&self.engine, &self.component).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.parent.path().join(FOLDER)).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }
}

#[test]
fn cached_code_is_loaded_instead_of_compiled() {
    let kept = Kept::new();
    // Caches another component's code under this component's name. The exports show which of the two was loaded.
    let state_store = that_traps("state-store");
    let other = kept.engine.precompile_component(&state_store).unwrap();
    kept.folder().keep(&kept.source(), &other).unwrap();

    let (_, loaded) = kept.load();
    let exported = loaded.get_export_index(None, crate::contract::STATE);
    assert!(exported.is_some());
}

#[test]
fn code_is_cached_once_under_its_digest() {
    let kept = Kept::new();
    assert!(kept.find().is_none());
    kept.load();
    let path = kept.find().unwrap();
    kept.load();
    assert_eq!(kept.files(), [path]);
}

#[test]
fn component_and_settings_change_the_source_digest() {
    let kept = Kept::new();
    let trusted = Settings {
        interruptible: false,
        ..Settings::default()
    };
    let other_settings = engine::compiling(trusted).unwrap();
    let sources = [
        kept.source(),
        digest_of_source(&other_settings, &kept.component),
        digest_of_source(&kept.engine, &that_traps("dynamodb")),
    ];
    assert_ne!(sources[0], sources[1]);
    assert_ne!(sources[0], sources[2]);
    assert_eq!(sources[0], Kept::new().source());
}

#[test]
fn damaged_code_is_compiled_again() {
    let kept = Kept::new();
    kept.code();
    let path = kept.find().unwrap();
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&flipped, &whole[..whole.len() / 2], b""] {
        fs::write(&path, damaged).unwrap();
        assert_eq!(kept.find(), None);
        kept.load();
        assert_eq!(fs::read(kept.find().unwrap()).unwrap(), whole);
        assert_eq!(kept.files().len(), 1);
    }
}

#[test]
fn code_refused_by_the_engine_is_compiled_again() {
    let kept = Kept::new();
    let nonsense = b"complete, but not code";
    kept.folder().keep(&kept.source(), nonsense).unwrap();
    kept.load();
    assert_eq!(kept.files().len(), 1);
    assert_ne!(fs::read(kept.find().unwrap()).unwrap(), nonsense);
}

#[test]
fn component_loads_if_its_code_cannot_be_cached() {
    let kept = Kept::new();
    kept.code();
    let path = kept.find().unwrap();
    fs::remove_file(&path).unwrap();
    // A file cannot be renamed over a folder that is not empty.
    fs::create_dir_all(path.join("in the way")).unwrap();
    let (code, _) = kept.load();
    assert_eq!(code.kept, None);
}

#[test]
fn code_loads_after_its_file_was_deleted() {
    let kept = Kept::new();
    let code = kept.code();
    fs::remove_file(code.kept.as_ref().unwrap()).unwrap();
    // The engine that runs instances loads the code after the engine that compiled it.
    code.load(&kept.engine).unwrap();
}

#[test]
fn threads_load_the_same_component_at_once() {
    let kept = Kept::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| kept.load());
        }
    });
    assert_eq!(kept.files(), [kept.find().unwrap()]);
}

#[test]
fn unused_code_is_deleted_after_some_time() {
    let kept = Kept::new();
    let folder = kept.folder();
    let [old, recent] = ["old", "recent"].map(|source| folder.keep(source, b"code").unwrap());
    let long_ago = SystemTime::now() - KEPT_UNUSED - Duration::from_secs(60);
    for path in [&old, &recent] {
        File::open(path).unwrap().set_modified(long_ago).unwrap();
    }
    // Finding code counts as use.
    assert_eq!(folder.find("recent").unwrap().0, recent);
    kept.code();
    assert!(!old.exists() && recent.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn cached_code_is_mapped_instead_of_copied() {
    let kept = Kept::new();
    let mapped = |path: &str| {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        maps.contains(path)
    };
    let code = kept.code();
    let path = kept.find().unwrap();
    let path = path.to_str().unwrap();
    assert!(!mapped(path));
    let component = code.load(&kept.engine).unwrap();
    assert!(mapped(path));
    drop(component);
    assert!(!mapped(path));
}
