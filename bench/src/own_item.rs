//! An item that one caller alone writes, so that the caller knows its ETag.

use super::{
    cases::{Case, Task, Values},
    store::{FIRST_ETAG, Store},
};
use host_test::command_line::Failure;

pub(super) struct OwnItem {
    pub(super) key: String,
    etag: String,
}

impl OwnItem {
    /// Writes it.
    pub(super) async fn new(store: &Store, key: String) -> Result<Self, Failure> {
        store.put(&key).await?;
        let etag = FIRST_ETAG.to_owned();
        Ok(Self { key, etag })
    }

    /// Call number `turn` of a case; where that is about one item that is there, about this one.
    pub(super) fn task<'a>(&'a self, values: &'a Values, case: Case, turn: usize) -> Task<'a> {
        values.task(case, turn, (&self.key, &self.etag))
    }

    /// The call has left this ETag, if any.
    pub(super) fn left(&mut self, etag: Option<String>) {
        if let Some(etag) = etag {
            self.etag = etag;
        }
    }
}
