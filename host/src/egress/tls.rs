//! The TLS configuration: trusted root certificates and the client certificate. An egress and the AWS credentials of this
//! process can share it.

use crate::error::HostError;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use std::fmt;
use std::sync::Arc;

/// The TLS settings of HTTPS connections: trusted root certificates and the client certificate.
///
/// By default, the roots that browsers trust are trusted (Mozilla's list, which is part of this crate), and no client
/// certificate is presented. TLS 1.2 and 1.3 are supported. Certificates are always verified.
///
/// The methods do not check their arguments. [`EgressBuilder::build`](crate::EgressBuilder::build) does.
///
/// ```
/// # fn example(company_root: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{Egress, Tls};
///
/// let tls = Tls::new().root_certificate(company_root).only_root_certificates();
/// let egress = Egress::builder().allow("dynamodb.example:443").tls(&tls).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    built_in: BuiltIn,
    roots: Vec<Vec<u8>>,
    client: Option<Client>,
}

/// The set of roots that are trusted in addition to those given to [`Tls::root_certificate`].
#[derive(Clone, Copy, Debug, Default)]
enum BuiltIn {
    #[default]
    Browsers,
    #[cfg(feature = "native-roots")]
    Native,
    None,
}

#[derive(Clone)]
struct Client {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    /// Returns the default settings: trusts the roots that browsers trust, and presents no client certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts a root certificate in addition to the others: one certificate in DER, or any number in PEM.
    #[must_use]
    pub fn root_certificate(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.roots.push(certificate.into());
        self
    }

    /// Trusts only the roots given to [`root_certificate`](Self::root_certificate), and not those of browsers. At least one must
    /// be given.
    ///
    /// This method and `native_roots` replace each other: the last call applies.
    #[must_use]
    pub fn only_root_certificates(mut self) -> Self {
        self.built_in = BuiltIn::None;
        self
    }

    /// Trusts the roots of the operating system instead of those of browsers. Needs the feature `native-roots`, which `aws`
    /// enables.
    ///
    /// The roots are read each time a connection pool is made from this value. The environment variables `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` override their location. An invalid certificate is skipped, with a `tracing` event at level WARN. If no
    /// certificate is usable, [`EgressBuilder::build`](crate::EgressBuilder::build) returns [`HostError::NativeRoots`].
    #[cfg(feature = "native-roots")]
    #[must_use]
    pub fn native_roots(mut self) -> Self {
        self.built_in = BuiltIn::Native;
        self
    }

