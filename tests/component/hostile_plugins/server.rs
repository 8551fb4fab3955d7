//! A server that answers on connections that stay open, counts them, and keeps all that it was sent on each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// On a free port; it ends with the test's runtime.
pub struct CountingServer {
    pub port: u16,
    accepted: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    closed: UnboundedReceiver<Vec<u8>>,
    told: usize,
}

impl CountingServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let [accepted, open] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let (close, closed) = unbounded_channel();
        let (counted, now_open) = (Arc::clone(&accepted), Arc::clone(&open));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                now_open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&now_open), close.clone()));
            }
        });
        Self {
            port,
            accepted,
            open,
            closed,
            told: 0,
        }
    }

    /// Waits until so many connections are open, and gives up after a minute.
    pub async fn has_open(&self, connections: usize) {
        let open = async {
            while self.open.load(Ordering::SeqCst) != connections {
                tokio::task::yield_now().await;
            }
        };
        let waited = timeout(Duration::from_secs(60), open).await;
        let open = self.open.load(Ordering::SeqCst);
        assert!(waited.is_ok(), "{open} are open, and not {connections}");
    }

    /// Waits until the client has closed all its connections. Gives all that came on those that it closed since the last time.
    pub async fn all_closed(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while self.told < self.accepted.load(Ordering::SeqCst) {
            sent.push(String::from_utf8(self.closed.recv().await.unwrap()).unwrap());
            self.told += 1;
        }
        sent
    }
}

/// Answers each request whose body has come to its end, as chunks or as none.
async fn serve(mut stream: TcpStream, open: Arc<AtomicUsize>, close: UnboundedSender<Vec<u8>>) {
    let mut all = Vec::new();
    while stream.read_buf(&mut all).await.is_ok_and(|read| read > 0) {
        if all.ends_with(b"0\r\n\r\n") {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            // Whether the client still listens is its own affair.
            let _ = stream.write_all(answer).await;
        }
    }
    open.fetch_sub(1, Ordering::SeqCst);
    let _ = close.send(all);
}
