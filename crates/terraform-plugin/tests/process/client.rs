//! Terraform's side: starts the process, reads the handshake line, connects.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P521_SHA512};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

/// Makes this program the provider.
pub(crate) const AS_PROVIDER: &str = "PROCESS_TEST_AS_PROVIDER";
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// What Terraform makes for each process it starts: a self-signed P-521 certificate that says CA:TRUE.
pub(crate) struct ClientIdentity {
    pub(crate) pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl ClientIdentity {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.distinguished_name.push(DnType::OrganizationName, "HashiCorp");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }
}

/// A provider process; killed when dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    /// Where it puts its socket; a killed process leaves it behind.
    _temporary: TempDir,
}

impl Process {
    /// Starts the provider with nothing in its environment that a host of plugins would set.
    pub(crate) fn by_hand(arguments: &[&str]) -> Self {
        Self::start(arguments, &[])
    }

    /// Starts it as Terraform does.
    pub(crate) fn as_plugin(client: Option<&ClientIdentity>, more: &[(&str, &str)]) -> Self {
        let mut variables = vec![COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "5,6")];
        variables.extend(client.map(|client| ("PLUGIN_CLIENT_CERT", client.pem.as_str())));
        variables.extend(more);
        Self::start(&[], &variables)
    }

    fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let temporary = TempDir::new().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        for name in ["TF_LOG", "TF_LOG_PROVIDER", COOKIE.0, "PLUGIN_CLIENT_CERT", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        let mut child = command
            .args(arguments)
            .env(AS_PROVIDER, "1")
            .env("TMPDIR", temporary.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout, _temporary: temporary }
    }

    /// The next line on stdout, without its newline.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    pub(crate) fn handshake(&mut self) -> Handshake {
        Handshake::parse(&self.line())
    }

    pub(crate) fn signal(&self, name: &str) {
        let killed = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for the end: status, the rest of stdout, stderr.
    pub(crate) fn ended(mut self) -> (ExitStatus, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap(), out, err)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The handshake line, taken apart as go-plugin does.
pub(crate) struct Handshake {
    pub(crate) fields: Vec<String>,
    pub(crate) socket: PathBuf,
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Handshake {
    fn parse(line: &str) -> Self {
        let fields: Vec<String> = line.split('|').map(str::to_owned).collect();
        assert!(fields.len() >= 6, "not a handshake line: {line:?}");
        let certificate = (fields[5].len() > 50).then(|| STANDARD_NO_PAD.decode(&fields[5]).unwrap());
        Self { socket: PathBuf::from(&fields[3]), certificate, fields }
    }

    /// Connects as `client`, or without TLS.
    pub(crate) async fn connect(&self, client: Option<&ClientIdentity>) -> Result<Channel, tonic::transport::Error> {
        let tls = client.map(|client| self.tls(client));
        connect(self.socket.clone(), tls).await
    }

    /// As Go's side does it: the certificate of the line is the only root, the name is `localhost`.
    fn tls(&self, client: &ClientIdentity) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(self.certificate.clone().expect("a certificate in the line"))).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![client.certificate.clone()], client.key.clone_key())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

/// Opens a channel over the socket.
pub(crate) async fn connect(socket: PathBuf, tls: Option<TlsConnector>) -> Result<Channel, tonic::transport::Error> {
    let connector = tower::service_fn(move |_: tonic::transport::Uri| {
        let (socket, tls) = (socket.clone(), tls.clone());
        async move {
            let stream = UnixStream::connect(socket).await?;
            let stream = match tls {
                None => tokio_util::either::Either::Left(stream),
                Some(tls) => {
                    let name = ServerName::try_from("localhost").unwrap();
                    let stream = tls.connect(name, stream).await?;
                    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
                    tokio_util::either::Either::Right(stream)
                }
            };
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await
}
