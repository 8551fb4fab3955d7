//! Bulk calls: the fewest requests, a bounded number of them at a time, and a
//! result for each key or request at its own position.

mod batch_write;
mod batches;
mod plan;
mod progress;
mod read;
mod unprocessed;
mod write;

/// Requests of one bulk call that are under way at once. A host's connections
/// to one address and its memory are shared by many instances.
const PARALLEL_REQUESTS: usize = 8;
