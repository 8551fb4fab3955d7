//! A proxy opens a tunnel to the host, and does not see the content of the tunnel.

use super::server::{Server, refusing};
use super::tls::server_named;
use super::{Egress, allowing, call};
use crate::tests::assert_matches;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::Error;

/// Starts a proxy that opens every tunnel to the same address, or refuses all. It records the requests.
async fn proxy(destination: Option<SocketAddr>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(tunnel(stream, destination, Arc::clone(&heads)));
        }
    });
    (address, asked)
}

async fn tunnel(
    stream: TcpStream,
    destination: Option<SocketAddr>,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap() == 0 {
            return;
        }
    }
    heads.lock().unwrap().push(head);
    let Some(destination) = destination else {
        let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        return stream.write_all(refusal).await.unwrap();
    };
    let opened = b"HTTP/1.1 200 Connection established\r\n\r\n";
    stream.write_all(opened).await.unwrap();
    let mut destination = TcpStream::connect(destination).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut destination).await;
}

#[tokio::test]
async fn https_goes_through_the_proxy_and_keeps_its_connection() {
    let (server, root) = server_named("store.example").await;
    let (proxy, asked) = proxy(Some(server.address())).await;
    let port = server.address().port();
    let url = format!("https://store.example:{port}/");
    let egress = Egress::builder()
        .allow_url(&url)
        .root_certificate(root.as_ref().pem())
        .https_proxy(format!("http://user:c4n4ry@{proxy}"));
    let egress = egress.build().unwrap();
    for _ in 0..2 {
        assert_eq!(call(&egress, &url).await.unwrap().1, "ok");
    }
    let asked = asked.lock().unwrap();
    let [head] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let request = format!("CONNECT store.example:{port} HTTP/1.1\r\n");
    assert!(head.starts_with(&request), "{head}");
    // This is `user:c4n4ry` in Base64.
    let authorization = "proxy-authorization: basic dxnlcjpjng40cnk=";
    assert!(head.to_lowercase().contains(authorization), "{head}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn refused_tunnel_is_an_internal_error() {
    let (proxy, asked) = proxy(None).await;
    let url = "https://store.example/";
    let egress = Egress::builder()
        .allow_url(url)
        .https_proxy(format!("http://{proxy}"));
    let refused = call(&egress.build().unwrap(), url).await;
    assert_matches!(refused, Err(Error::InternalError(_)));
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn closed_proxy_port_is_connection_refused() {
    let (_socket, proxy) = refusing();
    let url = "https://store.example/";
    let egress = Egress::builder().allow_url(url).https_proxy(proxy);
    let refused = call(&egress.build().unwrap(), url).await;
    assert_matches!(refused, Err(Error::ConnectionRefused));
}

#[tokio::test]
async fn http_and_refused_hosts_do_not_reach_the_proxy() {
    let (proxy, asked) = proxy(None).await;
    let server = Server::that_answers().await;
    let egress = allowing(&server).https_proxy(format!("http://{proxy}"));
    let egress = egress.build().unwrap();
    assert_eq!(call(&egress, &server.url()).await.unwrap().1, "ok");
    let refused = call(&egress, "https://store.example/").await;
    assert_matches!(refused, Err(Error::HttpRequestDenied));
    assert!(asked.lock().unwrap().is_empty());
}
