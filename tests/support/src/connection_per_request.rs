//! wasmtime's `wasi:http` as an embedder gets it by default: each request opens a connection and
//! closes it.
//!
//! This does the same as `default_send_request` of wasmtime-wasi-http 48, step by step. It is not
//! that function itself, because that one accepts no roots to trust.
//!
//! - It connects over TCP without options.
//! - For TLS, it makes a configuration from the roots for this request only, so no session is
//!   resumed.
//! - It speaks HTTP/1.1. The task that waits for the response polls the connection first.
//!   Afterwards, the task that `wasi:http` spawns polls it.
//!
//! The roots are copied for each request, as the default does.

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Interval, interval, timeout};
use tokio_rustls::TlsConnector;
use wasmtime::Engine;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// The timeout if the guest sets none.
const TIMEOUT: Duration = Duration::from_secs(600);

type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The state of an instance in such an embedder.
pub struct Host {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: ConnectionPerRequest,
    resources: ResourceTable,
}

impl Host {
    /// Returns the state, with these roots for TLS.
    pub fn new(wasi: WasiCtx, roots: RootCertStore) -> Self {
        Self {
            wasi,
            http: WasiHttpCtx::new(),
            hooks: ConnectionPerRequest { roots },
            resources: ResourceTable::new(),
        }
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.resources,
        }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.resources,
            ctx: &mut self.http,
        }
    }
}

/// Returns a linker with all of WASI 0.2 and `wasi:http`.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// The hooks, with the trusted roots for TLS.
struct ConnectionPerRequest {
    roots: RootCertStore,
}

impl WasiHttpHooks for ConnectionPerRequest {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Transmission,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Transmission), Error>> + Send> {
        let roots = self.roots.clone();
        Box::new(send(request, options.unwrap_or_default(), roots))
    }
}

async fn send(
    mut request: Request<WasiBody>,
    options: RequestOptions,
    roots: RootCertStore,
) -> Result<(Response<WasiBody>, Transmission), Error> {
    let authority = request
        .uri()
        .authority()
        .ok_or(Error::HttpRequestUriInvalid)?;
    let authority = authority.to_string();
    let connect_timeout = options.connect_timeout.unwrap_or(TIMEOUT);
    let stream = timeout(connect_timeout, TcpStream::connect(&authority))
        .await
        .map_err(|_| Error::ConnectionTimeout)?
        .map_err(Error::Connect)?;
    let stream: Box<dyn Stream> = match request.uri().scheme() == Some(&Scheme::HTTPS) {
        false => Box::new(stream),
        true => {
            let config = client(roots)?;
            let host = authority.rsplit_once(':').map_or("", |(host, _)| host);
            let name =
                ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
            let connector = TlsConnector::from(std::sync::Arc::new(config));
            Box::new(connector.connect(name, stream).await.map_err(Error::Tls)?)
        }
    };
    let handshake = http1::Builder::new().handshake(TokioIo::new(stream));
    let (mut sender, connection) = timeout(connect_timeout, handshake)
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    // The request line contains the path only.
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    *request.uri_mut() = path
        .parse::<Uri>()
        .map_err(|_| Error::HttpRequestUriInvalid)?;

    let first_byte = options.first_byte_timeout.unwrap_or(TIMEOUT);
    let between_bytes = options.between_bytes_timeout.unwrap_or(TIMEOUT);
    let mut answer = pin!(async {
        let answer = timeout(first_byte, sender.send_request(request))
            .await
            .map_err(|_| Error::ConnectionReadTimeout)??;
        Ok::<_, Error>(answer.map(|body| TimedBody::new(body, between_bytes).boxed_unsync()))
    });
    let mut connection = Some(connection);
    let answer = poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        let Some(driven) = connection.as_mut() else {
            return Poll::Pending;
        };
        let ended = ready!(Pin::new(driven).poll(cx));
        connection = None;
        match ended {
            Ok(()) => answer.as_mut().poll(cx),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    })
    .await?;
    let rest = async move {
        match connection {
            Some(connection) => connection.await.map_err(Error::from),
            None => Ok(()),
        }
    };
    Ok((answer, Box::new(rest)))
}

fn client(roots: RootCertStore) -> Result<ClientConfig, Error> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::ConfigurationError)?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// A body that fails if its sender is silent for too long.
struct TimedBody {
    body: Incoming,
    silence: Interval,
}

impl TimedBody {
    fn new(body: Incoming, between_bytes: Duration) -> Self {
        let mut silence = interval(between_bytes.max(Duration::from_nanos(1)));
        silence.reset();
        Self { body, silence }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.silence.reset();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended.map(|frame| frame.map_err(Error::from))),
            Poll::Pending => {
                ready!(self.silence.poll_tick(cx));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
