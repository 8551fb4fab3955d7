//! Random concurrent calls on the component, with faults on the way, and a proof for each run that its
//! answers are those of a store that does one thing at a time.
//!
//! In the order of use: [`run`] plays and checks one seed after the other. A history is played in `steps`, so that its seed
//! replays it exactly: `generator` makes the calls, `clients` are instances of the component, whose requests all wait at the
//! `gate` for what the `fault_mix` has for them, and are done by the `store`, which may be broken; `answers` become replies.
//! The result is a [`history`]; [`check`] looks for an order of its operations on the [`model`] by a `search`; where
//! there is none, it is a [`Violation`], which a `timeline` shows.

mod answers;
pub mod check;
mod clients;
mod fault_mix;
mod gate;
mod generator;
pub mod history;
pub mod model;
mod run;
mod search;
mod steps;
mod store;
mod timeline;
mod violation;

pub use self::{
    run::{Plan, Played, Player, Report, Size, Stopped, Tally, run},
    store::Fault,
    violation::Violation,
};
