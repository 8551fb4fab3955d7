//! The port of the proxy and its connections.
//!
//! The proxy owns the port for its whole life. If it accepts no connections, they are refused, and
//! no other process can take the port.
//!
//! On a connection, hyper reads requests and writes ordinary responses. hyper does not support some
//! deliveries. For these, the connection is taken from hyper, and the script is written to it.

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

/// The number of connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The port of the proxy.
pub(super) struct Listener {
    address: SocketAddr,
    wanted: watch::Sender<bool>,
    /// True while a socket listens on the port.
    open: watch::Sender<bool>,
    /// A socket that is bound to the port and never listens. It keeps the port, and the system
    /// refuses connections while no other socket listens.
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

    /// Sets if connections are accepted, and waits until that is in force.
    pub(super) async fn set_open(&self, open: bool) {
        self.wanted.send_replace(open);
        // An error would mean that the sender is dropped, but `self` owns it.
        let _ = self.open.subscribe().wait_for(|now| *now == open).await;
    }
}

impl Shared {
    /// Cuts all connections including `last`, and refuses new ones for this time.
    pub(super) async fn outage(self: &Arc<Self>, last: TcpStream, time: Duration) {
        // Refuse first, because clients that are cut reconnect at once.
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

/// Creates a socket on the address. Linux and macOS let sockets share a port if all of them ask for
/// it. Connections go to the sockets that listen.
fn socket_on(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    #[cfg(not(unix))]
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit this option. It sends small responses at once.
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
    // The wanted state may have changed before this started.
    wanted.mark_changed();
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            accepted = accepted_by(listener.as_ref()) => accepted,
            Ok(()) = wanted.changed() => {
                listener = match *wanted.borrow_and_update() {
                    // If listening fails, connections stay refused.
                    true => listener.or_else(|| shared.listener.listen().ok()),
                    false => None,
                };
                shared.listener.open.send_replace(listener.is_some());
                continue;
            }
            // The connections end when the set is dropped.
            _ = &mut stopped => return,
            // Finished connections are removed from the set as they end.
            Some(_) = connections.join_next() => continue,
        };
        let Ok(stream) = accepted else { continue };
        number += 1;
        // Subscribed here, so that no cut is missed.
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

/// The error with which the service makes hyper release the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection goes on without hyper, or not at all")]
struct LetGo;

/// Serves a connection until it ends or is cut.
async fn serve(
    mut stream: TcpStream,
    number: u64,
    shared: Arc<Shared>,
    mut severed: watch::Receiver<()>,
) {
    match shared.director.opening() {
        Opening::Http => {}
        Opening::Ends(bytes) => {
            // An error means that the client has disconnected, so there is nobody to write to.
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
        // A cut must be visible to the client, so it is a reset.
        _ = severed.changed() => return reset(&stream),
    };
    match script.end {
        // An error means that the client has disconnected, so there is no connection to end.
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

/// Returns the stream and the script to write to it. Returns `None` if the connection has ended
/// normally or was cut.
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
        // Errors of a client that disconnects are ignored.
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
        // The task continues even if the client disconnects.
        match tokio::spawn(exchange(shared, arrived)).await {
            Ok(Departure::Ordinary(reply)) => Ok(response(reply)),
            Ok(Departure::Scripted(script)) => {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(script);
                Err(LetGo)
            }
            // A director that panicked has printed the reason.
            Err(_) => Err(LetGo),
        }
    })
}

/// Returns the body when it has arrived completely.
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

/// Sends a FIN after the written bytes. Closing at once would reset the connection if the client
/// has sent more.
async fn close(stream: &mut TcpStream) {
    if stream.shutdown().await.is_ok() {
        until_closed(stream).await;
    }
}

/// Sends chunks of spaces until the client closes the connection.
async fn spaces(stream: &mut TcpStream) {
    let chunk = [b"10000\r\n", &[b' '; 0x10000][..], b"\r\n"].concat();
    while stream.write_all(&chunk).await.is_ok() {}
}

/// Reads and discards bytes until the client closes the connection.
async fn until_closed(stream: &mut TcpStream) {
    let mut forgotten = [0; 1024];
    while stream.read(&mut forgotten).await.is_ok_and(|read| read > 0) {}
}

/// Prepares the stream so that its drop sends a RST.
fn reset(stream: &TcpStream) {
    // If the option is refused, the drop closes the connection, which also ends it.
    let _ = stream.set_zero_linger();
}
