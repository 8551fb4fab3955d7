//! The program `test-servers`. See the module `program` of the library.

use host_test::program::in_this_process;
use std::process::ExitCode;
use test_support::program::run;

#[tokio::main]
async fn main() -> ExitCode {
    in_this_process(run).await
}
