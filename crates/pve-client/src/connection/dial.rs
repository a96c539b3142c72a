//! Opening a connection: TCP, then TLS.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Endpoint;
use super::tls::{Trust, in_words};
use crate::{Config, Error};

/// Both directions of an open connection.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// An open connection.
pub type BoxedIo = Box<dyn Io>;

/// Why no connection came about. Nothing was sent.
#[derive(Debug)]
pub(crate) enum DialError {
    Connect(String),
    Tls { seen: Option<String>, message: String },
    Config(Error),
}

pub(crate) type Dialled<'a> = Pin<Box<dyn Future<Output = Result<BoxedIo, DialError>> + Send + 'a>>;

/// The way to an endpoint. Tests put servers in memory behind it.
pub(crate) trait Dial: Send + Sync {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> Dialled<'a>;
}

/// The network.
pub(crate) struct Network {
    timeout: Duration,
    trust: Trust,
}

impl Network {
    pub(crate) fn new(config: &Config) -> Network {
        if config.insecure {
            tracing::warn!(
                "certificates without a fingerprint are not checked: whoever is in between can read everything"
            );
        }
        Network { timeout: config.connect_timeout, trust: Trust::new(config.ca.clone(), config.insecure) }
    }

    async fn open(&self, endpoint: &Endpoint) -> Result<BoxedIo, DialError> {
        let session = self.trust.session(endpoint.fingerprint).map_err(DialError::Config)?;
        let name = ServerName::try_from(endpoint.host.clone())
            .map_err(|_| DialError::Connect(format!("{:?} is not a host name", endpoint.host)))?;

        let tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
            .await
            .map_err(|error| DialError::Connect(error.to_string()))?;
        // Requests are small and single: waiting to fill a packet only delays them.
        tcp.set_nodelay(true).map_err(|error| DialError::Connect(error.to_string()))?;
        match TlsConnector::from(session.config.clone()).connect(name, tcp).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(tls_error(&error, session.seen().map(|seen| seen.to_string()), endpoint)),
        }
    }
}

fn tls_error(error: &std::io::Error, seen: Option<String>, endpoint: &Endpoint) -> DialError {
    let reason = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match reason {
        // Not a word of TLS: a server that went away in the middle, or none that speaks it.
        None => DialError::Connect(format!("TLS handshake: {error}")),
        Some(reason) => {
            let message = match (&endpoint.fingerprint, reason) {
                (Some(wanted), rustls::Error::InvalidCertificate(_)) => {
                    format!("the certificate is not the one with the configured fingerprint {wanted}")
                }
                _ => in_words(reason),
            };
            DialError::Tls { seen, message }
        }
    }
}

impl Dial for Network {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> Dialled<'a> {
        Box::pin(async move {
            match tokio::time::timeout(self.timeout, self.open(endpoint)).await {
                Ok(opened) => opened,
                Err(_) => Err(DialError::Connect(format!("no connection within {} s", self.timeout.as_secs()))),
            }
        })
    }
}

#[cfg(test)]
mod tests;
