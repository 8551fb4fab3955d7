//! The timeouts that a host is told: those that no deadline of ours can stand in
//! for, and none that might come before it.

use crate::aws::message::{Timeouts, TransportError};
use std::time::Duration;
use wasip2::http::types::RequestOptions;

/// What no host is taken to wait less than for an answer, where it is told no
/// timeouts: `dapr-wasm-host` waits 60 s, wasmtime and Node's shim 600 s.
const HOSTS_OWN_TIMEOUT: Duration = Duration::from_secs(30);

/// By how much a timeout of the host stays behind the deadline that it must not
/// come before.
const AFTER_THE_DEADLINE: Duration = Duration::from_secs(1);

/// The connect timeout, which no deadline of ours can stand in for: whether there
/// is a connection yet, only the host knows; and what it means when it is over.
/// The other timeouts are left to the deadline, unless a host's own might come
/// before it.
pub(super) fn options(timeouts: Timeouts) -> (RequestOptions, TransportError) {
    let options = RequestOptions::new();
    // Node's shim, the one that has a connect timeout before it is given any, takes it
    // for how long the socket may be silent, while the answer is awaited as well
    // (preview2-shim 0.26, worker-http: `timeout` of `http.request`). There it only
    // closes what the deadline gave up, and what was sent may have been applied.
    let (connect, no_connection) = match options.connect_timeout() {
        None => (timeouts.connect, TransportError::ConnectTimeout),
        Some(_) => (
            timeouts.total.saturating_add(AFTER_THE_DEADLINE),
            TransportError::Timeout,
        ),
    };
    // A host may not know a timeout.
    let _ = options.set_connect_timeout(Some(nanos(connect)));
    if timeouts.total > HOSTS_OWN_TIMEOUT {
        let _ = options.set_first_byte_timeout(Some(nanos(timeouts.total)));
        let _ = options.set_between_bytes_timeout(Some(nanos(timeouts.total)));
    }
    (options, no_connection)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
