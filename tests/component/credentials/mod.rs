//! The component's sources of credentials: each source is a server of its own that speaks AWS's wire, and the table is
//! behind a gate that recomputes each signature, so that a call that succeeds was signed with what that source gave out.
//!
//! `scene` is the table, its gate, the instance and the sources. `sources` holds what is true of all of them; then come the
//! sources one by one, and `refresh`.

mod container;
mod instance_metadata;
mod profiles;
mod refresh;
mod scene;
mod sources;
mod sts;
