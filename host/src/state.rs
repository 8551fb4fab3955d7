//! The calls of a state store, one to one with `wit/state.wit`, which says what each of them promises.

use crate::contract::state::Guest;
use crate::error::CallError;
use crate::instance::Calls;
use crate::time_limit::TimeLimit;
use crate::types::{
    self, DeleteOptions, DeleteRequest, Error, FeatureSet, GetOptions, Item, Operation, SetOptions,
    SetRequest,
};
use std::time::Duration;

/// An instance as a state store.
pub struct State<'a> {
    pub(crate) guest: &'a Guest,
    pub(crate) time_limit: TimeLimit,
    pub(crate) calls: &'a mut Calls,
}

impl State<'_> {
    /// Lets each call that is made through this handle take this much time at most, in place of the instance's own
    /// [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit), whether that is shorter or longer.
    ///
    /// A call past its limit is cancelled: it gives [`CallError::TimeLimit`] with this limit, and the instance is lost.
    /// With [`Duration::ZERO`], the time that is left before a deadline in the past, nothing is asked of the component and
    /// the instance is not lost. [`Duration::MAX`] is no limit.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = TimeLimit::new(Some(limit));
        self
    }

    /// Configures the store and proves that it can be used. Names and values are those of Dapr's `spec.metadata`.
    pub async fn init<N, V>(&mut self, metadata: &[(N, V)]) -> Result<(), CallError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let fields = metadata.iter();
        let metadata = types::metadata(fields.map(|(name, value)| (name.as_ref(), value.as_ref())));
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit.hold(self.guest.call_init(store, &metadata)).await;
        self.calls.end_fallible(outcome)
    }

    /// What the store can do as it is configured now.
    pub async fn features(&mut self) -> Result<FeatureSet, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit.hold(self.guest.call_features(store)).await;
        self.calls.end_fallible(outcome)
    }

    /// Proves, with one cheap read, that the store can be reached and used now.
    pub async fn ping(&mut self) -> Result<(), CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit.hold(self.guest.call_ping(store)).await;
        self.calls.end_fallible(outcome)
    }

    /// Reads one item; `None` where the key is absent or expired.
    pub async fn get(
        &mut self,
        key: &str,
        options: Option<GetOptions>,
    ) -> Result<Option<Item>, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit.hold(self.guest.call_get(store, key, options)).await;
        self.calls.end_fallible(outcome)
    }

    /// Writes one item as a whole and gives its new ETag.
    pub async fn set(
        &mut self,
        key: &str,
        value: &[u8],
        options: Option<SetOptions>,
    ) -> Result<String, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit
            .hold(self.guest.call_set(store, key, value, options.as_ref()))
            .await;
        self.calls.end_fallible(outcome)
    }

    /// Deletes one item; an absent one is no error unless a condition names it.
    pub async fn delete(
        &mut self,
        key: &str,
        options: Option<DeleteOptions>,
    ) -> Result<(), CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit
            .hold(self.guest.call_delete(store, key, options.as_ref()))
            .await;
        self.calls.end_fallible(outcome)
    }

    /// Reads any number of items; result i answers key i. Not atomic.
    pub async fn bulk_get(
        &mut self,
        keys: &[String],
        options: Option<GetOptions>,
    ) -> Result<Vec<Result<Option<Item>, Error>>, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit
            .hold(self.guest.call_bulk_get(store, keys, options))
            .await;
        self.calls.end_fallible(outcome)
    }

    /// Writes any number of items; result i answers request i, with its new ETag. Not atomic.
    pub async fn bulk_set(
        &mut self,
        requests: &[SetRequest],
    ) -> Result<Vec<Result<String, Error>>, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit.hold(self.guest.call_bulk_set(store, requests)).await;
        self.calls.end_fallible(outcome)
    }

    /// Deletes any number of items; result i answers request i. Not atomic.
    pub async fn bulk_delete(
        &mut self,
        requests: &[DeleteRequest],
    ) -> Result<Vec<Result<(), Error>>, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit
            .hold(self.guest.call_bulk_delete(store, requests))
            .await;
        self.calls.end_fallible(outcome)
    }

    /// Applies all operations or none; gives the new ETag of each set and `None` for each delete.
    pub async fn transact(
        &mut self,
        operations: &[Operation],
    ) -> Result<Vec<Option<String>>, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit
            .hold(self.guest.call_transact(store, operations))
            .await;
        self.calls.end_fallible(outcome)
    }

    /// How many operations one [`State::transact`] takes at most; 0 where the store has no transactions.
    pub async fn max_transaction_size(&mut self) -> Result<u32, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit
            .hold(self.guest.call_max_transaction_size(store))
            .await;
        self.calls.end(outcome)
    }
}
