//! The endpoint behind the proxy: a request goes there as it came, but for the fields that concern one
//! connection only.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::{Arrived, Reply};

/// The endpoint behind the proxy.
pub(super) struct Upstream {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Upstream {
    pub(super) fn new(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            url: url.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
        }
    }

    /// The answer of the upstream, or a bad gateway where there is none.
    pub(super) async fn send(&self, arrived: &Arrived, body: Bytes) -> Reply {
        let sent = self.try_send(arrived, body).await;
        sent.unwrap_or_else(|error| {
            Reply::text(StatusCode::BAD_GATEWAY, "text/plain", &error.to_string())
        })
    }

    async fn try_send(
        &self,
        arrived: &Arrived,
        body: Bytes,
    ) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let url = format!("{}{}", self.url, arrived.path);
        let mut request = Request::builder().method(&arrived.method).uri(url);
        if let Some(headers) = request.headers_mut() {
            *headers = arrived.headers.clone();
            without_framing(headers);
        }
        let request = request.body(Full::new(body))?;
        let (mut head, body) = self.client.request(request).await?.into_parts();
        without_framing(&mut head.headers);
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }
}

/// Fields that concern one connection only (RFC 9110, section 7.6.1), and the length, which is counted
/// anew.
fn without_framing(headers: &mut HeaderMap) {
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::TE,
        header::EXPECT,
        header::CONTENT_LENGTH,
    ] {
        headers.remove(name);
    }
}
