//! A server that answers every request with the same bytes, until it is told others. It is no DynamoDB.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::faulty_server::read_message;
use crate::fixture::{Store, reaching, whole};

/// What comes back.
#[derive(Clone)]
pub enum Answer {
    /// A success with this body.
    Body(Vec<u8>),
    /// These bytes, head and all; then the connection is closed.
    Raw(Vec<u8>),
    /// A success whose body has no end.
    Endless,
}

/// The server, on a free port; it ends with the test's runtime.
pub struct HostileServer {
    pub endpoint: String,
    answer: Arc<Mutex<Answer>>,
}

impl HostileServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(Answer::Body(b"{}".to_vec())));
        let given = answer.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let given = given.clone();
                tokio::spawn(async move {
                    read_message(&mut stream).await;
                    let answer = given.lock().unwrap().clone();
                    // Whether the client still listens is its own affair.
                    let _ = send(&mut stream, answer).await;
                });
            }
        });
        Self { endpoint, answer }
    }

    pub fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn answers_with(&self, body: &str) {
        self.answers(Answer::Body(body.as_bytes().to_vec()));
    }

    /// A store and a binding on the table `orders` that try once and are sure of the table without asking.
    pub async fn store(&self) -> Store {
        let once = [("AWS_MAX_ATTEMPTS", "1")];
        reaching(&self.endpoint, &whole("orders", &self.endpoint, &once)).await
    }
}

async fn send(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    const HEAD: &str =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.0\r\n";
    match answer {
        Answer::Raw(bytes) => stream.write_all(&bytes).await?,
        Answer::Body(body) => {
            let head = format!("{HEAD}Content-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
        }
        Answer::Endless => {
            const CHUNK: usize = 0x10000;
            let head = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            let chunk = [b"10000\r\n", &[b' '; CHUNK][..], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
            }
        }
    }
    stream.shutdown().await
}
