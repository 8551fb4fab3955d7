//! An instance has no more requests under way than it may, and other instances do not feel it.

use super::server::Server;
use super::{Egress, Outgoing, egress_to, send};
use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

fn instance(egress: &Egress, requests: usize) -> Outgoing {
    Outgoing::new(Some(egress.clone()), NonZeroUsize::new(requests).unwrap())
}

async fn post(instance: &mut Outgoing, server: &Server) -> Result<Response<WasiBody>, Error> {
    post_with(instance, server, RequestOptions::default()).await
}

/// Posts where there is no room, and does not wait for it long.
async fn is_one_too_many(instance: &mut Outgoing, server: &Server) -> bool {
    let options = RequestOptions {
        connect_timeout: Some(Duration::from_millis(100)),
        ..RequestOptions::default()
    };
    let answer = post_with(instance, server, options).await;
    matches!(answer, Err(Error::ConnectionLimitReached))
}

async fn post_with(
    instance: &mut Outgoing,
    server: &Server,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    let body = Full::from("{}").map_err(|e| match e {});
    send(instance, &server.url(), Some(options), body).await
}

#[tokio::test]
async fn an_instance_that_keeps_answers_has_no_more_than_it_may() {
    let (server, _) = Server::that_answers_in_part().await;
    let egress = egress_to(&server);
    let mut greedy = instance(&egress, 2);
    let one = post(&mut greedy, &server).await.unwrap();
    let _other = post(&mut greedy, &server).await.unwrap();
    assert!(is_one_too_many(&mut greedy, &server).await);
    assert_eq!(server.connections(), 2);

    // Another instance has room of its own.
    post(&mut instance(&egress, 2), &server).await.unwrap();

    drop(one);
    post(&mut greedy, &server).await.unwrap();
}

#[tokio::test]
async fn a_request_whose_answer_was_read_is_not_under_way() {
    let server = Server::that_answers().await;
    let mut instance = instance(&egress_to(&server), 1);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mut answer = post(&mut instance, &server).await.unwrap();
        while let Some(frame) = answer.frame().await {
            frame.unwrap();
        }
        // Kept, as an empty one.
        answers.push(answer);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_is_under_way_until_its_plugin_has_heard_of_the_end() {
    let server = Server::that_answers().await;
    let egress = egress_to(&server);
    let mut instance = instance(&egress, 1);
    let mut answer = post(&mut instance, &server).await.unwrap();
    // All there is, which the plugin may leave in the host's memory.
    answer.frame().await.unwrap().unwrap();
    assert_eq!(egress.pool.kept(), 1);
    assert!(is_one_too_many(&mut instance, &server).await);
    assert!(answer.frame().await.is_none());
    post(&mut instance, &server).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_that_is_never_finished_is_under_way_until_nobody_wants_its_answer() {
    let (server, _) = Server::that_answers_in_part().await;
    let mut instance = instance(&egress_to(&server), 1);
    let url = server.url();
    let unfinished = send(&mut instance, &url, None, Unfinished);
    let answer = unfinished.await.unwrap();
    assert!(is_one_too_many(&mut instance, &server).await);
    drop(answer);
    post(&mut instance, &server).await.unwrap();
}

#[tokio::test]
async fn a_request_that_failed_makes_room() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    let mut instance = instance(&egress_to(&server), 1);
    for _ in 0..3 {
        let lost = post(&mut instance, &server).await;
        assert!(matches!(lost, Err(Error::ConnectionTerminated)), "{lost:?}");
    }
}

struct Unfinished;

impl Body for Unfinished {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Pending
    }
}
