//! A self-signed certificate per node.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use sha2::{Digest, Sha256};

/// A node's TLS side.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, `AA:BB:...`.
    pub(crate) fingerprint: String,
}

/// Makes a certificate for a node that is reached at `address`.
pub(crate) fn for_node(node: &str, address: &str) -> anyhow::Result<Tls> {
    let names = vec![node.to_owned(), "localhost".to_owned(), address.to_owned()];
    let mut params = rcgen::CertificateParams::new(names)?;
    params.distinguished_name.push(rcgen::DnType::CommonName, node);
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "pve-sim");
    let key = rcgen::KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let digest = Sha256::digest(certificate.der());
    let fingerprint = digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(Tls { config: Arc::new(config), fingerprint })
}
