//! The fate of one request, in the order in which it happens: it waits, it is passed on or not, it is answered with the
//! upstream's answer or another one, and the answer arrives or does not.
//!
//! An answer arrives as bytes, pauses between them, and an end of the connection. What HTTP knows is left to hyper; the rest
//! is written out here.

use super::{AwsError, Reply};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::time::Duration;

/// The fate of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Time that passes before anything else. The request is passed on after it even where its
    /// client has given up meanwhile.
    pub delay: Duration,
    /// The part of it that the upstream gets.
    pub forward: Forward,
    /// The answer to it.
    pub answer: Answer,
    /// How the answer arrives.
    pub delivery: Delivery,
}

/// The part of a request that the upstream gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// As it came.
    Whole,
    /// Not at all: it has no effect.
    Nothing,
    /// So many of the requests or keys of BatchWriteItem and BatchGetItem; the answer gives the
    /// others back as unprocessed. Any other request as it came.
    First(usize),
    /// As it came; of the items that a BatchGetItem reads, the answer holds only as many as one
    /// partition gives at a time, and gives the keys of the others back as unprocessed.
    OnePartition,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The upstream's answer. Where the upstream was not asked there is none, and the connection is
    /// closed.
    Upstreams,
    /// This one.
    Instead(Reply),
    /// These bytes, which need not be HTTP; then the connection is closed.
    Bytes(Bytes),
}

impl Action {
    /// Passed on, answered, delivered.
    pub fn pass() -> Self {
        Self {
            delay: Duration::ZERO,
            forward: Forward::Whole,
            answer: Answer::Upstreams,
            delivery: Delivery::Ordinary,
        }
    }

    /// Answered like this, and not passed on.
    pub fn answer(reply: Reply) -> Self {
        Self {
            forward: Forward::Nothing,
            answer: Answer::Instead(reply),
            ..Self::pass()
        }
    }

    /// Answered with these bytes, which need not be HTTP, and not passed on.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self {
            forward: Forward::Nothing,
            answer: Answer::Bytes(bytes.into()),
            ..Self::pass()
        }
    }

    /// Answered with this error, and not passed on.
    pub fn error(error: &AwsError) -> Self {
        Self::answer(error.reply())
    }

    /// Passed on, and answered with this error all the same.
    pub fn error_after_effect(error: &AwsError) -> Self {
        Self::error(error).after_effect()
    }

    /// Only so many requests or keys of a batch are passed on.
    pub fn leave_unprocessed(but: usize) -> Self {
        Self {
            forward: Forward::First(but),
            ..Self::pass()
        }
    }

    /// Passed on; a BatchGetItem reads 1 MB at most, as where all its items are in one partition.
    pub fn one_partition() -> Self {
        Self {
            forward: Forward::OnePartition,
            ..Self::pass()
        }
    }

    /// Passed on; what comes back comes back like this.
    pub fn deliver(delivery: Delivery) -> Self {
        Self {
            delivery,
            ..Self::pass()
        }
    }

    /// Not passed on; its connection ends.
    pub fn drop_request() -> Self {
        Self::deliver(Delivery::Closed).without_effect()
    }

    /// Passed on; its connection ends before an answer.
    pub fn drop_answer() -> Self {
        Self::deliver(Delivery::Closed)
    }

    /// The same, after so much time.
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same, and the request is passed on.
    pub fn after_effect(self) -> Self {
        Self {
            forward: Forward::Whole,
            ..self
        }
    }

    /// The same, but the request is not passed on.
    pub fn without_effect(self) -> Self {
        Self {
            forward: Forward::Nothing,
            ..self
        }
    }
}

/// How an answer arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As it should, on a connection that is kept.
    Ordinary,
    /// Not at all: the connection is closed.
    Closed,
    /// Not at all: the connection is reset.
    Reset,
    /// Not at all: all connections are reset, and for so long new ones are refused.
    Outage(Duration),
    /// Not at all, and the connection stays open.
    Withheld,
    /// The status line and then nothing more, and the connection stays open.
    WithheldInHead,
    /// The head and so many bytes of the body, and the connection stays open.
    WithheldAfter(usize),
    /// The head, and a byte of the body whenever so much time has passed.
    Trickled(Duration),
    /// The head, and then spaces without end in place of the body.
    Endless,
    /// The head and so many bytes of the body, then the connection is closed.
    Truncated(usize),
    /// As [`Truncated`](Self::Truncated), and the head does not say how long the body is.
    TruncatedUnframed(usize),
    /// With one bit turned in the middle of the body.
    Corrupted,
    /// Compressed, which the client did not ask for.
    Gzipped,
    /// With two lengths of which one is wrong.
    TwoLengths,
    /// Followed by bytes that look like the answer to a request that nobody made.
    Followed,
    /// As it should, and without notice the connection is closed after it.
    HungUp,
    /// As it should, with notice that the connection is closed after it.
    Last,
    /// As it should, in chunks of one byte.
    Chunked,
    /// As it should, with the same length said twice.
    LengthTwice,
    /// As it should, after an interim answer.
    AfterInterim,
}

/// Pieces to write, and the end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Script {
    pub(super) pieces: Vec<Piece>,
    pub(super) end: End,
}

/// A part of what is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Bytes(Bytes),
    Pause(Duration),
}

