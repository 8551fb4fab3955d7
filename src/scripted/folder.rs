//! Files as a test wants them.

use crate::platform::Files;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};

/// Files by their paths; without one, a path is not there.
#[derive(Debug, Default)]
pub(crate) struct Folder(RefCell<BTreeMap<String, std::result::Result<Vec<u8>, ErrorKind>>>);

impl Folder {
    /// Writes a file, over one that may be there.
    pub(crate) fn write(&self, path: &str, content: impl Into<Vec<u8>>) {
        let content = Ok(content.into());
        self.0.borrow_mut().insert(path.to_owned(), content);
    }

    /// Reading it fails from now on.
    pub(crate) fn break_with(&self, path: &str, error: ErrorKind) {
        self.0.borrow_mut().insert(path.to_owned(), Err(error));
    }
}

impl Files for Folder {
    fn read(&self, path: &str, longest: u64) -> Result<Vec<u8>> {
        let files = self.0.borrow();
        let content = files
            .get(path)
            .cloned()
            .unwrap_or(Err(ErrorKind::NotFound))?;
        if content.len() as u64 > longest {
            return Err(Error::from(ErrorKind::FileTooLarge));
        }
        Ok(content)
    }
}
