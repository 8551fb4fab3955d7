//! A server with a script for every byte that it sends. It counts connections and requests.

use crate::egress::connector::Duplex;
use rustls::HandshakeKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A complete response with a body of two bytes. It leaves the connection open.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Returns a URL that refuses connections. The socket owns the port and does not listen.
pub(crate) fn refusing() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    (socket, url)
}

pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    counted: Arc<Counted>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counted {
    connections: AtomicUsize,
    heads: Mutex<Vec<String>>,
    handshakes: Mutex<Vec<HandshakeKind>>,
}

impl Server {
    /// Responds to every request on every connection with [`OK`].
    pub(crate) async fn that_answers() -> Self {
        Self::that_answers_with(OK).await
    }

    /// Responds to every request on every connection with this text.
    pub(crate) async fn that_answers_with(answer: impl Into<String>) -> Self {
        Self::accept(None, answering(answer.into())).await
    }

    /// Like [`Server::that_answers_with`], over TLS.
    pub(crate) async fn that_answers_over_tls(tls: TlsAcceptor, answer: impl Into<String>) -> Self {
        Self::accept(Some(tls), answering(answer.into())).await
    }

    /// Like [`Server::that_answers`]. It also reports when a client has closed a connection.
    pub(crate) async fn that_tells_of_closing() -> (Self, mpsc::UnboundedReceiver<()>) {
        let (closed, is_closed) = mpsc::unbounded_channel();
        let server = Self::start(move |mut connection| {
            let closed = closed.clone();
            async move {
                while connection.request().await.is_some() {
                    connection.write(OK).await;
                }
                let _ = closed.send(());
            }
        });
        (server.await, is_closed)
    }

    /// Sends a part of a response on every connection, and reports when a client has closed one.
    pub(crate) async fn that_answers_in_part() -> (Self, mpsc::UnboundedReceiver<()>) {
        Self::that_waits_after("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\npart").await
    }

    /// Reads one request on every connection, writes this text, and reports when a client has closed one.
    pub(crate) async fn that_waits_after(
        answer: &'static str,
    ) -> (Self, mpsc::UnboundedReceiver<()>) {
        let (closed, is_closed) = mpsc::unbounded_channel();
        let server = Self::start(move |mut connection| {
            let closed = closed.clone();
            async move {
                connection.request().await;
                connection.write(answer).await;
                let _ = connection.closed().await;
                let _ = closed.send(());
            }
        });
        (server.await, is_closed)
    }

    /// Reads one request on every connection, writes this text and closes the connection.
    pub(crate) async fn that_ends_with(answer: impl Into<String>) -> Self {
        let answer = Arc::new(answer.into());
        Self::start(move |mut connection| {
            let answer = Arc::clone(&answer);
            async move {
                connection.request().await;
                connection.write(&answer).await;
            }
        })
        .await
    }

    /// Runs `script` for every connection.
    pub(crate) async fn start<F>(script: impl Fn(Connection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::accept(None, script).await
    }

    /// Like [`Server::start`], over TLS.
    pub(crate) async fn start_tls<F>(
        tls: TlsAcceptor,
        script: impl Fn(Connection) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::accept(Some(tls), script).await
    }

    async fn accept<F>(
        tls: Option<TlsAcceptor>,
        script: impl Fn(Connection) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let counted = Arc::new(Counted::default());
        let counting = Arc::clone(&counted);
        let accepting = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                counting.connections.fetch_add(1, Ordering::SeqCst);
                let Some(stream) = encrypted(tls.as_ref(), tcp, &counting).await else {
                    continue;
                };
                let counted = Arc::clone(&counting);
                tokio::spawn(script(Connection {
                    stream: BufReader::new(stream),
                    counted,
                }));
            }
        });
        Self {
            address,
            scheme,
            counted,
            accepting,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}/", self.scheme, self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connections(&self) -> usize {
        self.counted.connections.load(Ordering::SeqCst)
    }

    /// Returns the kind of each TLS handshake.
    pub(crate) fn handshakes(&self) -> Vec<HandshakeKind> {
        self.counted.handshakes.lock().unwrap().clone()
    }

    /// Returns the heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.counted.heads.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.counted.heads.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Returns the script of a server that responds to every request with this text.
fn answering(answer: String) -> impl Fn(Connection) -> BoxFuture + Send + 'static {
    let answer = Arc::new(answer);
    move |mut connection| {
        let answer = Arc::clone(&answer);
        Box::pin(async move {
            while connection.request().await.is_some() {
                connection.write(&answer).await;
            }
        })
    }
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Accepts TLS if there is an acceptor. Returns `None` if the client refuses the certificate.
async fn encrypted(
    tls: Option<&TlsAcceptor>,
    tcp: TcpStream,
    counted: &Counted,
) -> Option<Box<dyn Duplex>> {
    let Some(tls) = tls else {
        return Some(Box::new(tcp));
    };
    let stream = tls.accept(tcp).await.ok()?;
    let handshake = stream.get_ref().1.handshake_kind().unwrap();
    counted.handshakes.lock().unwrap().push(handshake);
    Some(Box::new(stream))
}

pub(crate) struct Connection {
    stream: BufReader<Box<dyn Duplex>>,
    counted: Arc<Counted>,
}

impl Connection {
    /// Reads the next request with its body, and returns its head. Returns `None` if the client has closed the connection.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let head = self.head().await?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(head)
    }

    /// Returns the head of the next request, and leaves its body unread.
    pub(crate) async fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match self.stream.read_line(&mut head).await {
                Ok(read) if read > 0 => {}
                _ => return None,
            }
        }
        self.counted.heads.lock().unwrap().push(head.clone());
        Some(head)
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.write_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn write_bytes(&mut self, bytes: &[u8]) {
        // In some tests the client is gone, so errors are ignored.
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// Waits until the client has closed the connection. Returns an error if it did so without `close_notify` within TLS.
    pub(crate) async fn closed(mut self) -> std::io::Result<()> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.map(drop)
    }

    /// Closes the server's sending side only.
    pub(crate) async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Returns the bytes of one read, or `None` if the client has closed the connection.
    pub(crate) async fn segment(&mut self) -> Option<String> {
        let mut segment = vec![0; 64 * 1024];
        let length = self.stream.read(&mut segment).await.ok()?;
        segment.truncate(length);
        (length > 0).then(|| String::from_utf8(segment).unwrap())
    }

    /// Returns the next bytes from the client.
    pub(crate) async fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }
}
