//! `compose COMPONENT.wasm -o PROGRAM.wasm`
#![forbid(unsafe_code)]

use clap::Parser;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compose a component that exports the state store or the output binding of dapr-wasm:components
/// into a program that runs on any WASI command-line host
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The component to compose
    #[arg(value_name = "COMPONENT.wasm")]
    component: PathBuf,
    /// The file to write the program to
    #[arg(long, short, value_name = "PROGRAM.wasm")]
    output: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let Arguments { component, output } = arguments;
    let bytes = fs::read(component).map_err(|error| format!("{}: {error}", component.display()))?;
    let program =
        compose::compose(&bytes).map_err(|error| format!("{}: {error}", component.display()))?;
    fs::write(output, program).map_err(|error| format!("{}: {error}", output.display()))
}
