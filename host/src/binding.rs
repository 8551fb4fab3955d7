//! The calls of an output binding, one to one with `wit/binding.wit`, which says what each of them promises.

use crate::contract::binding::Guest;
use crate::error::CallError;
use crate::instance::Calls;
use crate::time_limit::TimeLimit;
use crate::types::{self, Metadata, Response};
use std::time::Duration;

/// An instance as an output binding.
pub struct Binding<'a> {
    pub(crate) guest: &'a Guest,
    pub(crate) time_limit: TimeLimit,
    pub(crate) calls: &'a mut Calls,
}

impl Binding<'_> {
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

    /// Configures the binding and proves that it can be used. Names and values are those of Dapr's `spec.metadata`.
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

    /// The names that [`Binding::invoke`] takes, each once.
    pub async fn operations(&mut self) -> Result<Vec<String>, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit.hold(self.guest.call_operations(store)).await;
        self.calls.end(outcome)
    }

    /// Proves that the outside system can be reached and used now.
    pub async fn ping(&mut self) -> Result<(), CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit.hold(self.guest.call_ping(store)).await;
        self.calls.end_fallible(outcome)
    }

    /// Performs one operation. `None` and no metadata mean the same.
    pub async fn invoke(
        &mut self,
        operation: &str,
        data: &[u8],
        metadata: Option<&Metadata>,
    ) -> Result<Response, CallError> {
        let (store, limit) = self.calls.begin(self.time_limit)?;
        let outcome = limit
            .hold(self.guest.call_invoke(store, operation, data, metadata))
            .await;
        self.calls.end_fallible(outcome)
    }
}
