//! The calls that a host implements: a state store or a binding that is ready for calls.

use super::model::{
    Consistency, DeleteRequest, Failure, Features, Item, Operation, Response, SetRequest,
};
use std::future::Future;

/// One result for each request of a bulk call, by position. An outer error applies to all of
/// them.
pub type Bulk<T> = Result<Vec<Result<T, Failure>>, Failure>;

/// The calls on a state store.
pub trait StateCalls {
    /// Returns the features of the store.
    fn features(&mut self) -> impl Future<Output = Result<Features, Failure>>;
    /// Checks that the store can be used now.
    fn ping(&mut self) -> impl Future<Output = Result<(), Failure>>;
    /// Reads an item. Returns `None` if it is absent.
    fn get(
        &mut self,
        key: &str,
        consistency: Option<Consistency>,
    ) -> impl Future<Output = Result<Option<Item>, Failure>>;
    /// Writes an item. Returns its new ETag.
    fn set(&mut self, request: &SetRequest) -> impl Future<Output = Result<String, Failure>>;
    /// Deletes an item.
    fn delete(&mut self, request: &DeleteRequest) -> impl Future<Output = Result<(), Failure>>;
    /// Reads many items.
    fn bulk_get(
        &mut self,
        keys: &[String],
        consistency: Option<Consistency>,
    ) -> impl Future<Output = Bulk<Option<Item>>>;
    /// Writes many items.
    fn bulk_set(&mut self, requests: &[SetRequest]) -> impl Future<Output = Bulk<String>>;
    /// Deletes many items.
    fn bulk_delete(&mut self, requests: &[DeleteRequest]) -> impl Future<Output = Bulk<()>>;
    /// Applies all operations or none. Returns the new ETags, and `None` for a delete.
    fn transact(
        &mut self,
        operations: &[Operation],
    ) -> impl Future<Output = Result<Vec<Option<String>>, Failure>>;
}

/// The calls on an output binding.
pub trait BindingCalls {
    /// Returns the names of the operations.
    fn operations(&mut self) -> impl Future<Output = Result<Vec<String>, Failure>>;
    /// Checks that the binding can be used now.
    fn ping(&mut self) -> impl Future<Output = Result<(), Failure>>;
    /// Performs an operation.
    fn invoke(
        &mut self,
        operation: &str,
        data: &[u8],
        parameters: &[(String, String)],
    ) -> impl Future<Output = Result<Response, Failure>>;
}
