//! What is signed on its way out, by whom, and with what.

mod bodies;
mod expired;
mod mask_token;
mod passed;
mod refused;
mod s3;
mod signature;

use super::server::{OK, Server};
use crate::AwsCredentials;
use crate::egress::{Egress, EgressBuilder, Outgoing};
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpHooks};

const SECRET: &str = "c4n4ry-of-the-host";
const TOKEN: &str = "c4n4ry-token-of-the-host";

fn keys() -> Credentials {
    Credentials::new("AKIDHOST", SECRET, Some(TOKEN.to_owned()), None, "test")
}

/// A server that keeps the heads of requests and answers with `answer`.
async fn recording(answer: String) -> (Server, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let server = Server::start(move |mut connection| {
        let (kept, answer) = (Arc::clone(&kept), answer.clone());
        async move {
            while let Some(head) = connection.request().await {
                kept.lock().unwrap().push(head);
                connection.write(&answer).await;
            }
        }
    });
    (server.await, heads)
}

fn signing(server: &Server, credentials: &AwsCredentials) -> EgressBuilder {
    let url = server.url();
    Egress::builder()
        .allow_url(&url)
        .sign(&url, "eu-west-1", "dynamodb", credentials)
}

fn request(url: &str, headers: &[(&str, &str)], body: &'static str) -> Request<WasiBody> {
    let host = url.parse::<http::Uri>().unwrap();
    let mut request = Request::post(url)
        .header("host", host.authority().unwrap().as_str())
        .header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::<Bytes>::from(body).map_err(|never| match never {});
    request.body(body.boxed_unsync()).unwrap()
}

async fn send(egress: &Egress, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
    let mut outgoing = Outgoing::new(Some(egress.clone()), NonZeroUsize::MIN);
    let sending = outgoing.send_request(request, None, Box::new(async { Ok(()) }));
    Pin::from(sending).await.map(|(response, _)| response)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut found = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = found.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value)
}
