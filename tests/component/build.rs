//! Composes components with the command-line adapter into programs, as `release/compose` does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    guest_build::main(|| {
        let component = guest_build::component()?;
        guest_build::tell("CLI_PATH", &program(&component)?);
        guest_build::tell("MEMORY_STORE_CLI_PATH", &program(fixtures::memory_store())?);
        // `misbehaving` exports the state store only.
        guest_build::tell("MISBEHAVING_CLI_PATH", &program(fixtures::misbehaving())?);
        Ok(())
    })
}

/// Composes `component` into a program: `dapr_dynamodb.wasm` becomes `dapr_dynamodb_cli.wasm`.
fn program(component: &Path) -> Result<PathBuf, String> {
    let folder = match guest_build::ready_made() {
        // A build in another profile may use another ready-made component, or none.
        Some(_) => PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?),
        None => guest_build::folder()?.join("programs"),
    };
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let name = component.file_stem().unwrap_or_default().to_string_lossy();
    let program = folder.join(format!("{name}_cli.wasm"));
    guest_build::compose(component, &program)?;
    println!("cargo:rerun-if-changed={}", component.display());
    Ok(program)
}
