//! Compiled code, kept on disk from one process to the next. It is run as it lies there, so it is taken only from a
//! folder that nobody else can write to or replace, and only when it is, to the byte, what was put there.
//!
//! A file is named after what it was compiled from (the component, the compiler, its settings and the processor's
//! features) and after what is in it. It appears at once and complete, and is never changed: any number of processes may
//! write the same one. It is mapped, not read: all processes that run it share its pages, and instances copy the memory
//! they begin with from it page by page, as they write to it.
//!
//! wasmtime's own cache (its feature `cache`) was there first and is gone: with it, `dapr_dynamodb.wasm` loaded in 7.5 ms, with
//! this folder in 3.0 ms. wasmtime's cache keeps code compressed, so that each process decompresses a copy of its own, and it
//! does not check who can write to its folder.

use ring::digest::{Context, SHA256};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;
use wasmtime::Engine;
use wasmtime::component::Component;

mod permissions;
#[cfg(test)]
mod tests;

use permissions::{open_if_only_owner_can_write, refuse_if_others_can_replace};

/// The folder of compiled code, inside the one that was named or the user's own folder for such things.
const FOLDER: &str = "dapr-wasm-host";
/// Compiled code that nobody loaded for so long is deleted when other code is added.
const KEPT_UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Machine code of a component: as it came from the compiler, or as it was read from a file that was checked.
pub(crate) struct CompiledCode {
    contents: Vec<u8>,
    /// The file that was checked.
    kept: Option<PathBuf>,
}

impl CompiledCode {
    /// Compiles for as long as it takes, and loads what came of it.
    pub(crate) fn compile(
        engine: &Engine,
        component: &[u8],
    ) -> wasmtime::Result<(Self, Component)> {
        Self::new(engine.precompile_component(component)?, None).loaded(engine)
    }

    fn new(contents: Vec<u8>, kept: Option<PathBuf>) -> Self {
        Self { contents, kept }
    }

    fn loaded(self, engine: &Engine) -> wasmtime::Result<(Self, Component)> {
        let loaded = self.load(engine)?;
        Ok((self, loaded))
    }

    /// Makes the code ready to run; the engine refuses code of other settings than its own.
    #[allow(unsafe_code, reason = "there is no other way to load compiled code")]
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        if let Some(path) = &self.kept {
            // SAFETY: the code must come from wasmtime's compiler, and must not change while it is mapped. Only this user
            // and root could break that, and both control this process anyway:
            // - The contents match the digest in the file's name.
            // - Others can neither write to the folder of `path` nor replace it, by its permissions and those of all
            //   folders above it. So what `path` names now is what was checked, or what this user put in its place.
            // - `find` accepts only a regular file, opened without following a link, that others cannot write to and
            //   that has no other name. So no entry of another folder decides what is mapped here.
            // - This crate writes a new file and renames it. It never changes a file that may be mapped.
            match unsafe { Component::deserialize_file(engine, path) } {
                Ok(mapped) => return Ok(mapped),
                // The system may run nothing from that folder's disk; another process may have deleted the file.
                Err(cause) => {
                    tracing::debug!("kept code is copied, because it cannot be mapped: {cause:#}")
                }
            }
        }
        // SAFETY: the bytes come from this process's own compiler, or from a file as it is said above.
        unsafe { Component::deserialize(engine, &self.contents) }
    }
}

/// The folder in which compiled code is kept.
pub(crate) struct CodeFolder {
    path: PathBuf,
}

impl CodeFolder {
    /// A folder inside `parent`; both are made where they are missing. Others may read what is kept, for it is no secret:
    /// the administrator who builds an image keeps code for the user who runs it.
    pub(crate) fn inside(parent: &Path) -> io::Result<Self> {
        let path = parent.join(FOLDER);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
        builder.create(&path)?;
        // What a link leads to now is what was checked, whoever changes the link later.
        let path = path.canonicalize()?;
        refuse_if_others_can_replace(&path)?;
        Ok(Self { path })
    }

