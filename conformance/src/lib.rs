//! The contract of `wit/` as cases that any component can be held against: what a case assumes, the WIT promises, and
//! nothing of what it does is about one store.
//!
//! In the order of use: [`Subject`] (the component, and how an instance of it is configured), [`case`] (what a case is
//! and what it needs), [`cases`] (all of them, a module per behaviour), `scene` (what one case stands on: instances,
//! and keys of its own), `caller` (the calls of a case), `expectation` (what is held against their answers),
//! [`requests`] (and their conditions), [`run`] (one case after the other, and what came of it).

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
