//! Checks of the permissions of cached code. Only this user and root may decide which code is run. Nobody else may write to
//! it or replace it. A user who can write to a folder above it can replace it.
//!
//! Only Unix permissions are checked. On other platforms every folder is refused.

use std::fs::File;
use std::io;
use std::path::Path;

/// The position of a file or folder: the cached code and its folder, or a folder above them.
#[derive(Clone, Copy)]
enum Relation {
    Same,
    Above,
}

/// Opens a file for reading. Fails if others can write to it, or if it is not a regular file with one hard link.
///
/// A symbolic link can lead to a folder in which others can replace the file. This crate makes no hard links: a file with a
/// second one was made for another purpose, and may be written under its other name.
#[cfg(unix)]
pub(super) fn open_if_only_owner_can_write(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    // Checked before the file is opened, since opening a pipe may block, and opening a device may have an effect.
    refuse_other_types(&std::fs::symlink_metadata(path)?)?;
    let mut options = File::options();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.read(true).custom_flags(flags.bits().cast_signed());
    let file = options.open(path)?;
    // Checked again, for the file that was opened.
    let metadata = file.metadata()?;
    refuse_other_types(&metadata)?;
    if metadata.nlink() > 1 {
        return Err(denied(
            "it has a second hard link; copy the file instead of linking it",
        ));
    }
    refuse_by_permissions(path, &metadata, Relation::Same)?;
    Ok(file)
}

#[cfg(unix)]
fn refuse_other_types(metadata: &std::fs::Metadata) -> io::Result<()> {
    let file_type = metadata.file_type();
    if file_type.is_file() {
        Ok(())
    } else if file_type.is_symlink() {
        Err(denied("it is a symbolic link; put the file itself there"))
    } else {
        Err(denied("it is not a regular file; delete it"))
    }
}

/// Fails if others can write to this folder or replace it. Its path must be absolute and without links.
///
/// This is the rule of sshd's `StrictModes` (<https://man.openbsd.org/sshd_config#StrictModes>), with an exception for
/// folders above it that have the sticky bit, such as `/tmp`.
pub(super) fn refuse_if_others_can_replace(folder: &Path) -> io::Result<()> {
    refuse(folder, Relation::Same)?;
    let mut above = folder.ancestors().skip(1);
    above.try_for_each(|above| refuse(above, Relation::Above))
}

#[cfg(unix)]
fn refuse(path: &Path, relation: Relation) -> io::Result<()> {
    refuse_by_permissions(path, &std::fs::metadata(path)?, relation)
}

#[cfg(unix)]
fn refuse_by_permissions(
    path: &Path,
    metadata: &std::fs::Metadata,
    relation: Relation,
) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let fault = fault(path, metadata.uid(), metadata.mode(), user, relation);
    fault.map_or(Ok(()), |fault| Err(denied(fault)))
}

fn denied(fault: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, fault.into())
}

/// Returns the reason why `user` cannot trust this path, with the remedy, or `None` if `user` can.
#[cfg(unix)]
fn fault(path: &Path, owner: u32, mode: u32, user: u32, relation: Relation) -> Option<String> {
    let path = path.display();
    if owner != user && owner != 0 {
        return Some(format!(
            "{path} belongs to user {owner}; give it to this user or to root with `chown`"
        ));
    }
    others_may_change(mode, relation)
        .then(|| format!("others can write to {path}; forbid it with `chmod go-w {path}`"))
}

/// Returns true if others than the owner can change the code. In a folder with the sticky bit they can add files, but cannot
/// rename or delete the files of others.
#[cfg(unix)]
fn others_may_change(mode: u32, relation: Relation) -> bool {
    let writable = mode & 0o022 != 0;
    let sticky = mode & 0o1000 != 0;
    match relation {
        Relation::Same => writable,
        Relation::Above => writable && !sticky,
    }
}

#[cfg(not(unix))]
fn refuse(_path: &Path, _relation: Relation) -> io::Result<()> {
    Err(cannot_be_checked())
}

#[cfg(not(unix))]
pub(super) fn open_if_only_owner_can_write(_path: &Path) -> io::Result<File> {
    Err(cannot_be_checked())
}

#[cfg(any(test, not(unix)))]
fn cannot_be_checked() -> io::Error {
    denied(
        "on this platform dapr-wasm-host cannot check who may write there, and cached code is executed; use `PluginBuilder::without_cache`",
    )
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn platform_without_permissions_names_the_remedy() {
        let refused = cannot_be_checked();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(refused.to_string().contains("without_cache"), "{refused}");
    }

    #[test]
    fn only_this_user_and_root_are_trusted_owners() {
        let fault = |owner| fault(Path::new("/home"), owner, 0o755, 1000, Relation::Above);
        assert_eq!([fault(0), fault(1000)], [None, None]);
        let other = fault(1001).unwrap();
        assert!(other.starts_with("/home belongs to user 1001;"), "{other}");
    }

    #[test]
    fn sticky_folder_is_trusted_only_above_the_code() {
        assert!(!others_may_change(0o1777, Relation::Above));
        assert!(others_may_change(0o1777, Relation::Same));
        for relation in [Relation::Same, Relation::Above] {
            assert!(others_may_change(0o770, relation));
            assert!(others_may_change(0o702, relation));
            assert!(!others_may_change(0o755, relation));
        }
    }
}
