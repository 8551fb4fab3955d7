//! Builds the workspace's own component for the harness.

use std::process::ExitCode;

fn main() -> ExitCode {
    guest_build::main(|| {
        guest_build::tell("COMPONENT_PATH", &guest_build::component()?);
        Ok(())
    })
}