/// The end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Close,
    Reset,
    Outage(Duration),
    /// Open until the client closes it.
    Silence,
    /// Chunks of spaces, until the client closes it.
    Spaces,
}

/// An answer that is ready to go.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Departure {
    Ordinary(Reply),
    Scripted(Script),
}

impl Delivery {
    /// How this answer arrives; without one nothing can but its connection's end.
    pub(super) fn of(self, reply: Option<Reply>) -> Departure {
        let end = match self {
            Self::Reset => End::Reset,
            Self::Outage(time) => End::Outage(time),
            Self::Withheld | Self::WithheldInHead | Self::WithheldAfter(_) | Self::Followed => {
                End::Silence
            }
            Self::Endless => End::Spaces,
            _ => End::Close,
        };
        let pieces = match reply {
            None => Vec::new(),
            Some(reply) => match self {
                Self::Ordinary => return Departure::Ordinary(reply),
                Self::Corrupted => return Departure::Ordinary(corrupted(reply)),
                Self::Gzipped => return Departure::Ordinary(gzipped(reply)),
                _ => self.pieces(&reply),
            },
        };
        Departure::Scripted(Script { pieces, end })
    }

    /// How bytes arrive that need not be HTTP: byte by byte where this is a trickle, and else at once.
    pub(super) fn of_bytes(self, bytes: &Bytes) -> Departure {
        let pieces = match self {
            Self::Trickled(interval) => trickle(bytes, interval).collect(),
            _ => vec![Piece::Bytes(bytes.clone())],
        };
        let end = End::Close;
        Departure::Scripted(Script { pieces, end })
    }

    fn pieces(self, reply: &Reply) -> Vec<Piece> {
        let body = &reply.body;
        let start = |bytes: usize| body.slice(..bytes.min(body.len()));
        let length = length(body.len());
        let whole = |framing: &str| vec![head(reply, framing), Piece::Bytes(body.clone())];
        match self {
            Self::Closed | Self::Reset | Self::Outage(_) | Self::Withheld => Vec::new(),
            Self::WithheldInHead => vec![Piece::Bytes(Bytes::from_static(b"HTTP/1.1 200 OK\r\n"))],
            Self::WithheldAfter(bytes) | Self::Truncated(bytes) => {
                vec![head(reply, &length), Piece::Bytes(start(bytes))]
            }
            Self::TruncatedUnframed(bytes) => vec![head(reply, ""), Piece::Bytes(start(bytes))],
            Self::Trickled(interval) => std::iter::once(head(reply, &length))
                .chain(trickle(body, interval))
                .collect(),
            Self::Endless => vec![head(reply, "transfer-encoding: chunked\r\n")],
            Self::TwoLengths => {
                let wrong = self::length(body.len() / 2);
                whole(&format!("{wrong}{length}"))
            }
            Self::Followed => {
                let mut pieces = whole(&length);
                // In one piece with the answer, so that the client has it when it reads the answer.
                let surplus = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                pieces.push(Piece::Bytes(Bytes::from_static(surplus.as_bytes())));
                pieces
            }
            Self::Chunked => {
                let bytes = (0..body.len()).map(|at| body.slice(at..=at));
                let chunks = bytes.map(|byte| [b"1\r\n", &*byte, b"\r\n"].concat());
                let chunks: Vec<u8> = chunks.flatten().chain(*b"0\r\n\r\n").collect();
                let framing = "transfer-encoding: chunked\r\nconnection: close\r\n";
                vec![head(reply, framing), Piece::Bytes(chunks.into())]
            }
            Self::Last => whole(&format!("{length}connection: close\r\n")),
            Self::LengthTwice => whole(&format!("{length}{length}connection: close\r\n")),
            Self::AfterInterim => {
                let interim = Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n");
                let mut pieces = whole(&format!("{length}connection: close\r\n"));
                pieces.insert(0, Piece::Bytes(interim));
                pieces
            }
            Self::Ordinary | Self::Corrupted | Self::Gzipped | Self::HungUp => whole(&length),
        }
    }
}

/// Each byte after a pause.
fn trickle(bytes: &Bytes, interval: Duration) -> impl Iterator<Item = Piece> {
    let bytes = (0..bytes.len()).map(|at| Piece::Bytes(bytes.slice(at..=at)));
    bytes.flat_map(move |byte| [Piece::Pause(interval), byte])
}

fn length(bytes: usize) -> String {
    format!("content-length: {bytes}\r\n")
}

fn head(reply: &Reply, framing: &str) -> Piece {
    let mut head = format!("HTTP/1.1 {}\r\n", reply.status).into_bytes();
    for (name, value) in &reply.headers {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(format!("{framing}\r\n").into_bytes());
    Piece::Bytes(head.into())
}

/// The checksum stays that of the body as it was.
fn corrupted(mut reply: Reply) -> Reply {
    let mut body = reply.body.to_vec();
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 1;
    }
    reply.body = body.into();
    reply
}

/// The checksum is that of the compressed body, as DynamoDB has it.
fn gzipped(reply: Reply) -> Reply {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(&reply.body);
    match written.and_then(|()| encoder.finish()) {
        Ok(body) => reply
            .with_body(body.into())
            .with("content-encoding", "gzip"),
        // Writing to memory does not fail.
        Err(_) => reply,
    }
}
