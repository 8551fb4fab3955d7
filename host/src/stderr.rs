//! The standard error of instances. It goes to a sink that keeps the newest lines, or to `tracing` line by line.
//!
//! In both cases the output is complete when the call returns, and the memory for it is bounded.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The capacity of a sink, in bytes.
const CAPACITY: usize = 64 * 1024;

/// The longest line that is sent to `tracing` in one event, in bytes as the component wrote them.
const LONGEST_LINE: usize = 8 * 1024;

/// The limit, in bytes, of the output that is sent to `tracing` if a component fails to start.
const REPORTED: usize = 4 * 1024;

/// A sink for the standard error of instances, which keeps the newest lines. A clone is the same sink.
///
/// It keeps 64 KiB and drops older lines as a whole, so that a component cannot fill the host's memory. Of a line longer than
/// 64 KiB, it keeps the end.
///
/// Several instances may share a sink, with [`InstanceOptions::stderr`](crate::InstanceOptions::stderr). Their lines are then
/// in the order in which they were written. To tell instances apart, use
/// [`InstanceOptions::capture_stderr`](crate::InstanceOptions::capture_stderr) or
/// [`InstanceOptions::trace_stderr`](crate::InstanceOptions::trace_stderr) instead.
///
/// ```
/// use dapr_wasm_host::{CapturedStderr, InstanceOptions};
///
/// let sink = CapturedStderr::new();
/// let options = InstanceOptions::new().stderr(&sink);
/// // … start instances with `options`, and call them …
/// for line in sink.take().lines() {
///     println!("plugin: {line}");
/// }
/// # let _ = options;
/// ```
#[derive(Clone, Default)]
pub struct CapturedStderr {
    newest: Arc<Mutex<Newest>>,
}

impl CapturedStderr {
    /// Makes an empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the text in the sink and leaves it there. Bytes that are not UTF-8 are replaced by U+FFFD.
    #[must_use]
    pub fn contents(&self) -> String {
        self.newest().to_text()
    }

    /// Returns the text in the sink and empties the sink. Bytes that are not UTF-8 are replaced by U+FFFD.
    #[must_use = "the returned text is no longer in the sink"]
    pub fn take(&self) -> String {
        std::mem::take(&mut *self.newest()).to_text()
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// The text of a component may not be fit for logs, so it is not printed.
impl std::fmt::Debug for CapturedStderr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CapturedStderr")
            .field("bytes", &self.newest().bytes.len())
            .finish_non_exhaustive()
    }
}

/// A buffer of at most [`CAPACITY`] bytes, which begins with a whole line if it has one.
#[derive(Default)]
struct Newest {
    bytes: VecDeque<u8>,
    /// The number of line feeds in `bytes`.
    line_ends: usize,
}

impl Newest {
    fn append(&mut self, bytes: &[u8]) {
        let beyond = bytes.len().saturating_sub(CAPACITY);
        if beyond > 0 {
            *self = Self::default();
        }
        self.make_room(bytes.len() - beyond);
        let kept = bytes.get(beyond..).unwrap_or_default();
        self.line_ends += line_ends(kept);
        self.bytes.extend(kept);
        // The beginning of this line was not kept.
        if beyond > 0 && bytes.get(beyond - 1) != Some(&b'\n') {
            self.drop_broken_line();
        }
    }

    fn make_room(&mut self, needed: usize) {
        let kept = CAPACITY.saturating_sub(needed);
        let excess = self.bytes.len().saturating_sub(kept);
        if excess > 0 && self.drop_first(excess) != Some(b'\n') {
            self.drop_broken_line();
        }
    }

    /// Drops the rest of a line whose beginning is gone. If the line has not ended, drops only the rest of a cut character.
    fn drop_broken_line(&mut self) {
        let end = if self.line_ends > 0 {
            self.bytes.iter().position(|byte| *byte == b'\n')
        } else {
            None
        };
        let broken = end.map_or_else(
            || {
                let rest_of_character = |byte: &&u8| matches!(byte, 0x80..=0xbf);
                self.bytes
                    .iter()
                    .take(3)
                    .take_while(rest_of_character)
                    .count()
            },
            |end| end + 1,
        );
        self.drop_first(broken);
    }

