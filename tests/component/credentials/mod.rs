//! Where the component has its credentials from: each source is a server of its own that speaks AWS's wire, and the table is
//! behind a gate that recomputes each signature, so that a call that succeeds was signed with what that source gave out.
//!
//! `scene` is the table, its gate and the instance, `lenders` are the sources. `every_source` holds what is true of all and of
//! their order; then come the sources one by one, and what is done with credentials once they are there.

mod allow_list;
mod assume_role;
mod container;
mod container_refused;
mod every_source;
mod instance_metadata;
mod instance_metadata_refused;
mod keys;
mod lenders;
mod no_source;
mod profiles;
mod profiles_refused;
mod refresh;
mod refresh_failed;
mod scene;
mod sts_refusals;
mod web_identity;
