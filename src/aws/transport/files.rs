//! Files in the directories that the host lends.

use super::Wasi;
use crate::platform::Files;
use std::fs::File;
use std::io::{self, Read};

impl Files for Wasi {
    fn read(&self, path: &str, longest: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        let read = file
            .take(longest.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if u64::try_from(read).is_ok_and(|read| read <= longest) {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        }
    }
}
