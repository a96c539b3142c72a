//! Certificates: one for each node, by the authority that its cluster has made for itself.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use sha2::{Digest, Sha256};

/// A node's TLS side.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, `AA:BB:...`.
    pub(crate) fingerprint: String,
}

/// What a cluster, and a node before it joins one, signs its certificates with.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = rcgen::DistinguishedName::new();
        let number = uuid::Uuid::new_v4().to_string();
        for (part, text) in [
            (DnType::CommonName, "Proxmox Virtual Environment"),
            (DnType::OrganizationalUnitName, &number),
            (DnType::OrganizationName, "PVE Cluster Manager CA"),
        ] {
            params.distinguished_name.push(part, text);
        }
        Ok(Authority(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Makes a certificate for a node that is reached at `address`.
    pub(crate) fn for_node(&self, node: &str, address: &str) -> anyhow::Result<Tls> {
        let names = vec![node.to_owned(), "localhost".to_owned(), address.to_owned()];
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, node);
        params.distinguished_name.push(DnType::OrganizationName, "pve-sim");
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
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
}
