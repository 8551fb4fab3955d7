//! Makes random concurrent calls to the component while requests meet faults. Proves for each run that the results are
//! linearizable: a store that does one operation at a time could have given them.
//!
//! [`run`] plays and checks one seed after the other. Each history is played in `steps`, so that its seed replays it exactly:
//!
//! 1. `generator` chooses the calls.
//! 2. `clients` make them. Each client is an instance of the component.
//! 3. All requests wait at the `gate`. The `fault_mix` decides what happens to each.
//! 4. The `store` performs the requests. It may be broken on purpose.
//! 5. `answers` turns the component's results into replies.
//!
//! The result is a [`history`]. [`check`] runs a `search` for an order of its operations that fits the [`model`]. If there is
//! none, the history is a [`Violation`], which is printed as a `timeline`.

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
