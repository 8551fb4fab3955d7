//! Work that takes a while tells how far it is, to whoever wants to show it.

/// Hears how far bulk work is. All of it may be ignored.
pub trait Progress {
    /// So many requests are to be done.
    fn begin(&self, total: u64);
    /// So many more are done.
    fn advance(&self, done: u64);
    /// All are done, or the work was given up.
    fn end(&self);
}

/// Ignores all of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _total: u64) {}
    fn advance(&self, _done: u64) {}
    fn end(&self) {}
}
