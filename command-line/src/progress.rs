//! Reports the progress of long work to a display.

/// Receives the progress of bulk work. An implementation may ignore it.
pub trait Progress {
    /// Called at the start with the number of requests.
    fn begin(&self, total: u64);
    /// Called when this many more requests are done.
    fn advance(&self, done: u64);
    /// Called when all requests are done or the work was abandoned.
    fn end(&self);
}

/// A receiver that ignores the progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _total: u64) {}
    fn advance(&self, _done: u64) {}
    fn end(&self) {}
}
