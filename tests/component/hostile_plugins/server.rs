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
    /// How many open connections have begun a request.
    begun: Arc<AtomicUsize>,
    closed: UnboundedReceiver<Vec<u8>>,
    told: usize,
}

impl CountingServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let [accepted, open, begun] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let (close, closed) = unbounded_channel();
        let (counted, now_open) = (Arc::clone(&accepted), Arc::clone(&open));
        let now_begun = Arc::clone(&begun);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                now_open.fetch_add(1, Ordering::SeqCst);
                let (open, begun) = (Arc::clone(&now_open), Arc::clone(&now_begun));
                tokio::spawn(serve(stream, open, begun, close.clone()));
            }
        });
        Self {
            port,
            accepted,
            open,
            begun,
            closed,
            told: 0,
        }
    }

    /// Waits until no more connections are open than these, and gives up after a minute.
    pub async fn has_at_most(&self, connections: usize) {
        becomes(&self.open, |open| open <= connections).await;
    }

    /// Waits until a request has begun on so many connections, and gives up after a minute.
    pub async fn has_begun(&self, connections: usize) {
        becomes(&self.begun, |begun| begun == connections).await;
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

async fn becomes(counted: &AtomicUsize, expected: impl Fn(usize) -> bool) {
    let waiting = async {
        while !expected(counted.load(Ordering::SeqCst)) {
            tokio::task::yield_now().await;
        }
    };
    let waited = timeout(Duration::from_secs(60), waiting).await;
    let counted = counted.load(Ordering::SeqCst);
    assert!(waited.is_ok(), "there are {counted}");
}

/// Answers each request whose body has come to its end, as chunks or as none.
async fn serve(
    mut stream: TcpStream,
    open: Arc<AtomicUsize>,
    begun: Arc<AtomicUsize>,
    close: UnboundedSender<Vec<u8>>,
) {
    let mut all = Vec::new();
    let mut has_begun = 0;
    while stream.read_buf(&mut all).await.is_ok_and(|read| read > 0) {
        if has_begun == 0 && all.ends_with(b"of a body\"\r\n") {
            has_begun = 1;
            begun.fetch_add(1, Ordering::SeqCst);
        }
        if all.ends_with(b"0\r\n\r\n") {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            // Whether the client still listens is its own affair.
            let _ = stream.write_all(answer).await;
        }
    }
    open.fetch_sub(1, Ordering::SeqCst);
    begun.fetch_sub(has_begun, Ordering::SeqCst);
    let _ = close.send(all);
}
