//! Builds the component that the harness shows: the one that this workspace's sources make.

use std::process::ExitCode;

fn main() -> ExitCode {
    guest_build::main(|| {
        guest_build::tell("COMPONENT_PATH", &guest_build::component()?);
        Ok(())
    })
}
