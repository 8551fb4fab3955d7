//! One connection. hyper reads requests and writes ordinary answers; where an answer is to arrive in a
//! way that hyper does not offer, the connection is taken from it and the script written out.

use std::{
    future::poll_fn,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};

use super::{
    Arrived, Reply, Shared,
    delivery::{Departure, End, Piece, Script},
    exchange::exchange,
};

/// What the service says to hyper so that it lets go of the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection goes on without hyper, or not at all")]
struct LetGo;

/// Serves a connection to its end, or until it is cut.
pub(super) async fn serve(
    stream: TcpStream,
    number: u64,
    shared: Arc<Shared>,
    mut severed: watch::Receiver<()>,
) {
    let Some((mut stream, script)) = with_hyper(stream, number, &shared, &mut severed).await else {
        return;
    };
    let performed = tokio::select! {
        performed = perform(&mut stream, &script.pieces) => performed,
        // Whoever cuts wants to be noticed.
        _ = severed.changed() => return reset(&stream),
    };
    match script.end {
        // The client may have gone by itself: then there is nobody to end it for.
        _ if performed.is_err() => {}
        End::Close => tokio::select! {
            () = close(&mut stream) => {}
            _ = severed.changed() => reset(&stream),
        },
        End::Reset => reset(&stream),
        End::Outage(time) => {
            reset(&stream);
            shared.outage(stream, time).await;
        }
        End::Silence => tokio::select! {
            () = until_closed(&mut stream) => {}
            _ = severed.changed() => reset(&stream),
        },
    }
}

/// The stream and what is still to be written to it; `None` where it has ended in order, or was cut.
async fn with_hyper(
    stream: TcpStream,
    number: u64,
    shared: &Arc<Shared>,
    severed: &mut watch::Receiver<()>,
) -> Option<(TcpStream, Script)> {
    let slot: Arc<Mutex<Option<Script>>> = Arc::default();
    let (shared, filled) = (shared.clone(), slot.clone());
    let service =
        service_fn(move |request| answer(shared.clone(), number, request, filled.clone()));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let cut = tokio::select! {
        // A client that breaks off is its own affair.
        _ = poll_fn(|cx| connection.poll_without_shutdown(cx)) => false,
        _ = severed.changed() => true,
    };
    let mut stream = connection.into_parts().io.into_inner();
    let script = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    match script {
        _ if cut => reset(&stream),
        Some(script) => return Some((stream, script)),
        None => tokio::select! {
            () = close(&mut stream) => {}
            _ = severed.changed() => reset(&stream),
        },
    }
    None
}

type Served = Result<Response<Full<Bytes>>, LetGo>;

fn answer(
    shared: Arc<Shared>,
    connection: u64,
    request: Request<Incoming>,
    slot: Arc<Mutex<Option<Script>>>,
) -> BoxFuture<'static, Served> {
    Box::pin(async move {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| LetGo)?;
        let mut arrived = Arrived::new(&head, body.to_bytes(), connection);
        shared.traffic.arrived(&mut arrived);
        // In a task of its own, which goes on where the client goes.
        match tokio::spawn(exchange(shared, arrived)).await {
            Ok(Departure::Ordinary(reply)) => Ok(response(reply)),
            Ok(Departure::Scripted(script)) => {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(script);
                Err(LetGo)
            }
            // A director that panicked has said so.
            Err(_) => Err(LetGo),
        }
    })
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

async fn perform(stream: &mut TcpStream, pieces: &[Piece]) -> io::Result<()> {
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => stream.write_all(bytes).await?,
            Piece::Pause(time) => tokio::time::sleep(*time).await,
        }
    }
    Ok(())
}

/// With a FIN after what was written. A close alone would be a reset where the client has sent more.
async fn close(stream: &mut TcpStream) {
    if stream.shutdown().await.is_ok() {
        until_closed(stream).await;
    }
}

/// Reads and forgets until the client closes.
async fn until_closed(stream: &mut TcpStream) {
    let mut forgotten = [0; 1024];
    while stream.read(&mut forgotten).await.is_ok_and(|read| read > 0) {}
}

/// The drop that follows sends a RST.
fn reset(stream: &TcpStream) {
    // Where the option is refused, the drop closes, which is an end as well.
    let _ = stream.set_zero_linger();
}
