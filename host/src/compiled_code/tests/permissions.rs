//! Others may read what is kept, and not write it.

use super::{CodeFolder, Kept};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_folder_is_written_by_this_user_alone_and_read_by_everybody() {
    let kept = Kept::new();
    // What everything has that nobody asked a mode for: all bits but those of the umask.
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
fn code_in_a_folder_that_may_only_be_read_is_loaded() {
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
fn a_link_to_a_folder_that_others_could_replace_is_refused() {
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
