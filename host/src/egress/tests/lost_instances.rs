//! An instance that is lost in the middle of a request leaves no request that looks complete.

use super::bodies::Parts;
use super::server::{OK, Server};
use super::{Egress, Outgoing, egress_to};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use tokio::sync::mpsc;
use wasmtime_wasi_http::WasiHttpHooks;

#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The plugin finishes the body.
    Finished,
    /// The instance goes, and with it its end of the channel.
    Lost,
}

/// Returns the bytes that the server gets of a request whose body ends like this. It answers what is complete.
async fn sent(end: End, egress: impl FnOnce(&Server) -> Egress) -> String {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let tell = tell.clone();
        async move {
            let mut all = String::new();
            while let Some(segment) = connection.segment().await {
                all.push_str(&segment);
                if is_complete(&all) {
                    connection.write(OK).await;
                    break;
                }
            }
            let _ = tell.send(all);
        }
    })
    .await;
    let mut outgoing = Outgoing::new(Some(egress(&server)), NonZeroUsize::MIN);
    let (write, parts) = mpsc::channel(1);
    let request = Request::post(server.url())
        .header("host", "store.example")
        .body(Parts(parts).boxed_unsync());
    let processed = Box::new(async { Ok(()) });
    let sending = outgoing.send_request(request.unwrap(), None, processed);
    // As wasmtime does: the task is aborted with the instance, and may run on for a moment on another thread.
    let sending = tokio::spawn(async move {
        let (answer, _) = Pin::from(sending).await?;
        answer.into_body().collect().await.map(drop)
    });
    write.send(Bytes::from_static(b"half")).await.unwrap();
    while write.capacity() == 0 {
        tokio::task::yield_now().await;
    }
    match end {
        End::Lost => {
            drop(outgoing);
            drop(write);
            sending.await.unwrap().unwrap_err();
        }
        End::Finished => {
            drop(write);
            sending.await.unwrap().unwrap();
            drop(outgoing);
        }
    }
    // A request that was being signed is never sent.
    drop(server);
    told.recv().await.unwrap_or_default()
}

fn is_complete(request: &str) -> bool {
    request.ends_with("\r\n4\r\nhalf\r\n0\r\n\r\n")
        || request.contains("content-length: 4\r\n") && request.ends_with("\r\n\r\nhalf")
}

#[tokio::test]
async fn a_body_that_its_instance_finished_is_complete() {
    let sent = sent(End::Finished, egress_to).await;
    assert!(is_complete(&sent), "{sent:?}");
}

#[tokio::test]
async fn a_body_is_cut_off_where_its_instance_is_lost() {
    let sent = sent(End::Lost, egress_to).await;
    assert!(sent.contains("half"), "{sent:?}");
    assert!(!is_complete(&sent), "{sent:?}");
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn a_body_is_not_signed_where_its_instance_is_lost() {
    let signing = |server: &Server| {
        let keys = aws_credential_types::Credentials::new("AKID", "c4n4ry", None, None, "test");
        let credentials = crate::AwsCredentials::new(keys);
        let url = server.url();
        let egress = Egress::builder().allow_url(&url);
        let egress = egress.sign(&url, "eu-west-1", "dynamodb", &credentials);
        egress.build().unwrap()
    };
    let finished = sent(End::Finished, signing).await;
    assert!(is_complete(&finished), "{finished:?}");
    assert_eq!(sent(End::Lost, signing).await, "");
}
