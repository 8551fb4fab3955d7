//! The memory limit of an instance. It applies to its linear memories together, and to its tables together.

use wasmtime::ResourceLimiter;

/// The linear memories and the tables of one instance, counted as they grow.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: Option<usize>,
    size: usize,
    table_elements: usize,
    refused: bool,
}

impl Memory {
    /// `limit` is in bytes. With `None`, only the component's address space limits each memory.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            size: 0,
            table_elements: 0,
            refused: false,
        }
    }

    /// Returns the size of all linear memories together, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Returns the limit if it was the reason why a growth was refused.
    pub(crate) fn refused_beyond(&self) -> Option<usize> {
        self.limit.filter(|_| self.refused)
    }

    /// Forgets that a growth was refused. If the component went on without the memory, a later trap has another reason.
    pub(crate) fn forget_refusal(&mut self) {
        self.refused = false;
    }

    fn admit(&mut self, bytes: usize) -> bool {
        let admitted = self.limit.is_none_or(|limit| bytes <= limit);
        self.refused |= !admitted;
        admitted
    }
}

// A growth that is admitted here but then fails, because the operating system has no memory left, stays counted. A trap
// probably follows.
impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The memory's own declared maximum refuses this, not our limit.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let size = self.size.saturating_add(desired).saturating_sub(current);
        let admitted = self.admit(size);
        if admitted {
            self.size = size;
        }
        Ok(admitted)
    }

    // Each element of a table is a pointer in host memory, which the size of linear memories does not include.
    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let elements = self.table_elements.saturating_add(desired);
        let elements = elements.saturating_sub(current);
        let admitted = self.admit(elements.saturating_mul(size_of::<usize>()));
        if admitted {
            self.table_elements = elements;
        }
        Ok(admitted)
    }
}
