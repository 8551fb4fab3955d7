//! The port and its connections.
//!
//! The port is the proxy's own from beginning to end: where it takes no connections, they are refused, and nobody else can
//! take the port meanwhile. On a connection hyper reads requests and writes ordinary answers; where an answer is to arrive in
//! a way that hyper does not offer, the connection is taken from it and the script written out.

use super::action::{Departure, End, Piece, Script};
use super::exchange::exchange;
use super::{Arrived, Open, Opening, Partial, Reply, Shared};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The port.
pub(super) struct Listener {
    address: SocketAddr,
    wanted: watch::Sender<bool>,
    /// True while somebody listens.
    open: watch::Sender<bool>,
    /// Bound to the port and never listening: what keeps the port, and refuses, when nobody listens.
    _reserved: TcpSocket,
}

impl Listener {
    pub(super) fn reserve(port: u16) -> io::Result<Self> {
        let reserved = socket_on(SocketAddr::from(([127, 0, 0, 1], port)))?;
        Ok(Self {
            address: reserved.local_addr()?,
            wanted: watch::Sender::new(true),
            open: watch::Sender::new(true),
            _reserved: reserved,
        })
    }

    pub(super) fn listen(&self) -> io::Result<TcpListener> {
        socket_on(self.address)?.listen(BACKLOG)
    }

    /// Resolves when it is so.
    pub(super) async fn set_open(&self, open: bool) {
        self.wanted.send_replace(open);
        // An error means that the sender is gone, which is `self`.
        let _ = self.open.subscribe().wait_for(|now| *now == open).await;
    }
}

impl Shared {
    /// All connections are cut, `last` with them, and for so long there are no new ones.
    pub(super) async fn outage(self: &Arc<Self>, last: TcpStream, time: Duration) {
        // First, for whoever is cut comes back at once.
        self.listener.set_open(false).await;
        self.sever();
        drop(last);
        let shared = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            shared.listener.set_open(true).await;
        });
    }
}

/// Linux and macOS let sockets share a port that all ask to, and connections go to those that listen.
fn socket_on(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    #[cfg(not(unix))]
    socket.set_reuseaddr(true)?;
    // Handed down to the accepted connections: small answers leave at once.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    Ok(socket)
}

pub(super) async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut listener = Some(listener);
    let mut wanted = shared.listener.wanted.subscribe();
    // Somebody may have wished for another state before this began.
    wanted.mark_changed();
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            accepted = accepted_by(listener.as_ref()) => accepted,
            Ok(()) = wanted.changed() => {
                listener = match *wanted.borrow_and_update() {
                    // Where the port cannot be listened on, connections stay refused.
                    true => listener.or_else(|| shared.listener.listen().ok()),
                    false => None,
                };
                shared.listener.open.send_replace(listener.is_some());
                continue;
            }
            // Connections end with the set.
            _ = &mut stopped => return,
            // Finished connections leave the set as they end.
            Some(_) = connections.join_next() => continue,
        };
        let Ok(stream) = accepted else { continue };
        number += 1;
        // From here on, so that no cut is missed.
        let severed = shared.severing.subscribe();
        let open = Open::new(&shared);
        let served = serve(stream, number, shared.clone(), severed);
        connections.spawn(async move {
            served.await;
            drop(open);
        });
    }
}

