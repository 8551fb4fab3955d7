//! Folders that nobody else can replace, so that compiled code may be kept there.

use crate::compiled_code::CodeFolder;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An empty folder, for as long as it is held. The system's own for temporary files will do where it has its sticky bit,
/// which that of some containers has not.
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

/// Whatever the umask is, nobody else can write to it.
fn folder_in(place: &Path) -> Option<TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(place).ok()
}