    /// Drops `count` bytes from the front, and returns the last of them.
    fn drop_first(&mut self, count: usize) -> Option<u8> {
        let mut last = None;
        for byte in self.bytes.drain(..count) {
            self.line_ends -= usize::from(byte == b'\n');
            last = Some(byte);
        }
        last
    }

    fn to_text(&self) -> String {
        let (first, second) = self.bytes.as_slices();
        String::from_utf8_lossy(&[first, second].concat()).into_owned()
    }
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// The number of the next instance. It distinguishes the lines of this process's instances.
static INSTANCES: AtomicU64 = AtomicU64::new(0);

/// The standard error of one instance.
pub(crate) struct InstanceStderr {
    instance: u64,
    kept: CapturedStderr,
}

impl InstanceStderr {
    pub(crate) fn new() -> Self {
        Self {
            instance: INSTANCES.fetch_add(1, Ordering::Relaxed),
            kept: CapturedStderr::new(),
        }
    }

    pub(crate) fn take(&self) -> String {
        self.kept.take()
    }

    /// Sends the component's output to `tracing`, since nobody will get the failed instance to read it.
    pub(crate) fn report_failed_start(&self) {
        let written = self.kept.take();
        let older = written.len().saturating_sub(REPORTED);
        let older = written.ceil_char_boundary(older);
        let newest = written.get(older..).unwrap_or_default();
        for line in newest.lines() {
            let (instance, line) = (self.instance, printable(line));
            tracing::warn!(target: TARGET, instance, "the component did not start and wrote: {line}");
        }
    }

    /// Returns the stream that the instance writes to.
    pub(crate) fn keeping(&self) -> StderrStream {
        StderrStream::Keep(self.kept.clone())
    }
}

/// The target of events that carry lines of components.
const TARGET: &str = "dapr_wasm_host::stderr";

/// Sends the lines of one instance to `tracing`.
pub(crate) struct Tracer {
    instance: u64,
    /// The part so far of a line that has not ended.
    begun: Mutex<Vec<u8>>,
}

impl Tracer {
    fn append(&self, bytes: &[u8]) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (line, ends) = match piece.strip_suffix(b"\n") {
                Some(line) => (line, true),
                None => (piece, false),
            };
            let mut rest = line;
            while begun.len() + rest.len() > LONGEST_LINE {
                let (now, later) = rest.split_at(LONGEST_LINE - begun.len());
                begun.extend_from_slice(now);
                self.send(&std::mem::take(&mut *begun));
                rest = later;
            }
            begun.extend_from_slice(rest);
            if ends {
                self.send(&std::mem::take(&mut *begun));
            }
        }
    }

    fn send(&self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (instance, line) = (self.instance, printable(&String::from_utf8_lossy(line)));
        tracing::info!(target: TARGET, instance, "{line}");
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let begun = std::mem::take(self.begun.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !begun.is_empty() {
            self.send(&begun);
        }
    }
}

/// Escapes a line, as `\u{1b}`, so that it stays one line and cannot control a terminal. Escapes control characters, other
/// line separators, and characters that change the direction of text.
fn printable(line: &str) -> String {
    let mut printable = String::with_capacity(line.len());
    for character in line.chars() {
        let moves = matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        );
        if moves || (character.is_control() && character != '\t') {
            printable.extend(character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// The stream that wasmtime writes to for an instance.
#[derive(Clone)]
pub(crate) enum StderrStream {
    Keep(CapturedStderr),
    Trace(Arc<Tracer>),
}

impl StderrStream {
    pub(crate) fn traced() -> Self {
        Self::Trace(Arc::new(Tracer {
            instance: INSTANCES.fetch_add(1, Ordering::Relaxed),
            begun: Mutex::default(),
        }))
    }

    fn append(&self, bytes: &[u8]) {
        match self {
            Self::Keep(sink) => sink.newest().append(bytes),
            Self::Trace(tracer) => tracer.append(bytes),
        }
    }
}

impl IsTerminal for StderrStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StderrStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    // The default writes from a separate task, which may still have output when the call returns.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for StderrStream {
    async fn ready(&mut self) {}
}

impl OutputStream for StderrStream {
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

impl AsyncWrite for StderrStream {
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
mod tests;
