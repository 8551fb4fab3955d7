//! The port is the proxy's own from beginning to end: where it takes no connections, they are refused,
//! and nobody else can take the port meanwhile.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{oneshot, watch},
    task::JoinSet,
};

use super::{Open, Shared, connection::serve};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The port.
pub(super) struct Listener {
    address: SocketAddr,
    wanted: watch::Sender<bool>,
    /// Whether somebody listens.
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
