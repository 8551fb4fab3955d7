//! A component that exports `wasi:cli/run`, run as `wasmtime run -S http` runs it. It gets the
//! given arguments, environment and folder, and nothing else of this process.

use crate::connection_per_request::{Host, linker};
use crate::ran::Ran;
use host_test::command_line::Failure;
use rustls::RootCertStore;
use std::path::Path;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

/// The maximum number of bytes that a run may write to each of its streams.
const MOST_OUTPUT: usize = 64 << 20;

/// A compiled program.
pub struct WasiCommand {
    component: Component,
    linker: Linker<Host>,
}

/// The inputs of a run. The arguments do not include the first one, the program's name.
#[derive(Clone, Copy, Default)]
pub struct Given<'a> {
    /// The arguments.
    pub arguments: &'a [&'a str],
    /// The environment variables.
    pub environment: &'a [(&'a str, &'a str)],
    /// Standard input.
    pub stdin: &'a [u8],
    /// The folder that the program sees as its current folder, read-only.
    pub folder: Option<&'a Path>,
}

impl WasiCommand {
    /// Compiles a program.
    pub fn load(file: &Path) -> Result<Self, Failure> {
        let engine = Engine::default();
        let linker = linker(&engine).map_err(failure)?;
        let component = Component::from_file(&engine, file).map_err(failure)?;
        Ok(Self { component, linker })
    }

    /// Runs the program in a new instance. Returns an error if it traps.
    pub async fn run(&self, given: Given<'_>) -> Result<Ran, Failure> {
        let stdout = MemoryOutputPipe::new(MOST_OUTPUT);
        let stderr = MemoryOutputPipe::new(MOST_OUTPUT);
        let mut wasi = WasiCtxBuilder::new();
        wasi.arg("program.wasm")
            .args(given.arguments)
            .envs(given.environment)
            .stdin(MemoryInputPipe::new(given.stdin.to_vec()))
            .stdout(stdout.clone())
            .stderr(stderr.clone());
        if let Some(folder) = given.folder {
            wasi.preopened_dir(folder, ".", FsPerms::ReadOnly)
                .map_err(failure)?;
        }
        let host = Host::new(wasi.build(), RootCertStore::empty());
        let mut store = Store::new(self.component.engine(), host);
        let command = Command::instantiate_async(&mut store, &self.component, &self.linker).await;
        let command = command.map_err(failure)?;
        let status = match command.wasi_cli_run().call_run(&mut store).await {
            Ok(Ok(())) => 0,
            Ok(Err(())) => 1,
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(I32Exit(status)) => *status,
                None => return Err(failure(error)),
            },
        };
        let status = u8::try_from(status).map_err(Failure::here)?;
        let (stdout, stderr) = (stdout.contents().to_vec(), stderr.contents().to_vec());
        Ok(Ran::new(status, stdout, stderr))
    }
}

fn failure(error: wasmtime::Error) -> Failure {
    Failure::here(format_args!("wasmtime: {error:#}"))
}
