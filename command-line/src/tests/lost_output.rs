//! Output that cannot be written does not stop a bulk write, and the loss is
//! reported.

use super::*;
use std::cell::RefCell;
use std::io::{self, BufRead, BufWriter, Write};
use std::rc::Rc;

/// A pipe whose reader closes it after this many lines.
struct Pipe(usize);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0 -= bytes.iter().filter(|byte| **byte == b'\n').count();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0 {
            0 => Err(io::ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }
}

/// Returns the calls on the store, the outcome, and standard error.
async fn to_closed_pipe(
    format: Format,
    line: &[&str],
    stdin: &str,
) -> (Vec<(&'static str, usize)>, Outcome, String) {
    let (mut store, mut stderr) = (Store::default(), Vec::new());
    let mut output = Output {
        format,
        stdout: &mut Pipe(1),
        stderr: &mut stderr,
        stdout_is_terminal: false,
        stderr_in_color: false,
    };
    let request = request(line, stdin.as_bytes()).unwrap();
    let outcome = request.perform(&mut store, &mut output, &Silent).await;
    let stderr = String::from_utf8(stderr).unwrap();
    (store.calls, outcome.unwrap(), stderr)
}

#[tokio::test]
async fn bulk_write_finishes_after_its_output_is_closed() {
    let lines: String = (0..1500)
        .map(|n| format!("{{\"key\": \"k{n}\", \"value\": {n}}}\n"))
        .collect();
    for (command, what) in [("bulk-set", "set"), ("bulk-delete", "deleted")] {
        let line = [command, "--jsonl", "-"];
        let (calls, outcome, stderr) = to_closed_pipe(Format::Json, &line, &lines).await;
        assert_eq!(calls, [(command, 1000), (command, 500)]);
        assert_eq!(outcome, Outcome::OutputLost);
        assert_eq!(
            stderr,
            format!("error: could not write the output (broken pipe): 1500 items {what}\n")
        );
    }
}

#[tokio::test]
async fn refused_key_is_reported_after_output_is_closed() {
    let line = ["bulk-set", "a=1", "b=2", "refused=3"];
    let (_, outcome, stderr) = to_closed_pipe(Format::Json, &line, "").await;
    assert_eq!(outcome, Outcome::OutputLost);
    assert_eq!(
        stderr,
        "error: \"refused\": etag-mismatch: it differs\n\
         error: could not write the output (broken pipe): 2 items set, 1 failed\n"
    );
}

#[tokio::test]
async fn lost_summary_is_reported_as_an_error() {
    let (_, outcome, stderr) = to_closed_pipe(Format::Plain, &["bulk-set", "a=1"], "").await;
    assert_eq!(outcome, Outcome::OutputLost);
    assert_eq!(
        stderr,
        "error: could not write the output (broken pipe): 1 item set\n"
    );
}

/// The output that the program has flushed.
#[derive(Clone, Default)]
struct Shown(Rc<RefCell<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts the lines that were flushed at the end of each batch.
struct LinesByBatch(Shown, RefCell<Vec<usize>>);

impl Progress for LinesByBatch {
    fn begin(&self, _total: u64) {}

    fn advance(&self, _done: u64) {
        let lines = self.0.0.borrow().as_slice().lines().count();
        self.1.borrow_mut().push(lines);
    }

    fn end(&self) {}
}

#[tokio::test]
async fn output_is_flushed_after_each_batch() {
    let lines: String = (0..2500)
        .map(|n| format!("{{\"key\": \"k{n}\", \"value\": {n}}}\n"))
        .collect();
    for command in ["bulk-set", "bulk-get", "bulk-delete"] {
        let (mut store, shown) = (Store::default(), Shown::default());
        let heard = LinesByBatch(shown.clone(), RefCell::default());
        let mut output = Output {
            format: Format::Json,
            stdout: &mut BufWriter::with_capacity(1 << 20, shown),
            stderr: &mut Vec::new(),
            stdout_is_terminal: false,
            stderr_in_color: false,
        };
        let request = request(&[command, "--jsonl", "-"], lines.as_bytes()).unwrap();
        let outcome = request.perform(&mut store, &mut output, &heard).await;
        assert_eq!(outcome.unwrap(), Outcome::Done);
        assert_eq!(*heard.1.borrow(), [1000, 2000, 2500], "{command}");
    }
}