    /// A folder inside the one in which this user's programs keep what they can make again.
    pub(crate) fn of_user() -> io::Result<Self> {
        let folders = directories_next::BaseDirs::new();
        let folders = folders.ok_or_else(|| io::Error::other("this user has no home folder"))?;
        Self::inside(folders.cache_dir())
    }

    /// The code of `component`, loaded: what is kept, or else what the compiler makes and is kept from now on.
    pub(crate) fn code(
        &self,
        engine: &Engine,
        component: &[u8],
    ) -> wasmtime::Result<(CompiledCode, Component)> {
        let source = digest_of_source(engine, component);
        if let Some((path, code)) = self.find(&source) {
            match CompiledCode::new(code, Some(path)).loaded(engine) {
                Ok(loaded) => return Ok(loaded),
                Err(cause) => tracing::warn!("kept code is not used: {cause:#}"),
            }
        }
        let code = engine.precompile_component(component)?;
        let kept = self.keep(&source, &code);
        let kept = kept.inspect_err(|cause| {
            let folder = self.path.display();
            tracing::warn!("compiled code is not kept in {folder}: {cause}");
        });
        CompiledCode::new(code, kept.ok()).loaded(engine)
    }

    /// A file of this source whose contents are what its name says, and the contents.
    fn find(&self, source: &str) -> Option<(PathBuf, Vec<u8>)> {
        let files = fs::read_dir(&self.path).ok()?.filter_map(Result::ok);
        let paths = files.map(|file| file.path());
        let mut of_source = paths.filter(|path| is_of(source, path));
        of_source.find_map(|path| {
            let read = read_if_only_owner_can_write(&path);
            let read = read.inspect_err(|cause| {
                tracing::warn!("{} is not used: {cause}", path.display());
            });
            let (file, code) = read.ok()?;
            if path != self.file(source, &code) {
                tracing::warn!("{} is damaged and not used", path.display());
                return None;
            }
            // For `delete_unused`, and of no other use.
            let _ = file.set_modified(SystemTime::now());
            Some((path, code))
        })
    }

    fn keep(&self, source: &str, code: &[u8]) -> io::Result<PathBuf> {
        let path = self.file(source, code);
        let mut file = new_file(&self.path)?;
        file.write_all(code)?;
        file.persist(&path)?;
        self.delete_unused(source, &path);
        Ok(path)
    }

    /// Makes room: damaged code of the same source, and what was not used for long. What cannot be deleted stays.
    fn delete_unused(&self, source: &str, but: &Path) {
        let Ok(files) = fs::read_dir(&self.path) else {
            return;
        };
        for file in files.filter_map(Result::ok) {
            let path = file.path();
            let modified = file.metadata().and_then(|metadata| metadata.modified());
            let unused =
                modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > KEPT_UNUSED));
            if path != but && (unused || is_of(source, &path)) {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn file(&self, source: &str, code: &[u8]) -> PathBuf {
        let mut contents = Context::new(&SHA256);
        contents.update(code);
        let name = format!("{source}-{}.cwasm", hexadecimal(contents));
        self.path.join(name)
    }
}

/// Opens a file and reads it. While others could write to the folder, they may have put anything there, so the file is
/// checked like the folder.
fn read_if_only_owner_can_write(path: &Path) -> io::Result<(File, Vec<u8>)> {
    let mut file = open_if_only_owner_can_write(path)?;
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)?;
    Ok((file, contents))
}

/// A file of a name that is taken for no code, which others may read where the process's umask lets them.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    builder.tempfile_in(folder)
}

fn is_of(source: &str, path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name.strip_prefix(source)
        .is_some_and(|rest| rest.starts_with('-'))
}

/// Names everything that decides about the compiled code.
fn digest_of_source(engine: &Engine, component: &[u8]) -> String {
    struct Digest(Context);
    impl Hasher for Digest {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        // The digest is longer, and read from where it is.
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut digest = Digest(Context::new(&SHA256));
    component.hash(&mut digest);
    engine.precompile_compatibility_hash().hash(&mut digest);
    hexadecimal(digest.0)
}

fn hexadecimal(digest: Context) -> String {
    let digest = digest.finish();
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
