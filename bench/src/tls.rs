//! Serves the same DynamoDB over TLS: a proxy that terminates TLS, with a root certificate made for this run.
//!
//! The proxy runs on its own thread, so that its work does not count for any contender. All contenders trust the root and
//! call an IP address, so that none of them does a DNS lookup.

use anyhow::Result;
use host_test::server_thread::ServerThread;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// An endpoint of the DynamoDB, and the root certificate to trust for it.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// A URL with an IP address and a port.
    pub(super) endpoint: String,
    /// The root certificate of an `https` endpoint.
    pub(super) root: Option<Root>,
}

impl Reach {
    /// Makes one for an `http` endpoint.
    pub(super) fn plain(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            root: None,
        }
    }

    /// Returns `HTTP` or `TLS`.
    pub(super) fn scheme(&self) -> &'static str {
        match self.root {
            Some(_) => "TLS",
            None => "HTTP",
        }
    }
}

/// The root of the proxy's certificate.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// The root certificate as PEM.
    pub(super) pem: String,
    certificate: CertificateDer<'static>,
}

impl Root {
    /// Returns a rustls store with this root alone.
    pub(super) fn store(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        Ok(roots)
    }

    /// Returns a client configuration that trusts this root alone.
    pub(super) fn client(&self) -> Result<ClientConfig> {
        Ok(
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(self.store()?)
                .with_no_client_auth(),
        )
    }
}

/// A running TLS proxy. It stops on drop.
pub(super) struct Front {
    server: ServerThread,
    root: Root,
}

impl Front {
    /// Starts a proxy that forwards decrypted bytes to `endpoint`, an `http` URL with an IP address.
    pub(super) fn start(endpoint: &str) -> Result<Self> {
        let behind: SocketAddr = endpoint.trim_start_matches("http://").parse()?;
        let (config, root) = certified(&behind.ip().to_string())?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = ServerThread::start("tls-front", move |listener, stopped| {
            serve(listener, acceptor, behind, stopped)
        })?;
        Ok(Self { server, root })
    }

    pub(super) fn reach(&self) -> Reach {
        Reach {
            endpoint: self.server.endpoint().replacen("http", "https", 1),
            root: Some(self.root.clone()),
        }
    }
}

/// Returns a server configuration with a new certificate for `host`, and the root that signed it.
fn certified(host: &str) -> Result<(ServerConfig, Root)> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let authority = CertifiedIssuer::self_signed(authority, key)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![host.to_owned()])
        .and_then(|parameters| parameters.signed_by(&key, &authority))?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())?;
    let root = Root {
        pem: authority.as_ref().pem(),
        certificate: authority.as_ref().der().clone(),
    };
    Ok((config, root))
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    behind: SocketAddr,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Open connections are cut when the runtime ends.
            _ = &mut stopped => return,
        };
        if let Ok((client, _)) = accepted {
            tokio::spawn(pass_on(client, acceptor.clone(), behind));
        }
    }
}

/// Forwards one connection. If it fails, the client reports the cause.
async fn pass_on(
    client: TcpStream,
    acceptor: TlsAcceptor,
    behind: SocketAddr,
) -> std::io::Result<()> {
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(behind).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
