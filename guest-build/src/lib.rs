//! Builds components of this workspace, for the build scripts of what needs them: one way for all of
//! them, in a folder of its own under cargo's target folder, once for every profile and every cargo
//! command of the workspace, and with the bytes that `release/build` makes.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod surroundings;
mod toolchain;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use self::{
    surroundings::{belongs_to_the_outer_build, replaced_paths, target_folder},
    toolchain::{GUEST_TARGET, install_guest_target},
};

/// A package of the workspace whose library is a component.
pub struct Guest<'a> {
    /// Its name.
    pub package: &'a str,
    /// Where its sources are, from the workspace's folder: more than `wit` and the manifests.
    pub sources: &'a [&'a str],
    /// The profile of the workspace that it is built with.
    pub profile: &'a str,
}

impl Guest<'_> {
    /// Builds it, and has the build script that asks run again where its sources change.
    pub fn build(&self) -> Result<PathBuf, String> {
        let workspace = workspace()?;
        self.rerun_if_changed(&workspace);
        install_guest_target()?;
        self.build_in(&workspace)
    }

    fn rerun_if_changed(&self, workspace: &Path) {
        println!("cargo:rerun-if-changed=build.rs");
        for source in ["wit", "Cargo.toml", "Cargo.lock"]
            .iter()
            .chain(self.sources)
        {
            let source = workspace.join(source);
            // A path that does not exist would make cargo run the script every time.
            if source.exists() {
                println!("cargo:rerun-if-changed={}", source.display());
            }
        }
    }

    fn build_in(&self, workspace: &Path) -> Result<PathBuf, String> {
        let Self {
            package, profile, ..
        } = self;
        let folder = folder()?;
        let mut cargo = Command::new(variable("CARGO")?);
        for (name, _) in env::vars_os() {
            if belongs_to_the_outer_build(&name.to_string_lossy()) {
                cargo.env_remove(name);
            }
        }
        cargo
            .current_dir(workspace)
            .args([
                "build",
                "--profile",
                profile,
                "--package",
                package,
                "--lib",
                "--target",
                GUEST_TARGET,
                "--target-dir",
            ])
            .arg(&folder)
            .env("CARGO_ENCODED_RUSTFLAGS", replaced_paths()?);
        if workspace.join("Cargo.lock").exists() {
            cargo.arg("--locked");
        }
        let output = cargo
            .output()
            .map_err(|error| format!("cargo could not be started: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "{package} did not build ({}):\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        let component = folder
            .join(GUEST_TARGET)
            .join(profile)
            .join(package.replace('-', "_"))
            .with_extension("wasm");
        match component.is_file() {
            true => Ok(component),
            false => Err(format!("cargo built no {}", component.display())),
        }
    }
}

/// Where components are built: `guest` in cargo's target folder.
pub fn folder() -> Result<PathBuf, String> {
    Ok(target_folder(&PathBuf::from(variable("OUT_DIR")?))?.join("guest"))
}

fn workspace() -> Result<PathBuf, String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} has no parent folder", package.display()))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
