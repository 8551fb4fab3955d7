//! A bulk write goes on to its end whoever listens: where its output is closed (`bulk-set … | head`),
//! the rest would otherwise be left unwritten without a word.

use std::{io, time::Duration};

use super::{
    model::Failure,
    output::Output,
    perform_state::Outcome,
    print_state::{self as print, Counts},
};

/// What the requests of a bulk write came to.
#[derive(Default)]
pub(super) struct Tally {
    counts: Counts,
    /// Why output was lost, the first time.
    lost: Option<io::Error>,
}

impl Tally {
    /// Counts and prints one answer.
    pub(super) fn tell(
        &mut self,
        key: &str,
        answer: Result<Option<String>, Failure>,
        output: &mut Output<'_>,
    ) {
        self.counts.total += 1;
        self.counts.failed += usize::from(answer.is_err());
        let printed = print::bulk_write(key, answer, output);
        self.lost = self.lost.take().or(printed.err());
    }

    /// What is written is told before more is written: a program that is stopped tells no more.
    pub(super) fn batch_ended(&mut self, output: &mut Output<'_>) {
        self.lost = self.lost.take().or(output.stdout.flush().err());
    }

    /// Prints what all of it came to: on standard error, where standard output is lost.
    pub(super) fn end(
        self,
        what: &str,
        took: Duration,
        output: &mut Output<'_>,
    ) -> io::Result<Outcome> {
        let summed = print::summary(what, self.counts, took, output);
        let shown = summed.and_then(|()| output.stdout.flush());
        match self.lost.or(shown.err()) {
            Some(error) => {
                let counts = self.counts.told(what);
                output.error_line(format_args!("the output was lost ({error}): {counts}"))?;
                Ok(Outcome::OutputLost)
            }
            None if self.counts.failed > 0 => Ok(Outcome::PartlyFailed),
            None => Ok(Outcome::Done),
        }
    }
}
