//! Code is loaded as it was kept, or not at all.

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

/// A folder of compiled code, and what compiles into it.
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
fn code_that_was_kept_is_loaded_and_not_compiled_again() {
    let kept = Kept::new();
    // Under the name of this component lies another's code: what comes back tells which of the two was loaded.
    let state_store = that_traps("state-store");
    let other = kept.engine.precompile_component(&state_store).unwrap();
    kept.folder().keep(&kept.source(), &other).unwrap();

    let (_, loaded) = kept.load();
    let exported = loaded.get_export_index(None, crate::contract::STATE);
    assert!(exported.is_some());
}

#[test]
fn code_is_kept_once_and_under_the_name_of_its_contents() {
    let kept = Kept::new();
    assert!(kept.find().is_none());
    kept.load();
    let path = kept.find().unwrap();
    kept.load();
    assert_eq!(kept.files(), [path]);
}

#[test]
fn another_component_and_another_compiler_have_code_of_their_own() {
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
fn damaged_code_is_not_run_and_is_compiled_again() {
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
fn code_that_the_engine_refuses_is_compiled_again() {
    let kept = Kept::new();
    let nonsense = b"whole, and no code at all";
    kept.folder().keep(&kept.source(), nonsense).unwrap();
    kept.load();
    assert_eq!(kept.files().len(), 1);
    assert_ne!(fs::read(kept.find().unwrap()).unwrap(), nonsense);
}

#[test]
fn a_component_loads_where_its_code_cannot_be_kept() {
    let kept = Kept::new();
    kept.code();
    let path = kept.find().unwrap();
    fs::remove_file(&path).unwrap();
    // Nothing can be renamed to the name of a folder that is not empty.
    fs::create_dir_all(path.join("in the way")).unwrap();
    let (code, _) = kept.load();
    assert_eq!(code.kept, None);
}

#[test]
fn code_whose_file_another_process_has_deleted_is_loaded_all_the_same() {
    let kept = Kept::new();
    let code = kept.code();
    fs::remove_file(code.kept.as_ref().unwrap()).unwrap();
    // As the engine that runs instances does, after the one that compiled.
    code.load(&kept.engine).unwrap();
}

#[test]
fn many_may_load_the_same_component_at_once() {
    let kept = Kept::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| kept.load());
        }
    });
    assert_eq!(kept.files(), [kept.find().unwrap()]);
}

#[test]
fn code_that_was_not_used_for_long_makes_room() {
    let kept = Kept::new();
    let folder = kept.folder();
    let [old, recent] = ["old", "recent"].map(|source| folder.keep(source, b"code").unwrap());
    let long_ago = SystemTime::now() - KEPT_UNUSED - Duration::from_secs(60);
    for path in [&old, &recent] {
        File::open(path).unwrap().set_modified(long_ago).unwrap();
    }
    // Looking for it counts as use.
    assert_eq!(folder.find("recent").unwrap().0, recent);
    kept.code();
    assert!(!old.exists() && recent.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn kept_code_is_mapped_and_not_copied() {
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
