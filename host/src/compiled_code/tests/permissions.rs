//! Tests of permissions: others may read cached code, but not write it.

use super::{CodeFolder, Kept};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn others_can_read_the_cache_but_not_write_it() {
    let kept = Kept::new();
    // Made without an explicit mode, so they have all bits but those of the umask.
    let [folder, file] = ["folder", "file"].map(|name| kept.parent.path().join(name));
    fs::create_dir(&folder).unwrap();
    File::create(&file).unwrap();

    let parent = kept.parent.path().join("on").join("the way");
    let code = CodeFolder::inside(&parent).unwrap();
    for made in [parent.parent().unwrap(), &parent, &code.path] {
        assert_eq!(mode(made), mode(&folder) & 0o755);
    }
    let path = code.keep("source", b"code").unwrap();
    assert_eq!(mode(&path), mode(&file) & 0o644);

    for others_may_write in [0o720, 0o702] {
        set_mode(&code.path, others_may_write);
        let refused = CodeFolder::inside(&parent).err().unwrap();
        let refused = refused.to_string();
        assert!(refused.contains("others can write"), "{refused}");
    }
}

#[test]
fn code_in_a_read_only_folder_is_loaded() {
    let kept = Kept::new();
    kept.code();
    let path = kept.find().unwrap();
    let folders = [kept.parent.path(), path.parent().unwrap()];
    folders.iter().for_each(|folder| set_mode(folder, 0o555));
    let (code, _) = kept.load();
    folders.iter().for_each(|folder| set_mode(folder, 0o755));
    assert_eq!(code.kept, Some(path));
}

#[test]
fn link_to_a_replaceable_folder_is_refused() {
    let kept = Kept::new();
    let open = kept.parent.path().join("open");
    fs::create_dir_all(open.join("ours")).unwrap();
    set_mode(&open.join("ours"), 0o755);
    set_mode(&open, 0o777);
    let link = kept.parent.path().join("link");
    std::os::unix::fs::symlink(open.join("ours"), &link).unwrap();
    let refused = CodeFolder::inside(&link).err().unwrap();
    assert!(refused.to_string().contains("/open; forbid"), "{refused}");
}

/// Puts something else in the place of cached code. It must not be used, and must be replaced by a file of this user.
fn is_not_used_and_replaced(put: impl FnOnce(&Path, &Path)) {
    let kept = Kept::new();
    kept.code();
    let path = kept.find().unwrap();
    let elsewhere = kept.parent.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    put(&elsewhere, &path);

    assert_eq!(kept.find(), None);
    let (code, _) = kept.load();
    assert_eq!(code.kept, Some(path.clone()));
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(kept.find(), Some(path));
}

#[test]
fn symbolic_link_to_valid_code_is_not_followed() {
    is_not_used_and_replaced(|code, path| std::os::unix::fs::symlink(code, path).unwrap());
}

#[test]
fn dangling_symbolic_link_is_replaced() {
    is_not_used_and_replaced(|code, path| {
        std::os::unix::fs::symlink(code, path).unwrap();
        fs::remove_file(code).unwrap();
    });
}

#[test]
fn hard_link_to_valid_code_is_not_used() {
    is_not_used_and_replaced(|code, path| fs::hard_link(code, path).unwrap());
}

#[test]
fn named_pipe_is_not_waited_for() {
    is_not_used_and_replaced(|_code, path| {
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    });
}

#[test]
fn file_that_others_can_write_to_is_not_used() {
    is_not_used_and_replaced(|code, path| {
        fs::rename(code, path).unwrap();
        set_mode(path, 0o666);
    });
}
