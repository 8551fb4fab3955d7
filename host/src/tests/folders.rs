//! Folders that nobody else can replace, so that compiled code can be cached there.

use crate::compiled_code::CodeFolder;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Makes an empty folder, which is deleted when it is dropped. Uses the system's temporary folder if that has the sticky bit,
/// which it lacks in some containers.
pub(crate) fn private_folder() -> TempDir {
    let program = std::env::current_exe().unwrap();
    let home = directories_next::BaseDirs::new().map(|folders| folders.home_dir().to_owned());
    let places = [
        Some(std::env::temp_dir()),
        program.parent().map(PathBuf::from),
        home,
    ];
    let private = places.into_iter().flatten().find_map(|place| {
        let tried = folder_in(&place)?;
        CodeFolder::inside(tried.path()).ok()?;
        folder_in(&place)
    });
    private.expect("there is a folder that nobody else can replace")
}

/// Makes a folder that nobody else can write to, for any umask.
fn folder_in(place: &Path) -> Option<TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(place).ok()
}
