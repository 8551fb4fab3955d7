//! What to say of a file that cannot be read. A component sees the directories
//! alone that its host lends it.

use std::io::{Error, ErrorKind};

/// What follows the file's name.
pub(super) fn unreadable(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => {
            "is not there, or in no directory that the host lends (`--dir` of wasmtime)".to_owned()
        }
        ErrorKind::PermissionDenied => "the host does not let it read".to_owned(),
        ErrorKind::FileTooLarge => "is too large to be what it is said to be".to_owned(),
        _ => format!("cannot be read ({error})"),
    }
}
