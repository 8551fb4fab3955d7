//! The contract of `wit/` as cases that any component can be held against: what a case assumes, the WIT promises, and
//! nothing of what it does is about one store.
//!
//! In the order of use: [`Subject`] (the component, and how an instance of it is configured), [`case`] (what a case is
//! and what it needs), [`cases`] (all of them, a module per behaviour), `scene` (what one case stands on: instances,
//! and keys of its own), `caller` (the calls of a case), `expectation` (what is held against their answers),
//! [`requests`] (and their conditions), `facts` (what is observed of the component where a case needs it),
//! [`ODD_TEXTS`], [`run`] (one case after the other, and what came of it).

mod caller;
pub mod case;
pub mod cases;
mod expectation;
mod facts;
mod keys;
mod odd_texts;
mod outcome;
pub mod program;
pub mod requests;
mod run;
mod scene;
mod subject;

pub use self::{
    odd_texts::ODD_TEXTS,
    outcome::{Outcome, Ran, Tally},
    run::run,
    subject::{Invocation, Subject, TIME_LIMIT},
};
