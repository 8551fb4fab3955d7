//! Stand-ins on loopback for the AWS services that the component uses to get credentials. Each
//! server speaks the real protocol, and each accepts the credentials that another one issued.
//!
//! An `account` has keys and a clock. The `signature_proxy` runs in front of a DynamoDB and passes
//! only requests with a valid `signature`. A `stand_in` is one of the services that issue
//! credentials (`issue`): `sts`, `container`, `instance_metadata`. `sources` starts all of them and
//! adds the other sources.

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
