//! Builds the components that `compose` combines with the user's component, and embeds
//! them in the crate.

use guest_build::Guest;
use std::process::ExitCode;

/// The package, the variable that holds the path of its component, and the folders of its
/// sources.
type Part<'a> = (&'a str, &'a str, &'a [&'a str]);

const PARTS: [Part<'_>; 2] = [
    (
        "dapr-wasm-cli",
        "PROGRAM_PATH",
        &["adapters/cli", "command-line"],
    ),
    (
        "dapr-wasm-unsupported",
        "UNSUPPORTED_PATH",
        &["adapters/unsupported"],
    ),
];

fn main() -> ExitCode {
    guest_build::main(|| {
        for (package, variable, sources) in PARTS {
            let guest = Guest {
                package,
                sources,
                profile: "adapter",
                feature: None,
            };
            guest_build::tell(variable, &guest.build()?);
        }
        Ok(())
    })
}
