//! Builds components of this workspace, for the build scripts of the crates that need them.
//!
//! All of them are built the same way, in a separate folder under cargo's target folder. One
//! build serves all profiles and cargo commands of the workspace. The bytes are the same as those
//! of `release/build`.

mod surroundings;
mod toolchain;

use self::surroundings::{belongs_to_the_outer_build, replaced_paths, target_folder};
use self::toolchain::{GUEST_TARGET, install_guest_target};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// The profile that guests are released with.
pub const RELEASE: &str = "release";

/// The variable that names a ready-made component to test, such as a release artifact, instead of
/// building one.
const READY_MADE: &str = "DAPR_DYNAMODB_WASM";

/// The same for the hosted build of the component.
const READY_MADE_HOSTED: &str = "DAPR_DYNAMODB_HOSTED_WASM";

/// Runs a build script. If it fails, prints its error.
pub fn main(build: impl FnOnce() -> Result<(), String>) -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Passes the path of a component to the crate of the build script.
pub fn tell(variable: &str, component: &Path) {
    println!("cargo:rustc-env={variable}={}", component.display());
}

/// Returns the component that `DAPR_DYNAMODB_WASM` names, or `None` if it names none.
pub fn ready_made() -> Option<PathBuf> {
    named_by(READY_MADE)
}

fn named_by(name: &str) -> Option<PathBuf> {
    println!("cargo:rerun-if-env-changed={name}");
    let file = env::var_os(name)?;
    (!file.is_empty()).then(|| PathBuf::from(file))
}

/// Returns the component under test: the one built from this workspace's sources, unless
/// `DAPR_DYNAMODB_WASM` names another.
pub fn component() -> Result<PathBuf, String> {
    ready_made_or(READY_MADE, || component_guest().build())
}

/// Returns the hosted build of the component, which sends requests through `dapr-wasm:host`:
/// the one built from this workspace's sources, unless `DAPR_DYNAMODB_HOSTED_WASM` names another.
pub fn hosted_component() -> Result<PathBuf, String> {
    ready_made_or(READY_MADE_HOSTED, || {
        let built = Guest {
            feature: Some("hosted"),
            ..component_guest()
        }
        .build()?;
        let named = built.with_file_name("dapr_dynamodb_hosted.wasm");
        match fs::copy(&built, &named) {
            Ok(_) => Ok(named),
            Err(error) => Err(format!("{}: {error}", named.display())),
        }
    })
}

fn component_guest() -> Guest<'static> {
    Guest {
        package: "dapr-dynamodb",
        sources: &["src"],
        profile: RELEASE,
        feature: None,
    }
}

fn ready_made_or(
    name: &str,
    build: impl FnOnce() -> Result<PathBuf, String>,
) -> Result<PathBuf, String> {
    let Some(file) = named_by(name) else {
        return build();
    };
    println!("cargo:rerun-if-changed={}", file.display());
    fs::canonicalize(&file).map_err(|error| format!("{name} names {}: {error}", file.display()))
}

/// A package of the workspace whose library is a component.
pub struct Guest<'a> {
    /// Its name.
    pub package: &'a str,
    /// The folders of its sources, relative to the workspace. `wit` and the manifests are always
    /// included.
    pub sources: &'a [&'a str],
    /// The profile of the workspace that it is built with.
    pub profile: &'a str,
    /// A feature of the package. Its build has a folder of its own, because cargo gives all
    /// builds of a component the same file name.
    pub feature: Option<&'a str>,
}

impl Guest<'_> {
    /// Builds it. Cargo runs the build script again if its sources change.
    pub fn build(&self) -> Result<PathBuf, String> {
        let workspace = workspace()?;
        rerun_if_changed(&workspace, self.sources);
        install_guest_target(&folder()?)?;
        self.build_in(&workspace)
    }

    fn build_in(&self, workspace: &Path) -> Result<PathBuf, String> {
        let Self {
            package, profile, ..
        } = self;
        let mut folder = folder()?;
        let mut features = Vec::new();
        if let Some(feature) = self.feature {
            folder.push(feature);
            features.extend(["--features", feature]);
        }
        // Cargo optimises at link time only if a library is nothing but a component. The package of
        // the component is also a library for Rust.
        let kind = ["--lib", "--crate-type", "cdylib"];
        let arguments = ["--target", GUEST_TARGET, "--profile", profile];
        run(cargo("rustc", workspace, &folder)?
            .args(["--package", package])
            .args(kind)
            .args(arguments)
            .args(features)
            .env("CARGO_ENCODED_RUSTFLAGS", replaced_paths()?))
        .map_err(|error| format!("{package} did not build: {error}"))?;
        let component = folder
            .join(GUEST_TARGET)
            .join(profile)
            .join(package.replace('-', "_"))
            .with_extension("wasm");
        match component.is_file() {
            true => Ok(component),
            false => Err(format!(
                "cargo did not build {}: see its errors above",
                component.display()
            )),
        }
    }
}

/// The sources that a composed program depends on.
const COMPOSE_SOURCES: [&str; 7] = [
    "adapters/unsupported",
    "adapters/cli",
    "adapters/compose/Cargo.lock",
    "adapters/compose/Cargo.toml",
    "adapters/compose/build.rs",
    "adapters/compose/src",
    "command-line",
];

/// Composes a program from a component, as `release/compose` does.
pub fn compose(component: &Path, program: &Path) -> Result<(), String> {
    let workspace = workspace()?;
    rerun_if_changed(&workspace, &COMPOSE_SOURCES);
    // Uses a separate folder, because this build itself builds components.
    run(cargo("run", &workspace, &folder()?.join("compose"))?
        .args([
            "--quiet",
            "--manifest-path",
            "adapters/compose/Cargo.toml",
            "--",
        ])
        .arg(component)
        .arg("--output")
        .arg(program))
    .map_err(|error| {
        format!(
            "could not compose a program from {}: {error}",
            component.display()
        )
    })
}

/// Returns the folder that components are built in: `guest` in cargo's target folder.
pub fn folder() -> Result<PathBuf, String> {
    Ok(target_folder(&PathBuf::from(variable("OUT_DIR")?))?.join("guest"))
}

/// Makes cargo run the build script again if one of these sources, or a file that all packages
/// share, changes.
fn rerun_if_changed(workspace: &Path, sources: &[&str]) {
    println!("cargo:rerun-if-changed=build.rs");
    for source in ["wit", "Cargo.toml", "Cargo.lock"].iter().chain(sources) {
        let source = workspace.join(source);
        // A path that does not exist would make cargo run the script every time.
        if source.exists() {
            println!("cargo:rerun-if-changed={}", source.display());
        }
    }
}

/// Returns a command for another cargo, without the environment of the cargo that runs the build
/// script.
fn cargo(command: &str, workspace: &Path, target_folder: &Path) -> Result<Command, String> {
    let mut cargo = Command::new(variable("CARGO")?);
    for (name, _) in env::vars_os() {
        if belongs_to_the_outer_build(&name.to_string_lossy()) {
            cargo.env_remove(name);
        }
    }
    cargo
        .current_dir(workspace)
        .arg(command)
        .arg("--target-dir")
        .arg(target_folder);
    if workspace.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    }
    Ok(cargo)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
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