    /// Sets the client certificate for servers that ask for one (mutual TLS); none by default.
    ///
    /// - `chain` is this host's certificate followed by the intermediate ones, without the root, in PEM.
    /// - `key` is the private key of that certificate, in PEM and not encrypted. RSA, ECDSA and Ed25519 keys are supported, as
    ///   PKCS #8, PKCS #1 or SEC1.
    ///
    /// The certificate is presented to every server of the same [`Egress`](crate::Egress) that asks. `Debug` prints neither
    /// value.
    #[must_use]
    pub fn client_certificate(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.client = Some(Client {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// Errors: [`HostError::RootCertificate`], [`HostError::NativeRoots`], [`HostError::ClientCertificate`], [`HostError::Tls`].
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, HostError> {
        let mut trusted = self.built_in.roots()?;
        for root in &self.roots {
            for certificate in certificates(root)? {
                trusted.add(certificate).map_err(unusable)?;
            }
        }
        if trusted.is_empty() {
            return Err(unusable(
                "no root certificate was given, and no others are trusted",
            ));
        }
        // Set explicitly, because the embedder may have set another default provider for the process, or none.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| HostError::Tls(cause.to_string()))?
            .with_root_certificates(trusted);
        let mut config = match &self.client {
            Some(client) => client.present(config)?,
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

// Prints no key, because it is a secret, and no certificate, because it is long.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("built_in", &self.built_in)
            .field("root_certificates", &self.roots.len())
            .field("has_client_certificate", &self.client.is_some())
            .finish()
    }
}

impl BuiltIn {
    fn roots(self) -> Result<RootCertStore, HostError> {
        match self {
            Self::Browsers => {
                let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
                Ok(RootCertStore::from_iter(roots))
            }
            #[cfg(feature = "native-roots")]
            Self::Native => native(),
            Self::None => Ok(RootCertStore::empty()),
        }
    }
}

#[cfg(feature = "native-roots")]
fn native() -> Result<RootCertStore, HostError> {
    let found = rustls_native_certs::load_native_certs();
    let mut trusted = RootCertStore::empty();
    let (_, unreadable) = trusted.add_parsable_certificates(found.certs);
    for cause in &found.errors {
        tracing::warn!("root certificates of the operating system: {cause}");
    }
    if unreadable > 0 {
        tracing::warn!("root certificates of the operating system: {unreadable} are invalid");
    }
    if trusted.is_empty() {
        let cause = found.errors.first().map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| "there are none".to_owned());
        return Err(HostError::NativeRoots(cause));
    }
    Ok(trusted)
}

impl Client {
    // The cause of a PEM error is dropped, because it may quote a line of the key.
    fn present(
        &self,
        config: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, HostError> {
        let unusable = |cause: &str| HostError::ClientCertificate(cause.to_owned());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.chain).collect();
        let chain = chain.map_err(|_| unusable("the chain is not valid PEM"))?;
        if chain.is_empty() {
            return Err(unusable("the chain contains no certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| unusable("the key is not an unencrypted private key in PEM"))?;
        config
            .with_client_auth_cert(chain, key)
            .map_err(|cause| unusable(&cause.to_string()))
    }
}

fn certificates(root: &[u8]) -> Result<Vec<CertificateDer<'static>>, HostError> {
    if !root.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Ok(vec![CertificateDer::from(root.to_vec())]);
    }
    let found: Vec<_> = CertificateDer::pem_slice_iter(root)
        .collect::<Result<_, _>>()
        .map_err(unusable)?;
    if found.is_empty() {
        return Err(unusable("the PEM text contains no certificate"));
    }
    Ok(found)
}

fn unusable(cause: impl ToString) -> HostError {
    HostError::RootCertificate(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::assert_matches;
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    #[test]
    fn invalid_root_certificate_is_refused() {
        let pem_of_something_else =
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for bytes in [b"nonsense".as_slice(), b"", pem_of_something_else] {
            let error = Tls::new().root_certificate(bytes).config().unwrap_err();
            assert_matches!(error, HostError::RootCertificate(_));
        }
    }

    #[test]
    fn only_root_certificates_needs_one() {
        let error = Tls::new().only_root_certificates().config().unwrap_err();
        assert_matches!(error, HostError::RootCertificate(_));
    }

    #[test]
    fn client_certificate_error_does_not_show_the_key() {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let other = generate_simple_self_signed(["b.example".to_owned()]).unwrap();
        let (chain, key) = (cert.pem(), signing_key.serialize_pem());
        let secret = key.lines().nth(1).unwrap();
        let broken = key.replace(
            "-----BEGIN PRIVATE KEY-----",
            &format!("-----BEGIN {secret}"),
        );
        for (chain, key, named) in [
            ("", &key, "no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA", &key, "not valid PEM"),
            (&chain, &String::new(), "unencrypted private key"),
            (&chain, &broken, "unencrypted private key"),
            (&chain, &other.signing_key.serialize_pem(), "KeyMismatch"),
        ] {
            let tls = Tls::new().client_certificate(chain, key.as_str());
            let error = tls.config().unwrap_err();
            assert!(matches!(error, HostError::ClientCertificate(_)));
            let printed = format!("{error} {error:?} {tls:#?}");
            assert!(
                printed.contains(named),
                "the error does not contain {named}"
            );
            assert!(!printed.contains(secret), "the key is printed");
        }
        let tls = Tls::new().client_certificate(chain, key.as_str());
        assert!(tls.config().is_ok());
        let egress = crate::Egress::builder().tls(&tls);
        assert!(
            !format!("{egress:#?}").contains(secret),
            "the key is printed"
        );
    }
}
