//! Servers for tests and for other programs. [`faults`] is a proxy that injects faults of networks
//! and of DynamoDB into requests. [`aws`] has stand-ins for all services that issue AWS
//! credentials.

pub mod aws;
pub mod connection_per_request;
pub mod faults;
pub mod program;
pub mod ran;
pub mod secrets;
pub mod wasi_command;
