//! The sources among themselves and in time. What each of them says on the wire,
//! `tests/component/` shows of the built component.

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
