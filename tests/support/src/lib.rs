//! Servers that tests share, and that other programs may have: [`faults`] is a proxy that does to requests what networks and
//! DynamoDB do on a bad day; [`aws`] stands in for all that gives AWS credentials out.

pub mod aws;
pub mod connection_per_request;
pub mod faults;
pub mod program;
pub mod ran;
pub mod secrets;
pub mod wasi_command;
