//! Sockets that break the network in one way each. They are no DynamoDB: none of them answers a question.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// What the server does to every connection.
#[derive(Clone)]
pub enum Fault {
    /// Closes it unread.
    HangsUp,
    /// Sends these bytes unasked and closes.
    SpeaksFirst(Vec<u8>),
    /// Reads the request and closes.
    ClosesWithoutAnswer,
    /// Reads what comes first, of whatever protocol, and closes.
    ClosesAfterReading,
    /// Reads the request and never answers.
    Silence,
    /// Reads the request, sends these bytes and closes.
    Answers(Vec<u8>),
    /// Reads the request and sends these bytes, one in every interval.
    Trickles(Vec<u8>, Duration),
}

/// A server on a free port that counts who came; it ends with the test's runtime.
pub struct FaultyServer {
    pub endpoint: String,
    connections: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

impl FaultyServer {
    pub async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let most_at_once = Arc::new(AtomicUsize::new(0));
        let (counted, most) = (connections.clone(), most_at_once.clone());
        let open = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let (open, fault) = (open.clone(), fault.clone());
                tokio::spawn(async move {
                    commit(stream, fault).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            endpoint,
            connections,
            most_at_once,
        }
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many of them were open at one time.
    pub fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }
}

/// An HTTP answer that closes the connection.
pub fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// A port that nobody listens on: connecting to it is refused, and as long as this lives no other test can have it.
pub struct DeadPort {
    pub endpoint: String,
    _bound: TcpSocket,
}

impl DeadPort {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self {
            endpoint: format!("http://{}", socket.local_addr().unwrap()),
            _bound: socket,
        }
    }
}

async fn commit(mut stream: TcpStream, fault: Fault) {
    let reads_no_request = matches!(
        fault,
        Fault::HangsUp | Fault::SpeaksFirst(_) | Fault::ClosesAfterReading
    );
    if !reads_no_request {
        read_message(&mut stream).await;
    }
    // Whether the client still listens is its own affair.
    match fault {
        Fault::HangsUp | Fault::ClosesWithoutAnswer => {}
        Fault::ClosesAfterReading => {
            let _ = stream.read(&mut [0; 4096]).await;
        }
        // Ends when the client gives up.
        Fault::Silence => while stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {},
        Fault::Answers(bytes) | Fault::SpeaksFirst(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Fault::Trickles(bytes, interval) => {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(interval).await;
            }
        }
    }
}

/// Reads one message with a Content-Length to its end, or to that of the connection.
pub async fn read_message(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => seen.extend_from_slice(&chunk[..read]),
        }
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |value| value.trim().parse().unwrap());
        if seen.len() >= head.len() + 4 + length {
            return;
        }
    }
}
