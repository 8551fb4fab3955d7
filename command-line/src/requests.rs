//! Turns arguments, files and standard input into plain data. Everything is read and checked here,
//! before any component is started.

use super::arguments::{BindingCommand, InvokeArguments, SetArguments, StateCommand, Step};
use super::json_lines::{self, KeyLine, Line, OperationLine};
use super::model::{Consistency, DeleteRequest, Failure, Operation, SetRequest};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file name that means standard input.
const STANDARD_INPUT: &str = "-";

/// A complete call on a state store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateRequest {
    /// Read an item.
    Get(String, Option<Consistency>),
    /// Write an item.
    Set(SetRequest),
    /// Delete an item.
    Delete(DeleteRequest),
    /// Read many items.
    BulkGet(Vec<String>, Option<Consistency>),
    /// Write many items.
    BulkSet(Vec<SetRequest>),
    /// Delete many items.
    BulkDelete(Vec<DeleteRequest>),
    /// Apply all operations or none.
    Transact(Vec<Operation>),
    /// Ask for the features of the store.
    Features,
    /// Check that the store can be used.
    Ping,
}

/// A complete call on a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingRequest {
    /// Perform an operation.
    Invoke {
        /// Its name.
        operation: String,
        /// Its payload.
        data: Vec<u8>,
        /// Its parameters.
        parameters: Vec<(String, String)>,
    },
    /// Ask for the names of the operations.
    Operations,
    /// Check that the binding can be used.
    Ping,
}

impl StateRequest {
    /// Completes a command with the contents of its files and of standard input.
    pub fn read(command: StateCommand, stdin: &mut dyn Read) -> Result<Self, Failure> {
        Ok(match command {
            StateCommand::Get(get) => Self::Get(get.key, get.consistency),
            StateCommand::Set(set) => Self::Set(set_request(set, stdin)?),
            StateCommand::Delete(delete) => Self::Delete(DeleteRequest {
                key: delete.key,
                etag: delete.etag,
            }),
            StateCommand::BulkGet(get) => {
                let keys = match lines::<KeyLine>(get.jsonl, stdin)? {
                    Some(lines) => lines.into_iter().map(|line| line.key).collect(),
                    None => get.keys,
                };
                Self::BulkGet(keys, get.consistency)
            }
            StateCommand::BulkSet(set) => Self::BulkSet(match lines(set.jsonl, stdin)? {
                Some(requests) => requests,
                None => set.items.into_iter().map(plain_set).collect(),
            }),
            StateCommand::BulkDelete(delete) => {
                Self::BulkDelete(match lines::<KeyLine>(delete.jsonl, stdin)? {
                    Some(lines) => lines.into_iter().map(DeleteRequest::from).collect(),
                    None => delete.keys.into_iter().map(plain_delete).collect(),
                })
            }
            StateCommand::Transact(transact) => {
                Self::Transact(match lines::<OperationLine>(transact.jsonl, stdin)? {
                    Some(lines) => lines.into_iter().map(|line| line.0).collect(),
                    None => transact.operations.into_iter().map(operation).collect(),
                })
            }
            StateCommand::Features => Self::Features,
            StateCommand::Ping => Self::Ping,
        })
    }
}

impl BindingRequest {
    /// Completes a command with the contents of its files and of standard input.
    pub fn read(command: BindingCommand, stdin: &mut dyn Read) -> Result<Self, Failure> {
        Ok(match command {
            BindingCommand::Invoke(invoke) => {
                let InvokeArguments {
                    operation,
                    payload,
                    payload_file,
                    parameters,
                } = invoke;
                Self::Invoke {
                    operation,
                    data: bytes(payload, payload_file, stdin)?,
                    parameters,
                }
            }
            BindingCommand::Operations => Self::Operations,
            BindingCommand::Ping => Self::Ping,
        })
    }
}

fn set_request(set: SetArguments, stdin: &mut dyn Read) -> Result<SetRequest, Failure> {
    Ok(SetRequest {
        key: set.key,
        value: bytes(set.value, set.value_file, stdin)?,
        etag: set.etag,
        first_write: set.first_write,
        ttl: set.ttl,
        content_type: set.content_type,
    })
}

fn plain_set((key, value): (String, String)) -> SetRequest {
    SetRequest {
        key,
        value: value.into_bytes(),
        ..SetRequest::default()
    }
}

fn plain_delete(key: String) -> DeleteRequest {
    DeleteRequest {
        key,
        ..DeleteRequest::default()
    }
}

fn operation(step: Step) -> Operation {
    match step {
        Step::Set(key, value) => Operation::Set(plain_set((key, value))),
        Step::Delete(key) => Operation::Delete(plain_delete(key)),
    }
}

fn bytes(
    argument: Option<String>,
    file: Option<PathBuf>,
    stdin: &mut dyn Read,
) -> Result<Vec<u8>, Failure> {
    match (argument, file) {
        (Some(argument), _) if argument == STANDARD_INPUT => contents(STANDARD_INPUT, stdin),
        (Some(argument), _) => Ok(argument.into_bytes()),
        (None, Some(file)) => contents(&file, stdin),
        (None, None) => Ok(Vec::new()),
    }
}

fn lines<L: Line>(file: Option<PathBuf>, stdin: &mut dyn Read) -> Result<Option<Vec<L>>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let text = contents(&file, stdin)?;
    let name = match file.to_str() {
        Some(STANDARD_INPUT) => "standard input".to_owned(),
        _ => file.display().to_string(),
    };
    json_lines::read(&name, &text).map(Some)
}

fn contents(file: impl AsRef<Path>, stdin: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let file = file.as_ref();
    if file.as_os_str() == STANDARD_INPUT {
        let mut contents = Vec::new();
        return match stdin.read_to_end(&mut contents) {
            Ok(_) => Ok(contents),
            Err(error) => Err(Failure::here(format!("standard input: {error}"))),
        };
    }
    fs::read(file).map_err(|error| Failure::here(format!("{}: {error}", file.display())))
}
