//! Stands before the embedded engine and loses answers: the request takes effect and its sender never hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::faulty_server::read_message;

/// A proxy on a free port; it ends with the test's runtime.
pub struct LossyProxy {
    pub endpoint: String,
    to_lose: Arc<AtomicUsize>,
}

impl LossyProxy {
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let to_lose = Arc::new(AtomicUsize::new(0));
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let losing = to_lose.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass_on(stream, upstream.clone(), losing.clone()));
            }
        });
        Self { endpoint, to_lose }
    }

    /// The answers to the next `count` requests are lost, each with its connection.
    pub fn lose(&self, count: usize) {
        self.to_lose.store(count, Ordering::SeqCst);
    }

    /// How many answers are still to be lost.
    pub fn to_lose(&self) -> usize {
        self.to_lose.load(Ordering::SeqCst)
    }
}

async fn pass_on(mut client: TcpStream, upstream: String, to_lose: Arc<AtomicUsize>) {
    let mut engine = TcpStream::connect(upstream).await.unwrap();
    while let Some(request) = read_message(&mut client).await {
        engine.write_all(&request).await.unwrap();
        let answer = read_message(&mut engine).await.unwrap();
        let lost = to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        if lost.is_ok() || client.write_all(&answer).await.is_err() {
            return;
        }
    }
}
