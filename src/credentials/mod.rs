//! Who signs: the first source that applies. `metadata` and `environment` give
//! keys as they are; `shared_files`, `web_identity`, `container` and
//! `instance_metadata` are asked in this order, the SDK's, when credentials are
//! first needed (`chain`), and again before they expire (`signers`). Over any of
//! them a role can be assumed (`assume_role`). A source is asked as a whole: a key
//! of one is never paired with a secret of another.

mod assume_role;
mod chain;
mod container;
mod document;
mod environment;
mod failure;
mod files;
mod http;
mod instance_metadata;
mod keys;
mod metadata;
mod refresh;
mod role;
mod settings;
mod shared_files;
mod signers;
mod sts;
#[cfg(test)]
mod tests;
mod web_identity;
pub use settings::{Settings, Signing, region_of_the_profile};
pub use signers::{Given, Signers};
