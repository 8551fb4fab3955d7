//! The program `host-test`; see the library's `program`.

use host_test::program::{in_this_process, run};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    in_this_process(run).await
}
