//! Terraform's side of a plugin: starts the process, reads its handshake line, connects with mutual TLS, calls.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P521_SHA512,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic_prost::ProstCodec;

use super::pinned::Pinned;

/// Terraform's own limit.
pub(super) const MESSAGE_LIMIT: usize = 256 << 20;

/// The certificate that Terraform makes for each process it starts, and that a provider written in Go shows it:
/// self-signed, P-521, CA:TRUE.
pub(super) struct Identity {
    pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(super) fn new() -> Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512)?;
        let mut params = CertificateParams::new(["localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.distinguished_name.push(DnType::OrganizationName, "HashiCorp");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key)?;
        let secret = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        Ok(Self { pem: certificate.pem(), certificate: certificate.der().clone(), key: secret })
    }
}

/// A provider process; killed when dropped.
pub(super) struct Plugin {
    child: Child,
    _stdin: Option<ChildStdin>,
    line: String,
    /// From before it was started until its handshake line was read.
    pub(super) startup: Duration,
    /// Where it puts its socket; a killed process leaves it behind.
    _temporary: TempDir,
}

impl Plugin {
    /// Starts the provider as Terraform does, with more in its environment.
    pub(super) fn start(program: &Path, identity: &Identity, environment: &[(String, String)]) -> Result<Self> {
        let temporary = TempDir::new()?;
        let mut command = Command::new(program);
        command
            .env("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
            .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .env("PLUGIN_MIN_PORT", "10000")
            .env("PLUGIN_MAX_PORT", "25000")
            .env("PLUGIN_CLIENT_CERT", &identity.pem)
            .env("TMPDIR", temporary.path())
            .env_remove("TF_LOG")
            .env_remove("TF_LOG_PROVIDER")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let begun = Instant::now();
        let mut child = command.spawn().with_context(|| program.display().to_string())?;
        let mut line = String::new();
        let read = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let startup = begun.elapsed();
        let stdin = child.stdin.take();
        let plugin = Self { child, _stdin: stdin, line, startup, _temporary: temporary };
        read.transpose()?;
        ensure!(plugin.line.contains('|'), "{} said {:?} instead of a handshake", program.display(), plugin.line);
        Ok(plugin)
    }

    /// Connects: nothing but the certificate of the handshake line is accepted.
    pub(super) async fn connect(&self, identity: &Identity) -> Result<Connection> {
        let fields: Vec<&str> = self.line.trim_end().split('|').collect();
        let [_, protocol, network, address, _, certificate, ..] = fields[..] else {
            bail!("{:?} is no handshake line", self.line)
        };
        ensure!(network == "unix", "the provider listens on {network}, not on a unix socket");
        let certificate = CertificateDer::from(STANDARD_NO_PAD.decode(certificate.trim_end_matches('='))?);
        let channel = connect(PathBuf::from(address), tls(identity, certificate)?).await?;
        Ok(Connection { channel, protocol: protocol.parse()? })
    }

    /// Memory of the process that is resident now, in bytes.
    pub(super) fn resident(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// TLS with the holder of this certificate.
fn tls(identity: &Identity, certificate: CertificateDer<'static>) -> Result<TlsConnector> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let pinned = Pinned::new(certificate, &provider);
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn connect(socket: PathBuf, tls: TlsConnector) -> Result<Channel> {
    let connector = tower::service_fn(move |_: Uri| {
        let (socket, tls) = (socket.clone(), tls.clone());
        async move {
            let stream = UnixStream::connect(socket).await?;
            let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(tls.connect(name, stream).await?))
        }
    });
    Ok(Endpoint::from_static("http://localhost").connect_with_connector(connector).await?)
}

/// A connection to a provider.
pub(super) struct Connection {
    pub(super) channel: Channel,
    /// The protocol's major version that was agreed on.
    pub(super) protocol: u32,
}

impl Connection {
    /// Asks for the schema and looks at nothing in it, so that what is measured is the provider's work.
    pub(super) async fn fetch_schema(&self) -> Result<()> {
        let path = match self.protocol {
            6 => "/tfplugin6.Provider/GetProviderSchema",
            5 => "/tfplugin5.Provider/GetSchema",
            other => bail!("protocol {other} is not known"),
        };
        let mut grpc = tonic::client::Grpc::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        grpc.ready().await?;
        // To `()` every field is unknown and skipped.
        let codec = ProstCodec::<(), ()>::default();
        grpc.unary(tonic::Request::new(()), PathAndQuery::from_static(path), codec).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// Both sides of a handshake in memory: the server shows the certificate of one and holds the key of another.
    async fn handshake(shown: &Identity, key: &Identity, expected: &Identity) -> Result<()> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = provider.key_provider.load_private_key(key.key.clone_key())?;
        let shown = CertifiedKey::new(vec![shown.certificate.clone()], key);
        let server = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let client = tls(&Identity::new()?, expected.certificate.clone())?;
        let name = ServerName::try_from("localhost")?;
        let (client, server) =
            tokio::join!(client.connect(name, ours), TlsAcceptor::from(Arc::new(server)).accept(theirs));
        client?;
        server?;
        Ok(())
    }

    #[tokio::test]
    async fn a_provider_that_shows_a_ca_s_certificate_is_measured_too() -> Result<()> {
        let (go, other) = (Identity::new()?, Identity::new()?);
        handshake(&go, &go, &go).await?;
        assert!(handshake(&other, &other, &go).await.is_err(), "another certificate");
        assert!(handshake(&go, &other, &go).await.is_err(), "the certificate without its key");
        Ok(())
    }
}
