//! AutoMTLS: both sides make a certificate for this one connection and accept no other.
//!
//! Terraform's certificate (P-521, CA:TRUE) fails the usual checks of a client certificate, and is its own root; what
//! proves the peer is that it holds the key of exactly the certificate that came through the environment.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName as RootHint, SignatureScheme};
use tokio_rustls::TlsAcceptor;

/// What can go wrong before the first connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("PLUGIN_CLIENT_CERT holds no certificate: {0}")]
    ClientCertificate(#[from] rustls::pki_types::pem::Error),
    #[error("no certificate could be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Our side of the connection, ready to accept the one client.
pub(super) struct Identity {
    certificate: CertificateDer<'static>,
    acceptor: TlsAcceptor,
}

impl Identity {
    /// Makes a key and a certificate, for a client that has the certificate in `pem` and its key.
    pub(super) fn for_client(pem: &str) -> Result<Self, Error> {
        let client = CertificateDer::from_pem_slice(pem.as_bytes())?;
        // P-256 is the quickest to make of those that Terraform takes: 1.2 ms.
        let key = KeyPair::generate()?;
        let certificate = certificate_params()?.self_signed(&key)?.der().clone();
        let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(|e| rustls::Error::General(e.to_owned()))?;

        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let verifier = Arc::new(OnlyThis::new(client, &provider));
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.clone()], private)?;
        // Without it the handshake succeeds and gRPC then drops the connection.
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.send_tls13_tickets = 0;
        Ok(Self { certificate, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// The certificate as DER, as the handshake line carries it.
    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(super) fn into_acceptor(self) -> TlsAcceptor {
        self.acceptor
    }
}

/// Terraform connects to `localhost`, looks at nothing but that name among the alternative names, and takes the
/// certificate itself as the only root.
fn certificate_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "localhost");
    params.distinguished_name = name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// Accepts exactly one client certificate.
#[derive(Debug)]
struct OnlyThis {
    client: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl OnlyThis {
    fn new(client: CertificateDer<'static>, provider: &CryptoProvider) -> Self {
        Self { client, algorithms: provider.signature_verification_algorithms }
    }
}

impl ClientCertVerifier for OnlyThis {
    fn root_hint_subjects(&self) -> &[RootHint] {
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if presented.as_ref() == self.client.as_ref() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
