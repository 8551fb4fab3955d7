//! The component under test is always the one that this workspace's sources make: it is built here. So
//! are the components of `tests/fixtures`, which test what hosts make of others than it, and the
//! programs that these components become.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use guest_build::Guest;

/// Names a ready-made component to test instead of building one (a release artifact, say).
const READY_MADE: &str = "DAPR_DYNAMODB_WASM";
/// What guests are released with.
const RELEASE: &str = "release";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let (component, memory_store, misbehaving) = (
        component()?,
        fixture("memory-store")?,
        fixture("misbehaving")?,
    );
    tell("BROKEN_PROMISES_PATH", &fixture("broken-promises")?);
    tell("COMPONENT_PATH", &component);
    tell("MEMORY_STORE_PATH", &memory_store);
    tell("MISBEHAVING_PATH", &misbehaving);
    tell("CLI_PATH", &program(&component)?);
    tell("MEMORY_STORE_CLI_PATH", &program(&memory_store)?);
    // It exports the state store alone.
    tell("MISBEHAVING_CLI_PATH", &program(&misbehaving)?);
    Ok(())
}

/// The program that a component becomes: `dapr_dynamodb.wasm` becomes `dapr_dynamodb_cli.wasm`.
fn program(component: &Path) -> Result<PathBuf, String> {
    let folder = match ready_made() {
        // Another profile may be told of another component, or of none.
        Some(_) => PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?),
        None => guest_build::folder()?.join("programs"),
    };
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let name = component.file_stem().unwrap_or_default().to_string_lossy();
    let program = folder.join(format!("{name}_cli.wasm"));
    guest_build::compose(component, &program)?;
    Ok(program)
}

/// Lets the crate know where a component is.
fn tell(variable: &str, component: &Path) {
    println!("cargo:rustc-env={variable}={}", component.display());
}

fn ready_made() -> Option<PathBuf> {
    let file = env::var_os(READY_MADE)?;
    (!file.is_empty()).then(|| PathBuf::from(file))
}

fn component() -> Result<PathBuf, String> {
    println!("cargo:rerun-if-env-changed={READY_MADE}");
    if let Some(file) = ready_made() {
        println!("cargo:rerun-if-changed={}", file.display());
        return fs::canonicalize(&file)
            .map_err(|error| format!("{READY_MADE} names {}: {error}", file.display()));
    }
    let sources = &["src", "build.rs"];
    let package = "dapr-dynamodb";
    Guest {
        package,
        sources,
        profile: RELEASE,
    }
    .build()
}

fn fixture(package: &str) -> Result<PathBuf, String> {
    // One takes files of another.
    let sources = &["tests/fixtures"];
    Guest {
        package,
        sources,
        profile: RELEASE,
    }
    .build()
}
