//! The parts of AWS that the component meets on its way to credentials, on loopback: each server speaks the real
//! wire, and what one of them gives out, the others know.
//!
//! An `account` has keys and a clock. The `signature_proxy` stands before a DynamoDB and lets requests pass whose
//! `signature` is made with them. A `stand_in` is one of the services that give credentials out (`issue`): `sts`, `container`,
//! `instance_metadata`; `sources` is all of them and the rest.

mod account;
pub mod container;
pub mod instance_metadata;
mod issue;
mod signature;
mod signature_proxy;
pub mod sources;
mod stand_in;
pub mod sts;

pub use self::account::{Account, CANARY, Clock, Key};
pub use self::container::Container;
pub use self::instance_metadata::InstanceMetadata;
pub use self::signature_proxy::SignatureProxy;
pub use self::sources::{Source, Sources};
pub use self::stand_in::{Service, StandIn};
pub use self::sts::Sts;

#[cfg(test)]
mod tests;
