//! One run: reads arguments and input, makes the call and prints the result.

use super::arguments::{Arguments, Command, Settings};
use super::calls::{self, OutputBinding, StateStore};
use super::dapr_wasm::components::{binding, state};
use super::ready;
use clap::Parser;
use dapr_wasm_command_line::output::{Format, Output};
use dapr_wasm_command_line::progress::Silent;
use dapr_wasm_command_line::status::Status;
use dapr_wasm_command_line::{BindingRequest, Outcome, StateRequest, Stop};
use std::env;
use std::io::{self, BufWriter, IsTerminal, Read, Write};

pub(super) fn run() -> Status {
    let (mut stdin, stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
    let stdout_is_terminal = stdout.is_terminal();
    let mut stdout = BufWriter::new(stdout);
    let ran = match Arguments::try_parse_from(env::args_os()) {
        Ok(arguments) => {
            let mut output = Output {
                format: match arguments.settings.json {
                    true => Format::Json,
                    false => Format::Plain,
                },
                stdout: &mut stdout,
                stderr: &mut stderr,
                stdout_is_terminal,
                // A host does not pass on NO_COLOR and similar variables by default.
                stderr_in_color: false,
            };
            let performed = perform(arguments, &mut stdin, &mut output);
            Status::of(performed, &mut output)
        }
        // Help and version go to standard output. Every other message of the parser is an
        // error.
        Err(error) if error.use_stderr() => {
            write!(stderr, "{}", error.render()).map(|()| Status::Usage)
        }
        Err(answer) => write!(stdout, "{}", answer.render()).map(|()| Status::Success),
    };
    Status::at_end_of(ran, &mut stdout, &mut stderr)
}

/// Performs the call. Input is read first, so no component is called if a file has an error.
fn perform(
    arguments: Arguments,
    stdin: &mut dyn Read,
    output: &mut Output<'_>,
) -> Result<Outcome, Stop> {
    let Settings { metadata, .. } = arguments.settings;
    match arguments.command {
        Command::State(command) => {
            let request = StateRequest::read(command, stdin)?;
            calls::configure(&metadata, state::init)?;
            ready::outcome(request.perform(&mut StateStore, output, &Silent))
        }
        Command::Binding(command) => {
            let request = BindingRequest::read(command, stdin)?;
            calls::configure(&metadata, binding::init)?;
            ready::outcome(request.perform(&mut OutputBinding, output))
        }
    }
}
