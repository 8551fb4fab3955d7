//! A budget for the bytes that the host keeps for an instance, such as whole bodies. There is a permit for each byte.

use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget of an instance without a memory limit, in bytes. DynamoDB sends at most 16 MB of items, which base64 and the
/// escapes of JSON make longer.
const WITHOUT_LIMIT: usize = 128 << 20;

/// The permits of one budget. Clones share them.
#[derive(Clone)]
pub(super) struct ByteBudget {
    free: Arc<Semaphore>,
    pub(super) most: usize,
}

impl ByteBudget {
    /// `memory` is the memory limit of the instance in bytes, if it has one. An instance has no use for more bytes than its
    /// memory can hold.
    pub(super) fn of_instance(memory: Option<usize>) -> Self {
        let most = memory.unwrap_or(WITHOUT_LIMIT).min(WITHOUT_LIMIT);
        Self {
            free: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    /// Waits for permits for so many bytes, at most `most`. Callers are served in order.
    pub(super) async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        // `acquire` fails only if the semaphore is closed. This one never is.
        let taken = Arc::clone(&self.free).acquire_many_owned(permits(bytes));
        taken.await.ok()
    }

    /// Takes permits as [`take`](Self::take) does. Returns `None` if they are not free now.
    pub(super) fn try_take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let taken = Arc::clone(&self.free).try_acquire_many_owned(permits(bytes));
        taken.ok()
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.free.available_permits()
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Returns the bytes together with permits. The permits are released when the last clone or slice of the bytes is dropped.
pub(super) fn with_permits<P: Send + 'static>(bytes: Vec<u8>, permits: P) -> Bytes {
    Bytes::from_owner(Kept {
        // Frees the unused capacity of the `Vec`.
        bytes: bytes.into_boxed_slice(),
        _permits: permits,
    })
}

struct Kept<P> {
    bytes: Box<[u8]>,
    _permits: P,
}

impl<P> AsRef<[u8]> for Kept<P> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
