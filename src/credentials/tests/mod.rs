//! Tests of the order of the sources, and of refresh over time. `tests/component/` tests the
//! requests of each source with the built component.

mod addresses;
mod expiry;
mod nothing;
mod profile_files;
mod profiles;
mod refusals;
mod renewal;
mod stage;
mod sts;
mod sts_answers;
