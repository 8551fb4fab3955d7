//! Installs the standard library of the guests' target if it is missing. If that fails, the error
//! names the command that installs it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

/// The target triple of the components.
pub(super) const GUEST_TARGET: &str = "wasm32-wasip2";
/// The command that installs its standard library.
const REMEDY: &str = "rustup target add wasm32-wasip2";

/// Installs the standard library of the target if it is missing, for the toolchain in use. rustup
/// passes that toolchain on in RUSTUP_TOOLCHAIN.
///
/// Several build scripts may do this at the same time, but rustup cannot install one target twice
/// at once. So they take turns with a lock file in `folder`.
pub(super) fn install_guest_target(folder: &Path) -> Result<(), String> {
    if guest_target_is_installed()? {
        return Ok(());
    }
    let _turn = lock(&folder.join("rustup.lock"))?;
    if guest_target_is_installed()? {
        return Ok(());
    }
    let installed = Command::new("rustup")
        .args(["target", "add", GUEST_TARGET])
        .status();
    match installed {
        Ok(status) if status.success() && guest_target_is_installed()? => Ok(()),
        Ok(status) => Err(format!(
            "The Rust target {GUEST_TARGET} is missing and could not be installed ({status}). Install it with:\n\n    {REMEDY}\n"
        )),
        Err(error) => Err(format!(
            "The Rust target {GUEST_TARGET} is missing and rustup could not be started ({error}). Install it with:\n\n    {REMEDY}\n"
        )),
    }
}

/// Waits for the lock. Closing the file releases it.
fn lock(path: &Path) -> Result<File, String> {
    let locked = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    };
    locked().map_err(|error: io::Error| format!("{}: {error}", path.display()))
}

fn guest_target_is_installed() -> Result<bool, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", GUEST_TARGET])
        .output()
        .map_err(|error| format!("{} could not be started: {error}", rustc.display()))?;
    if !output.status.success() {
        return Err(format!(
            "This rustc does not know the target {GUEST_TARGET}: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    match fs::read_dir(&folder) {
        Ok(entries) => Ok(entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("{}: {error}", folder.display())),
    }
}
