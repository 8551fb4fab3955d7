//! What is measured runs on one thread with a runtime of its own: what the caller's runtime does is not counted.

use host_test::command_line::Failure;

/// Runs `work` there.
pub(super) async fn run<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Result<T, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>>,
{
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("bench".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let result = match runtime {
                Ok(runtime) => runtime.block_on(work()),
                Err(error) => Err(Failure::here(error)),
            };
            // Nobody waits any more: then there is nobody to tell.
            let _ = done.send(result);
        })
        .map_err(Failure::here)?;
    result
        .await
        .map_err(|_| Failure::here("the benchmark panicked"))?
}
