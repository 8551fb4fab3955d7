//! Files that hold credentials, and what to say of one that cannot be read. A
//! component sees the directories alone that its host lends it.

use crate::platform::Files;
use std::io::{Error, ErrorKind};

/// The text of a file; else what follows its name.
pub(super) fn text(files: &dyn Files, path: &str, longest: u64) -> Result<String, String> {
    let bytes = files
        .read(path, longest)
        .map_err(|error| unreadable(&error))?;
    String::from_utf8(bytes).map_err(|_| "is no text".to_owned())
}

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
