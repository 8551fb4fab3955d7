//! A sink for standard error that the embedder reads: what was written is there as soon as the call is done.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// How much of its standard error an instance can make the host keep, in bytes.
const CAPACITY: usize = 64 * 1024;

/// Collects the standard error of the instances that it is given to. A clone is the same sink.
///
/// It keeps the first 64 KiB and drops the rest, so that a component cannot fill the host's memory.
#[derive(Clone, Debug, Default)]
pub struct CapturedStderr {
    written: Arc<Mutex<Vec<u8>>>,
}

impl CapturedStderr {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All that was written so far. What is not UTF-8 is replaced by U+FFFD.
    #[must_use]
    pub fn contents(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).into_owned()
    }

    fn append(&self, bytes: &[u8]) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let room = CAPACITY.saturating_sub(written.len());
        written.extend(bytes.iter().take(room));
    }
}

impl IsTerminal for CapturedStderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for CapturedStderr {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    // The default goes through a task of its own, which may be behind when the call returns.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for CapturedStderr {
    async fn ready(&mut self) {}
}

impl OutputStream for CapturedStderr {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CAPACITY)
    }
}

impl AsyncWrite for CapturedStderr {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_keeps_the_beginning_and_drops_what_is_beyond_its_capacity() {
        let sink = CapturedStderr::new();
        sink.append(b"first ");
        sink.append(&vec![b'x'; CAPACITY]);
        sink.append(b"last");
        let contents = sink.contents();
        assert_eq!(contents.len(), CAPACITY);
        assert!(contents.starts_with("first x"));
        assert!(contents.ends_with('x'));
    }
}
