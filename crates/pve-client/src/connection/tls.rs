//! Whom we trust: the system's roots, a CA, or the fingerprint of a certificate.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use super::attempt;
use crate::Error;
use crate::config::Ca;

/// SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate.as_ref()).into())
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Fingerprint, String> {
        let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(&digits, &mut bytes).map_err(|_| format!("{text:?} is not 32 bytes in hex"))?;
        Ok(Fingerprint(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

/// Who issued the certificate that an endpoint showed last; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Issuer(Arc<Mutex<Option<Vec<u8>>>>);

impl Issuer {
    /// How PVE calls the authority that each cluster, and each node before it joins one, makes for itself. Beside it stands
    /// a number that no other has.
    const OF_PVE: &[u8] = b"PVE Cluster Manager CA";

    fn heard(&self, certificate: &CertificateDer<'_>) {
        *self.0.lock().unwrap_or_else(|broken| broken.into_inner()) = issuer(certificate.as_ref()).map(<[u8]>::to_vec);
    }

    /// The authority's name, if it is one that PVE has made.
    pub(crate) fn of_a_cluster(&self) -> Option<Vec<u8>> {
        let issuer = self.0.lock().unwrap_or_else(|broken| broken.into_inner()).clone();
        issuer.filter(|name| name.windows(Self::OF_PVE.len()).any(|part| part == Self::OF_PVE))
    }
}

/// The issuer's name in a certificate, as it is encoded there.
fn issuer(certificate: &[u8]) -> Option<&[u8]> {
    /// An element's tag, its content, and what follows.
    fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
        let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
        let (length, rest) = match usize::from(first) {
            short @ 0..=0x7f => (short, rest),
            long => {
                let (bytes, rest) = rest.split_at_checked(long & 0x7f).filter(|(bytes, _)| bytes.len() <= 4)?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((tag, content, rest))
    }
    let (_, whole, _) = element(certificate)?;
    let (_, signed, _) = element(whole)?;
    // The version, which the oldest leave out; the serial number; the algorithm.
    let rest = match element(signed)? {
        (0xa0, _, rest) => rest,
        _ => signed,
    };
    let (_, _, rest) = element(rest)?;
    let (_, _, rest) = element(rest)?;
    let (_, name, _) = element(rest)?;
    Some(name)
}

/// What certificates are checked against.
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    ca: Option<Ca>,
    insecure: bool,
    /// Checks for endpoints without a fingerprint. Made when the first of them is connected to: reading the system's
    /// roots takes milliseconds, and where everything is pinned there may be none.
    chain: Mutex<Option<Arc<Chain>>>,
}

/// Whom the certificates' issuers are looked for among.
#[derive(Debug)]
struct Chain {
    verifier: Arc<dyn ServerCertVerifier>,
    /// What was given as CA, certificate by certificate.
    given: Vec<CertificateDer<'static>>,
}

impl Trust {
    pub(crate) fn new(ca: Option<Ca>, insecure: bool) -> Trust {
        Trust { provider: Arc::new(aws_lc_rs::default_provider()), ca, insecure, chain: Mutex::new(None) }
    }

    fn chain(&self) -> Result<Arc<Chain>, Error> {
        let mut chain = self.chain.lock().unwrap_or_else(|broken| broken.into_inner());
        if let Some(chain) = &*chain {
            return Ok(chain.clone());
        }
        let made = match &self.ca {
            Some(ca) => from_ca(ca, self.provider.clone())?,
            None => {
                let verifier = rustls_platform_verifier::Verifier::new(self.provider.clone())
                    .map_err(|error| Error::Config(format!("the system's trusted certificates: {error}")))?;
                Chain { verifier: Arc::new(verifier), given: Vec::new() }
            }
        };
        let made = Arc::new(made);
        *chain = Some(made.clone());
        Ok(made)
    }

    /// Settings for connections to an endpoint.
    pub(crate) fn config(&self, fingerprint: Option<Fingerprint>, issuer: &Issuer) -> Result<ClientConfig, Error> {
        let check = match fingerprint {
            Some(fingerprint) => Check::Pinned(fingerprint),
            None if self.insecure => Check::Nothing,
            None => Check::Chain(self.chain()?),
        };
        let verifier = Witness { check, provider: self.provider.clone(), issuer: issuer.clone() };
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Config(format!("TLS: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        // A resumed session would skip the check of the certificate.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

fn from_ca(ca: &Ca, provider: Arc<CryptoProvider>) -> Result<Chain, Error> {
    let (name, pem) = match ca {
        Ca::File(path) => {
            let name = path.display().to_string();
            let pem = std::fs::read(path).map_err(|error| Error::Config(format!("CA file {name}: {error}")))?;
            (name, pem)
        }
        Ca::Pem(text) => ("given as PEM".to_owned(), text.clone().into_bytes()),
    };
    let bad = |why: String| Error::Config(format!("CA {name}: {why}"));
    let (mut roots, mut given) = (RootCertStore::empty(), Vec::new());
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        given.push(certificate.clone());
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("there is no certificate in it".to_owned()));
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    Ok(Chain { verifier: verifier.map_err(|error| bad(error.to_string()))?, given })
}

impl Chain {
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = self.verifier.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
        match judged {
            // `openssl req -x509` makes certificates that are their own CA. One that was given as CA is trusted by name, and
            // its dates were looked at before what it says of itself; only the server's name is left.
            Err(error)
                if is_ca_itself(&error) && self.given.iter().any(|given| given.as_ref() == end_entity.as_ref()) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }
}

/// Whether a server was refused because its certificate says that it is a CA's. The type behind it is not public.
fn is_ca_itself(error: &rustls::Error) -> bool {
    says(error, "CaUsedAsEndEntity")
}

fn says(error: &rustls::Error, name: &str) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(why)) if format!("{why:?}").contains(name))
}

/// What is wrong with a certificate, in words for those that have a name only.
pub(super) fn in_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "it was issued by nobody who is trusted here".to_owned()
        }
        rustls::Error::InvalidCertificate(CertificateError::BadSignature) => {
            "it was issued in the name of a CA that is trusted here, but not with its key".to_owned()
        }
        _ if is_ca_itself(error) => {
            "it says that it belongs to a CA (CA:TRUE), and is then trusted only if it is given as CA itself, or by its \
             fingerprint"
                .to_owned()
        }
        _ if says(error, "EndEntityUsedAsCa") => {
            "the certificate that issued it does not say that it belongs to a CA (CA:TRUE)".to_owned()
        }
        _ => error.to_string(),
    }
}

