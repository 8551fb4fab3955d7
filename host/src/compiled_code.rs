//! A cache of compiled code on disk. The cached code is executed as it is. So it is loaded only from a folder that nobody else
//! can write to or replace, and only if no byte of it has changed.
//!
//! The name of a file has two digests: one of its source and one of its contents. The source is the component, the compiler,
//! its settings and the processor's features. A file appears complete and is never changed, so any number of processes may
//! write the same file. It is memory-mapped: all processes that run the code share its pages. Instances copy their initial memory from
//! it page by page, when they write to a page.
//!
//! This replaces wasmtime's own cache (its feature `cache`). With that, `dapr_dynamodb.wasm` loaded in 7.5 ms; with this
//! folder it loads in 3.0 ms. wasmtime's cache stores code compressed, so that each process decompresses its own copy, and it
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

/// The name of the cache folder, inside the folder that the embedder named or the user's cache folder.
const FOLDER: &str = "dapr-wasm-host";
/// The age at which unused compiled code is deleted, when other code is added.
const KEPT_UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The machine code of a component, from the compiler or from a checked file.
pub(crate) struct CompiledCode {
    contents: Vec<u8>,
    /// The file of the code, if it is cached.
    kept: Option<PathBuf>,
}

impl CompiledCode {
    /// Compiles the component and loads the code. Blocks while it compiles.
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

    /// Loads the code into `engine`, which refuses code of other settings than its own.
    #[allow(unsafe_code, reason = "there is no other way to load compiled code")]
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        if let Some(path) = &self.kept {
            // SAFETY: the code must come from wasmtime's compiler, and must not change while it is mapped. Only this user
            // and root could break that, and both control this process anyway:
            // - The contents match the digest in the file's name.
            // - Others can neither write to the folder of `path` nor replace it, by its permissions and those of all
            //   folders above it. So `path` names the checked file, or a file that this user put in its place.
            // - `find` accepts only a regular file, opened without following a link, that others cannot write to and
            //   that has no second hard link. So no entry of another folder can change the mapped file.
            // - This crate writes a new file and renames it. It never changes a file that may be mapped.
            match unsafe { Component::deserialize_file(engine, path) } {
                Ok(mapped) => return Ok(mapped),
                // The system may forbid to run code from that disk, or another process may have deleted the file.
                Err(cause) => {
                    tracing::debug!("cached code is copied, because it cannot be mapped: {cause:#}")
                }
            }
        }
        // SAFETY: the bytes come from this process's own compiler, or from a file that was checked as described above.
        unsafe { Component::deserialize(engine, &self.contents) }
    }
}

/// The folder of cached code.
pub(crate) struct CodeFolder {
    path: PathBuf,
}

impl CodeFolder {
    /// Opens the cache folder inside `parent`, and creates both if they are missing. Other users may read the cached code, which
    /// is not secret. So the administrator who builds an image can cache code for the user who runs it.
    pub(crate) fn inside(parent: &Path) -> io::Result<Self> {
        let path = parent.join(FOLDER);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
        builder.create(&path)?;
        // Resolves links, so that the checked folder is used even if somebody changes a link later.
        let path = path.canonicalize()?;
        refuse_if_others_can_replace(&path)?;
        Ok(Self { path })
    }

    /// Opens the cache folder inside this user's cache folder.
    pub(crate) fn of_user() -> io::Result<Self> {
        let folders = directories_next::BaseDirs::new();
        let folders = folders.ok_or_else(|| io::Error::other("this user has no home folder"))?;
        Self::inside(folders.cache_dir())
    }

    /// Loads the cached code of `component`. If there is none, compiles the component and caches the code.
    pub(crate) fn code(
        &self,
        engine: &Engine,
        component: &[u8],
    ) -> wasmtime::Result<(CompiledCode, Component)> {
        let source = digest_of_source(engine, component);
        if let Some((path, code)) = self.find(&source) {
            match CompiledCode::new(code, Some(path)).loaded(engine) {
                Ok(loaded) => return Ok(loaded),
                Err(cause) => {
                    tracing::warn!("cached code cannot be loaded and is compiled again: {cause:#}")
                }
            }
        }
        let code = engine.precompile_component(component)?;
        let kept = self.keep(&source, &code);
        let kept = kept.inspect_err(|cause| {
            let folder = self.path.display();
            tracing::warn!("compiled code is not cached in {folder}: {cause}");
        });
        CompiledCode::new(code, kept.ok()).loaded(engine)
    }

    /// Returns the path and contents of a file of this source, if the contents match the digest in its name.
    fn find(&self, source: &str) -> Option<(PathBuf, Vec<u8>)> {
        let files = fs::read_dir(&self.path).ok()?.filter_map(Result::ok);
        let paths = files.map(|file| file.path());
        let mut of_source = paths.filter(|path| is_of(source, path));
        of_source.find_map(|path| {
            let read = read_if_only_owner_can_write(&path);
            let read = read.inspect_err(|cause| {
                tracing::warn!("cached code {} is not used: {cause}", path.display());
            });
            let (file, code) = read.ok()?;
            if path != self.file(source, &code) {
                let path = path.display();
                tracing::warn!("cached code {path} is damaged and is compiled again");
                return None;
            }
            // Only `delete_unused` needs this time, so a failure does not matter.
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

    /// Deletes other code of the same source, which is damaged, and code that was unused for too long. Ignores failures.
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

/// Opens and reads a file, and checks its permissions like those of the folder. If others could once write to the folder,
/// they may have put any file there.
fn read_if_only_owner_can_write(path: &Path) -> io::Result<(File, Vec<u8>)> {
    let mut file = open_if_only_owner_can_write(path)?;
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)?;
    Ok((file, contents))
}

/// Makes a temporary file, whose name is not taken for cached code. Others may read it as far as the umask allows.
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

/// Returns a digest of everything that determines the compiled code.
fn digest_of_source(engine: &Engine, component: &[u8]) -> String {
    struct Digest(Context);
    impl Hasher for Digest {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        // Not used: the digest does not fit in a u64, and is read from the context.
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
