//! The command line of the contract. Arguments become requests, requests become calls on any host
//! that [implements](calls) them, and results become text.
//!
//! The modules, in the order of use:
//! - [`arguments`]: the commands and flags
//! - `requests`: arguments, files and standard input as plain data, checked completely before the
//!   first call
//! - [`calls`]: the traits that a host implements
//! - `perform`: one request, its calls and its output
//! - `print`: the format of results
//! - [`output`]: plain text and JSON
//! - [`status`]: the exit status
//!
//! This crate does not know what runs the component. So it works in a native host and in a program
//! component that is composed with the called component.
// It also runs in a component, where a panic ends the instance.
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
