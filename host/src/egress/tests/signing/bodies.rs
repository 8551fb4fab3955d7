//! Bodies that share the room of an instance.

use crate::egress::signing::{LARGEST_BODY, whole};
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, WasiBody};

/// Gives its parts one by one, the last first, and lets others go before each.
struct InParts {
    parts: Vec<&'static str>,
    has_waited: bool,
}

impl Body for InParts {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let part = self.parts.pop();
        Poll::Ready(part.map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes())))))
    }
}

fn abcd() -> WasiBody {
    let body = InParts {
        parts: vec!["cd", "ab"],
        has_waited: false,
    };
    body.boxed_unsync()
}

#[tokio::test(start_paused = true)]
async fn bodies_that_have_no_room_together_go_one_after_the_other() {
    let room = Arc::new(Semaphore::new(5));
    let mut reading = JoinSet::new();
    for _ in 0..4 {
        let room = Arc::clone(&room);
        reading.spawn(async move { whole(abcd(), Some(4), room).await.unwrap().to_vec() });
    }
    let read = timeout(Duration::from_secs(60), reading.join_all()).await;
    for body in read.expect("they wait for one another for ever") {
        assert_eq!(&body[..], b"abcd");
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_its_length_keeps_no_more_room_than_it_needs() {
    let room = Arc::new(Semaphore::new(LARGEST_BODY));
    let held = whole(abcd(), None, Arc::clone(&room)).await.unwrap();
    assert_eq!(room.available_permits(), LARGEST_BODY - 4);
    drop(held);
    assert_eq!(room.available_permits(), LARGEST_BODY);
}

#[tokio::test]
async fn a_body_that_is_longer_than_it_says_is_refused() {
    let room = Arc::new(Semaphore::new(LARGEST_BODY));
    let refused = whole(abcd(), Some(3), Arc::clone(&room)).await;
    assert!(matches!(refused, Err(Error::HttpRequestBodySize(Some(3)))));
    let refused = whole(abcd(), Some(LARGEST_BODY + 1), room).await;
    assert!(matches!(refused, Err(Error::HttpRequestBodySize(Some(_)))));
}
