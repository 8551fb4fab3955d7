//! Random concurrent calls on the component, with faults on the way, and a proof for each run that its
//! answers are those of a store that does one thing at a time.
//!
//! In the order of use: [`run`] plays and checks one seed after the other. A history is played by
//! `play` in `steps`, so that its seed replays it exactly: `generator` makes the calls, `clients` are
//! instances of the component in a `client_state` each (`client`, `answers`, `versions`), whose requests all
//! wait at the `gate` for what the `fault_mix` has for them, and are done by the `store`, which may be `broken`. What comes
//! of it is a [`history`]; [`check`] looks for an order of its [`operation`]s on the [`model`]
//! (`parts`, `search`, `bitset`); where there is none, `shrink` leaves away what is not to blame and
//! `timeline` prints the rest.

mod answers;
mod bitset;
mod broken;
pub mod check;
mod client;
mod client_state;
mod clients;
mod fault_mix;
mod gate;
mod generator;
pub mod history;
pub mod model;
pub mod operation;
mod parts;
mod play;
pub mod program;
mod run;
mod search;
mod shrink;
mod steps;
mod store;
mod tally;
mod timeline;
mod versions;
mod violation;

pub use self::{
    broken::Fault,
    play::{Played, Size, Stopped},
    run::{Plan, Player, Report, run},
    tally::Tally,
    violation::Violation,
};