async fn accepted_by(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

/// The error by which the service has hyper let go of the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection goes on without hyper, or not at all")]
struct LetGo;

/// Serves a connection to its end, or until it is cut.
async fn serve(
    mut stream: TcpStream,
    number: u64,
    shared: Arc<Shared>,
    mut severed: watch::Receiver<()>,
) {
    match shared.director.opening() {
        Opening::Http => {}
        Opening::Ends(bytes) => {
            // The client may have gone: then there is nobody to write to.
            let _ = stream.write_all(&bytes).await;
            return close(&mut stream).await;
        }
        Opening::EndsAfterReading => {
            let _ = stream.read(&mut [0; 4096]).await;
            return close(&mut stream).await;
        }
    }
    let Some((mut stream, script)) = with_hyper(stream, number, &shared, &mut severed).await else {
        return;
    };
    let performed = tokio::select! {
        performed = perform(&mut stream, &script.pieces) => performed,
        // Whoever cuts wants to be noticed.
        _ = severed.changed() => return reset(&stream),
    };
    match script.end {
        // The client may have gone by itself: then there is nobody to end it for.
        _ if performed.is_err() => {}
        End::Close => tokio::select! {
            () = close(&mut stream) => {}
            _ = severed.changed() => reset(&stream),
        },
        End::Reset => reset(&stream),
        End::Outage(time) => {
            reset(&stream);
            shared.outage(stream, time).await;
        }
        End::Silence => tokio::select! {
            () = until_closed(&mut stream) => {}
            _ = severed.changed() => reset(&stream),
        },
        End::Spaces => tokio::select! {
            () = spaces(&mut stream) => {}
            _ = severed.changed() => reset(&stream),
        },
    }
}

/// The stream and what is still to be written to it; `None` where it has ended in order, or was cut.
async fn with_hyper(
    stream: TcpStream,
    number: u64,
    shared: &Arc<Shared>,
    severed: &mut watch::Receiver<()>,
) -> Option<(TcpStream, Script)> {
    let slot: Arc<Mutex<Option<Script>>> = Arc::default();
    let (shared, filled) = (shared.clone(), slot.clone());
    let service =
        service_fn(move |request| answer(shared.clone(), number, request, filled.clone()));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let cut = tokio::select! {
        // A client that breaks off is its own affair.
        _ = poll_fn(|cx| connection.poll_without_shutdown(cx)) => false,
        _ = severed.changed() => true,
    };
    let mut stream = connection.into_parts().io.into_inner();
    let script = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    match script {
        _ if cut => reset(&stream),
        Some(script) => return Some((stream, script)),
        None => tokio::select! {
            () = close(&mut stream) => {}
            _ = severed.changed() => reset(&stream),
        },
    }
    None
}

type Served = Result<Response<Full<Bytes>>, LetGo>;

fn answer(
    shared: Arc<Shared>,
    connection: u64,
    request: Request<Incoming>,
    slot: Arc<Mutex<Option<Script>>>,
) -> BoxFuture<'static, Served> {
    Box::pin(async move {
        let (head, body) = request.into_parts();
        let body = whole(&shared, body).await.map_err(|_| LetGo)?;
        let mut arrived = Arrived::new(&head, body, connection);
        shared.traffic.arrived(&mut arrived);
        // In a task of its own, which goes on where the client goes.
        match tokio::spawn(exchange(shared, arrived)).await {
            Ok(Departure::Ordinary(reply)) => Ok(response(reply)),
            Ok(Departure::Scripted(script)) => {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(script);
                Err(LetGo)
            }
            // A director that panicked has said so.
            Err(_) => Err(LetGo),
        }
    })
}

/// The body, once its end has come.
async fn whole(shared: &Arc<Shared>, mut body: Incoming) -> hyper::Result<Bytes> {
    let Some(first) = body.frame().await else {
        return Ok(Bytes::new());
    };
    let first = first?.into_data().unwrap_or_default();
    let _partial = Partial::new(shared);
    let rest = body.collect().await?.to_bytes();
    match rest.is_empty() {
        true => Ok(first),
        false => Ok([first, rest].concat().into()),
    }
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

async fn perform(stream: &mut TcpStream, pieces: &[Piece]) -> io::Result<()> {
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => stream.write_all(bytes).await?,
            Piece::Pause(time) => tokio::time::sleep(*time).await,
        }
    }
    Ok(())
}

/// With a FIN after what was written. A close alone would be a reset where the client has sent more.
async fn close(stream: &mut TcpStream) {
    if stream.shutdown().await.is_ok() {
        until_closed(stream).await;
    }
}

/// Chunks of spaces, until the client closes.
async fn spaces(stream: &mut TcpStream) {
    let chunk = [b"10000\r\n", &[b' '; 0x10000][..], b"\r\n"].concat();
    while stream.write_all(&chunk).await.is_ok() {}
}

/// Reads and forgets until the client closes.
async fn until_closed(stream: &mut TcpStream) {
    let mut forgotten = [0; 1024];
    while stream.read(&mut forgotten).await.is_ok_and(|read| read > 0) {}
}

/// The drop that follows sends a RST.
fn reset(stream: &TcpStream) {
    // Where the option is refused, the drop closes, which is an end as well.
    let _ = stream.set_zero_linger();
}
