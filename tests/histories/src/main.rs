//! The program `histories`; see the library's `program`.

use std::process::ExitCode;

use histories::program::run;
use host_test::program::in_this_process;

#[tokio::main]
async fn main() -> ExitCode {
    in_this_process(run).await
}
