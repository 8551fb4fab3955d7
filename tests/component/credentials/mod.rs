//! Tests of the component's sources of credentials.
//!
//! Each source is a separate server that speaks AWS's protocol. The table is behind a gate that
//! recomputes every signature, so a successful call was signed with credentials of that source.
//!
//! `scene` has the table, its gate, the instance and the sources. `sources` tests the rules that
//! all sources share. The other modules test one source each, and `refresh` tests the renewal of
//! credentials.

mod container;
mod instance_metadata;
mod profiles;
mod refresh;
mod scene;
mod sources;
mod sts;
