//! The handling of one request, in order. It waits, and is passed on or not. It gets the upstream's
//! response or another one. The response is delivered or not.
//!
//! A delivery consists of bytes, pauses between them, and an end of the connection. hyper makes
//! everything that is ordinary HTTP. The rest is written here.

use super::{AwsError, Reply};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::time::Duration;

/// The handling of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// The wait before anything else. The request is passed on after it, even if its client has
    /// given up in the meantime.
    pub delay: Duration,
    /// The part of the request that the upstream gets.
    pub forward: Forward,
    /// The response to the request.
    pub answer: Answer,
    /// The way in which the response is delivered.
    pub delivery: Delivery,
}

/// The part of a request that the upstream gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// The whole request.
    Whole,
    /// Nothing, so the request has no effect.
    Nothing,
    /// Only this many entries (requests or keys) of BatchWriteItem or BatchGetItem. The response
    /// returns the others as unprocessed. Other requests are passed on whole.
    First(usize),
    /// The whole request. The response to a BatchGetItem contains only as many items as one
    /// partition returns at a time, and returns the other keys as unprocessed.
    OnePartition,
}

/// The response to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The upstream's response. If the upstream was not asked, there is none, and the connection is
    /// closed.
    Upstreams,
    /// This response.
    Instead(Reply),
    /// These bytes, which need not be HTTP. The connection is closed after them.
    Bytes(Bytes),
}

impl Action {
    /// Passes the request on and delivers the upstream's response.
    pub fn pass() -> Self {
        Self {
            delay: Duration::ZERO,
            forward: Forward::Whole,
            answer: Answer::Upstreams,
            delivery: Delivery::Ordinary,
        }
    }

    /// Sends this response and does not pass the request on.
    pub fn answer(reply: Reply) -> Self {
        Self {
            forward: Forward::Nothing,
            answer: Answer::Instead(reply),
            ..Self::pass()
        }
    }

    /// Sends these bytes, which need not be HTTP, and does not pass the request on.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self {
            forward: Forward::Nothing,
            answer: Answer::Bytes(bytes.into()),
            ..Self::pass()
        }
    }

    /// Responds with this error and does not pass the request on.
    pub fn error(error: &AwsError) -> Self {
        Self::answer(error.reply())
    }

    /// Passes the request on and responds with this error nevertheless.
    pub fn error_after_effect(error: &AwsError) -> Self {
        Self::error(error).after_effect()
    }

    /// Passes on only this many entries of a batch.
    pub fn leave_unprocessed(but: usize) -> Self {
        Self {
            forward: Forward::First(but),
            ..Self::pass()
        }
    }

    /// Passes the request on. A BatchGetItem reads at most 1 MB, as if all its items were in one
    /// partition.
    pub fn one_partition() -> Self {
        Self {
            forward: Forward::OnePartition,
            ..Self::pass()
        }
    }

    /// Passes the request on and delivers the response in this way.
    pub fn deliver(delivery: Delivery) -> Self {
        Self {
            delivery,
            ..Self::pass()
        }
    }

    /// Closes the connection and does not pass the request on.
    pub fn drop_request() -> Self {
        Self::deliver(Delivery::Closed).without_effect()
    }

    /// Passes the request on and closes the connection without a response.
    pub fn drop_answer() -> Self {
        Self::deliver(Delivery::Closed)
    }

    /// Returns the same action after this delay.
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Returns the same action, with the request passed on.
    pub fn after_effect(self) -> Self {
        Self {
            forward: Forward::Whole,
            ..self
        }
    }

    /// Returns the same action, with the request not passed on.
    pub fn without_effect(self) -> Self {
        Self {
            forward: Forward::Nothing,
            ..self
        }
    }
}

/// The way in which a response is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Delivers the response normally, and keeps the connection.
    Ordinary,
    /// Sends nothing and closes the connection.
    Closed,
    /// Sends nothing and resets the connection.
    Reset,
    /// Sends nothing, resets all connections, and refuses new ones for this time.
    Outage(Duration),
    /// Sends nothing and keeps the connection open.
    Withheld,
    /// Sends the status line, then nothing more, and keeps the connection open.
    WithheldInHead,
    /// Sends the head and this many bytes of the body, and keeps the connection open.
    WithheldAfter(usize),
    /// Sends the head, then one byte of the body per interval.
    Trickled(Duration),
    /// Sends the head, then spaces without end instead of the body.
    Endless,
    /// Sends the head and this many bytes of the body, then closes the connection.
    Truncated(usize),
    /// Does the same as [`Truncated`](Self::Truncated), with a head that does not give the length
    /// of the body.
    TruncatedUnframed(usize),
    /// Flips one bit in the middle of the body.
    Corrupted,
    /// Compresses the body, though the client did not ask for it.
    Gzipped,
    /// Sends two lengths, of which one is wrong.
    TwoLengths,
    /// Sends more bytes after the response, which look like the response to another request.
    Followed,
    /// Delivers the response normally, then closes the connection without notice.
    HungUp,
    /// Delivers the response normally, with notice that the connection is closed after it.
    Last,
    /// Delivers the response in chunks of one byte.
    Chunked,
    /// Delivers the response with the same length twice in the head.
    LengthTwice,
    /// Delivers the response after an interim response.
    AfterInterim,
}

/// Pieces to write, and the end of the connection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Script {
    pub(super) pieces: Vec<Piece>,
    pub(super) end: End,
}

/// A piece of a script.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Bytes(Bytes),
    Pause(Duration),
}

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Close,
    Reset,
    Outage(Duration),
    /// Keeps the connection open until the client closes it.
    Silence,
    /// Sends chunks of spaces until the client closes the connection.
    Spaces,
}

/// A response that is ready to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Departure {
    Ordinary(Reply),
    Scripted(Script),
}

impl Delivery {
    /// Returns the delivery of this response. Without a response, only the connection can end.
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

    /// Returns the delivery of bytes that need not be HTTP: byte by byte for a trickle, otherwise
    /// at once.
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
                // In one piece with the response, so the client has it when it reads the response.
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

/// Returns each byte with a pause before it.
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

/// The checksum stays that of the original body.
fn corrupted(mut reply: Reply) -> Reply {
    let mut body = reply.body.to_vec();
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 1;
    }
    reply.body = body.into();
    reply
}

/// The checksum is that of the compressed body, as in DynamoDB.
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
