//! Why a request failed: whether anything of it was sent, and in whose words.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use hyper_util::client::legacy;

use super::Endpoint;
use super::attempt::Attempt;
use super::dial::{DialError, Way};
use super::tls::in_words;

pub(super) enum Failed {
    /// For certain nothing was sent.
    Unsent(DialError),
    Sent(String),
    Unusable(String),
}

/// What a failed request means.
pub(super) fn of(error: &reqwest::Error, attempt: &Attempt, endpoint: &Endpoint, way: &Way) -> Failed {
    // Only an error of a connection that had taken the request names the connection; one that gave the request back, because it
    // was closed before, calls that cancelled.
    let client = causes(error).find_map(|cause| cause.downcast_ref::<legacy::Error>());
    let taken = client.is_none_or(|client| client.connect_info().is_some()) && !error.is_builder();
    let returned =
        causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_canceled);
    if taken && !returned {
        return Failed::Sent(told(error));
    }
    let reason = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
    Failed::Unsent(match reason {
        Some(reason) => {
            let message = match (&endpoint.fingerprint, reason) {
                (Some(wanted), rustls::Error::InvalidCertificate(_)) => {
                    format!("the certificate is not the one with the configured fingerprint {wanted}")
                }
                _ => in_words(reason),
            };
            DialError::Tls { seen: attempt.certificate().map(|seen| seen.to_string()), message }
        }
        None if error.is_timeout() => DialError::Connect(no_connection(way.patience)),
        None => DialError::Connect(told(error)),
    })
}

pub(super) fn no_connection(patience: Duration) -> String {
    format!("no connection within {} s", patience.as_secs())
}

/// An error and its causes, each only once: an error of the system holds what it was made of, and does not name it as its
/// cause.
pub(super) fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| {
        let error: &'a (dyn StdError + 'static) = *error;
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match held {
            Some(held) => Some(held as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

/// An error with its causes; the outermost only say that there was a request.
pub(super) fn told(error: &(dyn StdError + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    for cause in causes(error) {
        // The TLS library tells at length how it has noticed.
        if cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof) {
            return "the connection was closed".to_owned();
        }
        let text = match cause.to_string() {
            // In other words what tells little: an answer to CONNECT that is not 200, and no way to the proxy itself.
            text if text == "tunnel error: unsuccessful" => "the proxy refused to connect there".to_owned(),
            text if text == "SOCKS error: failed to create underlying connection" => {
                "the proxy cannot be connected to".to_owned()
            }
            text => text,
        };
        if cause.is::<reqwest::Error>() || cause.is::<legacy::Error>() || words.last() == Some(&text) {
            continue;
        }
        words.push(text);
    }
    match words.is_empty() {
        // Never in the words of the outermost: they hold the URL, and with it what is secret.
        true => "the request failed".to_owned(),
        false => words.join(": "),
    }
}
