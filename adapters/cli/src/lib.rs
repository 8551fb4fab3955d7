//! The command line of the contract as a component. It imports the state store and the binding of
//! the component that it is composed with, and exports `wasi:cli/run`. It knows nothing of their
//! implementation.
#![cfg(target_family = "wasm")]
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod arguments;
mod calls;
mod program;
mod ready;

use dapr_wasm_command_line::status::Status;
use wasip2::cli::exit::exit_with_code;

wit_bindgen::generate!({
    path: "../../wit",
    generate_all,
    ownership: Borrowing { duplicate_if_necessary: true }, // arguments are passed without a copy
    inline: "
        package dapr-wasm:command-line;

        world program {
            import dapr-wasm:components/state@0.1.0;
            import dapr-wasm:components/binding@0.1.0;
        }
    ",
});

struct Program;

wasip2::cli::command::export!(Program);

impl wasip2::exports::cli::run::Guest for Program {
    fn run() -> Result<(), ()> {
        match program::run() {
            Status::Success => Ok(()),
            Status::Failure => Err(()),
            // The result of `run` can only express 0 and 1. `std::process::exit` cannot do more
            // while the C library below it is older than WASI 0.2.12:
            // https://github.com/WebAssembly/wasi-libc/issues/859
            status @ Status::Usage => {
                exit_with_code(status.code());
                Err(())
            }
        }
    }
}
