//! The memory limit of an instance: its linear memories together are no larger, nor are its tables together.

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
    /// `limit` is in bytes; none is what the address space of the component has.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            size: 0,
            table_elements: 0,
            refused: false,
        }
    }

    /// All linear memories together, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The limit, where the component was refused memory beyond it.
    pub(crate) fn refused_beyond(&self) -> Option<usize> {
        self.limit.filter(|_| self.refused)
    }

    /// A component that was refused memory and went on did well: a later trap has another reason.
    pub(crate) fn forget_refusal(&mut self) {
        self.refused = false;
    }

    fn admit(&mut self, bytes: usize) -> bool {
        let admitted = self.limit.is_none_or(|limit| bytes <= limit);
        self.refused |= !admitted;
        admitted
    }
}

// A growth that is admitted here and then fails, since the operating system has no memory left, stays counted: what
// comes after it is a trap in all likelihood.
impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Beyond the maximum that the memory itself declares: its own limit, not ours.
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

    // The elements of a table are host memory, a pointer each, that no linear memory counts.
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
