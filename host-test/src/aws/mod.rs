//! What of AWS the component meets on its way to credentials, on loopback: each server speaks the real
//! wire, and what one of them gives out, the others know.
//!
//! An `account` has keys and a `clock`. The `gate` stands before a DynamoDB and lets requests pass whose
//! `signature` is made with them.

mod account;
mod clock;
mod gate;
mod signature;

pub use self::account::{Account, CANARY, Key};
pub use self::clock::Clock;
pub use self::gate::Gate;
