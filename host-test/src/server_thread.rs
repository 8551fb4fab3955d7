//! A server of the harness, on its own OS thread and runtime. A caller that blocks its own runtime
//! cannot starve it. Dropping the handle stops the server and waits for the thread.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use std::{io, thread};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

/// The time that a stopping server gives to unfinished requests. After that they are aborted.
const GRACE: Duration = Duration::from_secs(1);
/// The number of connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A running server. Stops on drop.
pub struct ServerThread {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ServerThread {
    /// Listens on a free port of 127.0.0.1 and runs `serve` until the receiver passed to it
    /// resolves. Connections are queued from the moment this function returns.
    pub fn start<S, F>(name: &str, serve: S) -> io::Result<Self>
    where
        S: FnOnce(TcpListener, oneshot::Receiver<()>) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        Self::start_on_port(name, 0, serve)
    }

    /// Like [`start`](Self::start), on this port. Port 0 means a free one.
    pub fn start_on_port<S, F>(name: &str, port: u16, serve: S) -> io::Result<Self>
    where
        S: FnOnce(TcpListener, oneshot::Receiver<()>) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        Self::start_on(name, || listen(port), serve)
    }

    /// Like [`start`](Self::start), with a listener of the caller.
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
                // A plain drop waits for its threads, which panics in an asynchronous caller.
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

    /// Returns `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended by itself. Then nobody receives the message.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic on the server's thread has been printed there. A drop has no way to report
            // it.
            let _ = thread.join();
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Linux copies this option to the accepted connections, so small responses leave at once.
    socket.set_nodelay(true)?;
    // Without this option, a requested port stays unavailable for a minute after its last server
    // ended.
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
        // An error means that the handle was dropped without a message. It also means stop.
        _ = stopped => {}
    }
    let _ = announce.send(());
    // Dropping the runtime aborts the requests that are left after the grace period.
    let _ = tokio::time::timeout(GRACE, serving).await;
}
