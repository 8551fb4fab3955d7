//! Keeps the outer build and the paths of this machine out of the built components.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the flags that replace paths of this machine, which rustc would write into panic
/// messages. `release/build` replaces them the same way, so the tested bytes are the released
/// bytes.
pub(super) fn replaced_paths() -> Result<String, String> {
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

/// Returns true if cargo set a variable for the outer build, or a user set it for cargo. Flags,
/// profiles, wrappers (such as clippy's) and folders of that build would change the component. They
/// could also rebuild it at every change of command. The location of cargo's registry is kept.
pub(super) fn belongs_to_the_outer_build(name: &str) -> bool {
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

/// Returns cargo's target folder: the ancestor of `out_dir` that cargo has marked as a cache.
pub(super) fn target_folder(out_dir: &Path) -> Result<PathBuf, String> {
    out_dir
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        // <target>/<profile>/build/<package>/out
        .or_else(|| out_dir.ancestors().nth(4))
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is not in a target folder", out_dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_build_is_removed_and_registries_are_kept() {
        for left in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_DIR",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTFLAGS",
        ] {
            assert!(belongs_to_the_outer_build(left), "{left}");
        }
        for kept in [
            "CARGO_HOME",
            "CARGO_REGISTRIES_MIRROR_INDEX",
            "PATH",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(!belongs_to_the_outer_build(kept), "{kept}");
        }
    }

    #[test]
    fn target_folder_is_the_marked_ancestor() {
        let target = Path::new("/t/target");
        let of_script = target.join("debug/build/host-test-0123/out");
        assert_eq!(target_folder(&of_script).unwrap(), target);
        assert!(target_folder(Path::new("out")).is_err());
    }
}
