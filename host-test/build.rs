//! The component under test is always the one that this workspace's sources make: it is built here,
//! as a release build for `wasm32-wasip2`, once for every profile and every cargo command of the
//! workspace. So are the components of `tests/fixtures`, which test what hosts make of others than it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// The target triple of the component.
const GUEST_TARGET: &str = "wasm32-wasip2";
/// The line that installs the standard library for it.
const REMEDY: &str = "rustup target add wasm32-wasip2";
/// Names a ready-made component to test instead of building one (a release artifact, say).
const READY_MADE: &str = "DAPR_DYNAMODB_WASM";
/// The packages of `tests/fixtures`, and the variables that tell where each of them is.
const FIXTURES: [(&str, &str); 2] = [
    ("memory-store", "MEMORY_STORE_PATH"),
    ("misbehaving", "MISBEHAVING_PATH"),
];

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
    println!("cargo:rustc-env=COMPONENT_PATH={}", component()?.display());
    for (package, variable) in FIXTURES {
        println!("cargo:rustc-env={variable}={}", fixture(package)?.display());
    }
    Ok(())
}

fn component() -> Result<PathBuf, String> {
    println!("cargo:rerun-if-env-changed={READY_MADE}");
    if let Some(ready_made) = env::var_os(READY_MADE).filter(|file| !file.is_empty()) {
        let file = PathBuf::from(ready_made);
        println!("cargo:rerun-if-changed={}", file.display());
        return fs::canonicalize(&file)
            .map_err(|error| format!("{READY_MADE} names {}: {error}", file.display()));
    }
    let workspace = workspace()?;
    rerun_if_changed(&workspace, &["src", "build.rs"]);
    install_guest_target()?;
    build_guest(&workspace, "dapr-dynamodb")
}

fn fixture(package: &str) -> Result<PathBuf, String> {
    let workspace = workspace()?;
    rerun_if_changed(&workspace, &[&format!("tests/fixtures/{package}")]);
    install_guest_target()?;
    build_guest(&workspace, package)
}

/// Where one of these changes, or what all packages have in common.
fn rerun_if_changed(workspace: &Path, sources: &[&str]) {
    println!("cargo:rerun-if-changed=build.rs");
    for source in ["wit", "Cargo.toml", "Cargo.lock"].iter().chain(sources) {
        let source = workspace.join(source);
        // A path that does not exist would make cargo run this script every time.
        if source.exists() {
            println!("cargo:rerun-if-changed={}", source.display());
        }
    }
}

fn workspace() -> Result<PathBuf, String> {
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    package
        .parent()
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} has no parent folder", package.display()))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

/// Installs the standard library of the target where it is missing, for the toolchain in use: rustup
/// passes that on in RUSTUP_TOOLCHAIN.
fn install_guest_target() -> Result<(), String> {
    if guest_target_is_installed()? {
        return Ok(());
    }
    let installed = Command::new("rustup")
        .args(["target", "add", GUEST_TARGET])
        .status();
    match installed {
        Ok(status) if status.success() && guest_target_is_installed()? => Ok(()),
        Ok(status) => Err(format!(
            "The Rust target {GUEST_TARGET} is missing and could not be installed ({status}). Install it with:\n\n    {REMEDY}\n"
        )),
        Err(error) => Err(format!(
            "The Rust target {GUEST_TARGET} is missing and rustup could not be started ({error}). Install it with:\n\n    {REMEDY}\n"
        )),
    }
}

fn guest_target_is_installed() -> Result<bool, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", GUEST_TARGET])
        .output()
        .map_err(|error| format!("{} could not be started: {error}", rustc.display()))?;
    if !output.status.success() {
        return Err(format!(
            "This rustc does not know the target {GUEST_TARGET}: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    match fs::read_dir(&folder) {
        Ok(entries) => Ok(entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("{}: {error}", folder.display())),
    }
}

fn build_guest(workspace: &Path, package: &str) -> Result<PathBuf, String> {
    let target_folder = target_folder(&PathBuf::from(variable("OUT_DIR")?))?.join("guest");
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
            "--release",
            "--package",
            package,
            "--lib",
            "--target",
            GUEST_TARGET,
            "--target-dir",
        ])
        .arg(&target_folder)
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
    let component = target_folder
        .join(GUEST_TARGET)
        .join("release")
        .join(package.replace('-', "_"))
        .with_extension("wasm");
    match component.is_file() {
        true => Ok(component),
        false => Err(format!("cargo built no {}", component.display())),
    }
}

/// Paths of this machine that rustc would write into panic messages are replaced as `release/build` replaces them: what
/// is tested is what is released, to the byte.
fn replaced_paths() -> Result<String, String> {
    const SEPARATOR: &str = "\u{1f}";
    let cargo_home = env::var("CARGO_HOME").or_else(|_| {
        let home = env::home_dir().ok_or("there is no home folder: set CARGO_HOME")?;
        Ok::<_, String>(home.join(".cargo").display().to_string())
    })?;
    let rustc = |arguments: &[&str]| {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(&rustc).args(arguments).output();
        let output = output.map_err(|error| format!("{}: {error}", rustc.display()))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let version = rustc(&["--version", "--verbose"])?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "));
    let standard_library =
        Path::new(rustc(&["--print", "sysroot"])?.trim()).join("lib/rustlib/src/rust");
    Ok([
        format!("--remap-path-prefix={cargo_home}=/cargo"),
        format!(
            "--remap-path-prefix={}=/rustc/{}",
            standard_library.display(),
            commit.unwrap_or_default()
        ),
    ]
    .join(SEPARATOR))
}

/// Whether a variable was set by cargo, or for it, with the outer build in mind: flags, profiles,
/// wrappers (clippy's among them) and folders of that build would make the component another one, or
/// have it built anew at every change of command. What says where cargo finds its registry stays.
fn belongs_to_the_outer_build(name: &str) -> bool {
    const KEPT: [&str; 6] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
    ];
    const DROPPED: [&str; 8] = [
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
        "MAKEFLAGS",
        "MFLAGS",
        "TARGET",
    ];
    let of_cargo = name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept));
    of_cargo || DROPPED.contains(&name)
}

/// Cargo's target folder: the one above `out_dir` that cargo has marked as a cache.
fn target_folder(out_dir: &Path) -> Result<PathBuf, String> {
    out_dir
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        // <target>/<profile>/build/<package>/out
        .or_else(|| out_dir.ancestors().nth(4))
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is in no target folder", out_dir.display()))
}
