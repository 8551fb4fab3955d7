//! A server of the harness runs on an OS thread and a runtime of its own, so that a caller who
//! blocks its own runtime cannot starve it; dropping the handle stops it and waits for the thread.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use std::{io, thread};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

/// The time that a stopping server has for requests that are under way. After that they are cut.
const GRACE: Duration = Duration::from_secs(1);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A running server. Stops on drop.
pub struct ServerThread {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ServerThread {
    /// Listens on a free port of 127.0.0.1 and lets `serve` take the connections, until the
    /// receiver that it is given resolves. Connections are accepted (queued) from the return on.
    pub fn start<S, F>(name: &str, serve: S) -> io::Result<Self>
    where
        S: FnOnce(TcpListener, oneshot::Receiver<()>) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        Self::start_on_port(name, 0, serve)
    }

    /// As [`start`](Self::start), on this port; 0 is a free one.
    pub fn start_on_port<S, F>(name: &str, port: u16, serve: S) -> io::Result<Self>
    where
        S: FnOnce(TcpListener, oneshot::Receiver<()>) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        Self::start_on(name, || listen(port), serve)
    }

    /// As [`start`](Self::start), with a listener of the caller's own.
    pub fn start_on<L, S, F>(name: &str, listen: L, serve: S) -> io::Result<Self>
    where
        L: FnOnce() -> io::Result<TcpListener>,
        S: FnOnce(TcpListener, oneshot::Receiver<()>) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listening = {
            let _context = runtime.enter();
            listen().and_then(|listener| Ok((listener.local_addr()?, listener)))
        };
        let (address, listener) = match listening {
            Ok(listening) => listening,
            Err(error) => {
                // A plain drop waits for its threads, and panics where the caller is asynchronous.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(serve_until(stopped, listener, serve)))?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended by itself: then there is nobody to tell.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic on the server's thread has been printed there; a drop has no way to report it.
            let _ = thread.join();
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Linux hands this down to the accepted connections: small answers leave at once.
    socket.set_nodelay(true)?;
    // Else a port that was asked for is not to be had for a minute after its last server ended.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    socket.listen(BACKLOG)
}

async fn serve_until<S, F>(stopped: oneshot::Receiver<()>, listener: TcpListener, serve: S)
where
    S: FnOnce(TcpListener, oneshot::Receiver<()>) -> F,
    F: Future<Output = ()>,
{
    let (announce, announced) = oneshot::channel();
    let mut serving = pin!(serve(listener, announced));
    tokio::select! {
        () = &mut serving => return,
        // An error means that the handle was dropped without a word: the same wish.
        _ = stopped => {}
    }
    let _ = announce.send(());
    // What is left after the grace period ends with the runtime.
    let _ = tokio::time::timeout(GRACE, serving).await;
}
