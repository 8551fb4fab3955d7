//! The command line of the contract: arguments become requests, requests become calls on anything
//! that can [answer](calls) them, answers become text.
//!
//! In the order of use: [`arguments`] (what can be asked), `requests` (arguments, files and standard
//! input become plain data, checked as a whole before the first call), [`calls`] (who answers),
//! `perform_state` and `perform_binding` (one request, its calls, its output), `tally` (what a bulk
//! write came to), [`output`] (plain text and JSON).
//!
//! Nothing in here knows what runs the component: this folder has no wasmtime in it, so that it can
//! be compiled for other hosts of the contract, and into a component.

pub mod arguments;
pub mod calls;
mod item_json;
mod json_lines;
pub mod model;
pub mod output;
mod perform_binding;
mod perform_state;
mod print_state;
pub mod progress;
mod requests;
mod tally;

pub use self::{
    model::Failure,
    perform_state::{Outcome, Stop},
    requests::{BindingRequest, StateRequest},
};

#[cfg(test)]
mod tests;
