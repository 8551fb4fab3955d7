//! Whom TLS trusts: the roots that browsers trust, and those that the embedder gives.

use crate::error::HostError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// A client configuration with these roots, each in DER or PEM, beside the built-in ones.
pub(super) fn client(roots: &[Vec<u8>]) -> Result<Arc<ClientConfig>, HostError> {
    let mut trusted = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for root in roots {
        for certificate in certificates(root)? {
            trusted.add(certificate).map_err(unusable)?;
        }
    }
    // Named rather than the process's default, which the embedder may have set to something else, or not at all.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| HostError::Tls(cause.to_string()))?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(root: &[u8]) -> Result<Vec<CertificateDer<'static>>, HostError> {
    if !root.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Ok(vec![CertificateDer::from(root.to_vec())]);
    }
    let found: Vec<_> = CertificateDer::pem_slice_iter(root)
        .collect::<Result<_, _>>()
        .map_err(unusable)?;
    if found.is_empty() {
        return Err(unusable("the PEM text holds no certificate"));
    }
    Ok(found)
}

fn unusable(cause: impl ToString) -> HostError {
    HostError::RootCertificate(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        let pem_of_something_else =
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for bytes in [b"nonsense".as_slice(), b"", pem_of_something_else] {
            let error = client(&[bytes.to_vec()]).unwrap_err();
            assert!(matches!(error, HostError::RootCertificate(_)), "{error}");
        }
    }
}
