//! Nobody but this user and the administrator may decide what is run: not by writing to it, and not by putting something
//! else in its place, which whoever can write to a folder above it can do.

use std::io;
use std::path::Path;

/// Where a file or folder stands to what is run.
#[derive(Clone, Copy)]
enum Relation {
    Same,
    Above,
}

/// Fails where others can write to this file or folder.
pub(super) fn refuse_if_others_can_write(path: &Path) -> io::Result<()> {
    refuse(path, Relation::Same)
}

/// Fails where others can write to this folder or put another in its place. Its path must be absolute and without links.
///
/// That is the rule of sshd's `StrictModes` (<https://man.openbsd.org/sshd_config#StrictModes>), but for folders such as
/// `/tmp`.
pub(super) fn refuse_if_others_can_replace(folder: &Path) -> io::Result<()> {
    refuse(folder, Relation::Same)?;
    let mut above = folder.ancestors().skip(1);
    above.try_for_each(|above| refuse(above, Relation::Above))
}

#[cfg(unix)]
fn refuse(path: &Path, relation: Relation) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)?;
    let user = rustix::process::geteuid().as_raw();
    let denied = |fault| io::Error::new(io::ErrorKind::PermissionDenied, fault);
    let fault = fault(path, metadata.uid(), metadata.mode(), user, relation);
    fault.map_or(Ok(()), |fault| Err(denied(fault)))
}

/// Why `user` does not trust it, and what to do about that.
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

/// Whether others than the owner can change what lies there, or what is run of it. With the sticky bit a folder lets them
/// add files of their own, and rename or delete no other's.
#[cfg(unix)]
fn others_may_change(mode: u32, relation: Relation) -> bool {
    let writable = mode & 0o022 != 0;
    let sticky = mode & 0o1000 != 0;
    match relation {
        Relation::Same => writable,
        Relation::Above => writable && !sticky,
    }
}

/// Elsewhere, a user's own folder is closed to other users by the system's defaults.
#[cfg(not(unix))]
fn refuse(_path: &Path, _relation: Relation) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_this_user_or_to_root_is_trusted_and_nothing_else() {
        let fault = |owner| fault(Path::new("/home"), owner, 0o755, 1000, Relation::Above);
        assert_eq!([fault(0), fault(1000)], [None, None]);
        let other = fault(1001).unwrap();
        assert!(other.starts_with("/home belongs to user 1001;"), "{other}");
    }

    #[test]
    fn a_sticky_folder_is_trusted_above_the_code_and_not_with_it() {
        assert!(!others_may_change(0o1777, Relation::Above));
        assert!(others_may_change(0o1777, Relation::Same));
        for relation in [Relation::Same, Relation::Above] {
            assert!(others_may_change(0o770, relation));
            assert!(others_may_change(0o702, relation));
            assert!(!others_may_change(0o755, relation));
        }
    }
}
