use super::*;
use bytes::Bytes;
use std::io::ErrorKind;

#[tokio::test]
async fn refused_connections_are_accepted_again_on_the_same_port() {
    let (_embedded, proxy) = proxied(PassOn).await;
    for _ in 0..3 {
        proxy.refuse_connections().await;
        let refused = connect(&proxy).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        proxy.accept_connections().await;
        let (status, _) = call(&proxy, "PutItem", &put("k")).await;
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn port_that_refuses_connections_stays_reserved() {
    let (_embedded, proxy) = proxied(PassOn).await;
    proxy.refuse_connections().await;
    let address = proxy.endpoint().trim_start_matches("http://");
    let taken = std::net::TcpListener::bind(address).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn outage_cuts_all_connections_and_ends() {
    let outage = Action::deliver(Delivery::Outage(Duration::from_millis(50))).without_effect();
    let (embedded, proxy) = proxied(writes(outage)).await;
    let mut idle = connect(&proxy).await.unwrap();
    // A response proves that the proxy has accepted the connection.
    idle.write_all(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    idle.read_u8().await.unwrap();
    assert_eq!(bytes_of_put(&proxy).await, (String::new(), false));
    let mut rest = Vec::new();
    assert!(idle.read_to_end(&mut rest).await.is_err());
    proxy.accept_connections().await;
    while connect(&proxy).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(embedded.scan("state").await.unwrap().is_empty());
}

#[tokio::test]
async fn idle_and_waiting_connections_are_cut() {
    let (_embedded, proxy) = proxied(writes(Action::deliver(Delivery::Withheld))).await;
    let mut idle = connect(&proxy).await.unwrap();
    idle.write_all(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    idle.read_u8().await.unwrap();
    let mut waiting = connect(&proxy).await.unwrap();
    send_put(&mut waiting).await;
    while proxy.count("PutItem").forwarded == 0 {
        tokio::task::yield_now().await;
    }
    proxy.sever_connections();
    proxy.closed_connections().await;
    for mut stream in [idle, waiting] {
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let (status, _) = call(&proxy, "ListTables", &json!({})).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn connection_may_end_before_any_request() {
    for (opening, gets) in [
        (Opening::Ends(Bytes::new()), ""),
        (Opening::Ends(Bytes::from_static(b"SSH-2.0")), "SSH-2.0"),
        (Opening::EndsAfterReading, ""),
    ] {
        let proxy = FaultProxy::start("", opening).unwrap();
        assert_eq!(bytes_of_put(&proxy).await, (gets.to_owned(), true));
        assert_eq!((proxy.connections(), proxy.count_all().arrived), (1, 0));
    }
}

#[tokio::test]
async fn connections_and_partial_requests_are_counted() {
    let proxy = FaultProxy::stub(Action::answer(Reply::html(StatusCode::OK))).unwrap();
    let mut streams = Vec::new();
    for requests in 1..=3 {
        let mut stream = connect(&proxy).await.unwrap();
        let half = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{";
        stream.write_all(half).await.unwrap();
        streams.push(stream);
        proxy.partial_requests(requests).await;
    }
    streams.pop();
    proxy.at_most_open(2).await;
    proxy.partial_requests(2).await;
    for mut stream in streams {
        stream.write_all(b"}").await.unwrap();
        stream.read_u8().await.unwrap();
    }
    proxy.closed_connections().await;
    assert_eq!((proxy.connections(), proxy.most_connections()), (3, 3));
    assert_eq!(proxy.count_all().arrived, 2);
}