/// How a certificate is judged.
#[derive(Debug)]
enum Check {
    Pinned(Fingerprint),
    Chain(Arc<Chain>),
    Nothing,
}

/// Judges a certificate and tells of it, so that an error can say what was seen.
#[derive(Debug)]
struct Witness {
    check: Check,
    issuer: Issuer,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Fingerprint::of(end_entity);
        attempt::shown(seen);
        self.issuer.heard(end_entity);
        match &self.check {
            Check::Pinned(fingerprint) if *fingerprint == seen => Ok(ServerCertVerified::assertion()),
            Check::Pinned(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
            Check::Chain(chain) => chain.judge(end_entity, intermediates, server_name, ocsp_response, now),
            Check::Nothing => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_with_and_without_colons() {
        let plain: Fingerprint = "ab".repeat(32).parse().unwrap();
        let colons: Fingerprint = vec!["AB"; 32].join(":").parse().unwrap();
        assert_eq!(plain, colons);
        assert_eq!(plain.to_string(), vec!["AB"; 32].join(":"));
        for bad in ["", "AA:BB", "zz", &"ab".repeat(33)] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ca_without_certificates_is_told() {
        let error = Trust::new(Some(Ca::Pem("nothing".into())), false).config(None, &Issuer::default()).err().unwrap();
        assert!(error.to_string().contains("no certificate"), "{error}");
        let error = Trust::new(Some(Ca::File("/nonexistent/ca.pem".into())), false)
            .config(None, &Issuer::default())
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
    }

    #[test]
    fn the_issuer_is_read_out_of_a_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["pve1".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "PVE Cluster Manager CA");
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::default();
        assert_eq!(issuer.of_a_cluster(), None, "nothing was shown");
        issuer.heard(certificate.der());
        let name = issuer.of_a_cluster().unwrap();
        assert!(name.ends_with(Issuer::OF_PVE) && name.len() < 40, "{name:?}");
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Some Authority");
        issuer.heard(params.self_signed(&key).unwrap().der());
        assert_eq!(issuer.of_a_cluster(), None, "of somebody else");
        for end in 0..certificate.der().len() {
            // Cut off anywhere, it has none or the same.
            let cut = super::issuer(&certificate.der()[..end]);
            assert!(cut.is_none() || cut == Some(name.as_slice()));
        }
    }
}
