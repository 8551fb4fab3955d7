//! DynamoDB as a test wants it: what each request meets is written beforehand,
//! and every request and every wait is kept. It gives what no real engine gives
//! on demand: throttling, unprocessed items, lost answers.

mod config;
mod folder;
mod platform;
mod script;

pub(crate) use config::{SESSION_TOKEN, config, signing};
pub(crate) use folder::Folder;
pub(crate) use platform::{Scripted, Sent, start};
pub(crate) use script::{
    Scene, Script, answer, html, json, refusal, signature_error, spell, success, success_of, with,
};
