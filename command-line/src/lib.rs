//! The command line of the contract: arguments become requests, requests become calls on anything
//! that can [answer](calls) them, answers become text.
//!
//! In the order of use: [`arguments`] (what can be asked), `requests` (arguments, files and standard
//! input become plain data, checked as a whole before the first call), [`calls`] (who answers),
//! `perform` (one request, its calls, its output), `print` (the looks of answers), [`output`] (plain text and JSON), [`status`] (the exit status).
//!
//! Nothing in here knows what runs the component, so that it serves a host of the contract and a
//! component that is composed with one.
// It runs in a component as well, where a panic is the end of the instance.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

pub mod arguments;
pub mod calls;
mod json_lines;
pub mod model;
pub mod output;
mod perform;
mod print;
pub mod progress;
mod requests;
pub mod status;

pub use self::{
    model::Failure,
    perform::{Outcome, Stop},
    requests::{BindingRequest, StateRequest},
};

#[cfg(test)]
mod tests;
