//! The program `conformance`; see the library's `program`.

use conformance::program::run;
use host_test::program::in_this_process;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    in_this_process(run).await
}
