//! The contract of `wit/` as test cases for any component. A case assumes only what the WIT
//! promises, and nothing about one particular store.
//!
//! The modules and types, in the order of use:
//! - [`Subject`]: the component, and the configuration of its instances
//! - [`case`]: the type of a case and of its requirements
//! - [`cases`]: all cases, one module per behaviour
//! - `scene`: the instances and keys of one case
//! - `caller`: the calls of a case
//! - `expectation`: the checks of results
//! - [`requests`]: requests and their conditions
//! - [`run`]: runs the cases and returns their outcomes

mod caller;
pub mod case;
pub mod cases;
mod expectation;
mod outcome;
pub mod program;
pub mod requests;
mod run;
mod scene;
mod subject;

pub use self::{
    outcome::{Outcome, Ran, Tally},
    requests::ODD_TEXTS,
    run::run,
    subject::{Invocation, Subject, TIME_LIMIT},
};
