//! Whether the server is the node: its host key is the one that is pinned, or in a file of known hosts. Nothing is learned.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use russh::Preferred;
use russh::client::Handler;
use russh::keys::known_hosts::known_host_keys_path;
use russh::keys::ssh_key::Fingerprint;
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Trusted,
    /// It is not the one that is pinned.
    NotPinned {
        shown: String,
        pinned: String,
    },
    /// The file has another one of its kind.
    Changed {
        shown: String,
        file: String,
    },
    /// The file has none for this host.
    Unknown {
        host: String,
        shown: String,
        file: String,
    },
    /// There is neither a pin nor a file.
    Untold {
        shown: String,
    },
    Unreadable {
        file: String,
        why: String,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trusted => write!(f, "its host key is trusted"),
            Self::NotPinned { shown, pinned } => {
                write!(
                    f,
                    "its host key is {shown}, and the one in `host_key` is {pinned}: another machine, or it was installed anew"
                )
            }
            Self::Changed { shown, file } => {
                write!(
                    f,
                    "its host key is {shown}, and {file} has another one: another machine, or it was installed anew"
                )
            }
            Self::Unknown { host, shown, file } => write!(
                f,
                "its host key {shown} is not in {file}: if `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the node shows \
                 the same, add it there (`ssh-keyscan {host}`) or set it as the node's `host_key`"
            ),
            Self::Untold { shown } => write!(
                f,
                "its host key is {shown}, and nothing says whether that is right: set the node's `host_key`, or `known_hosts`"
            ),
            Self::Unreadable { file, why } => write!(f, "{file} cannot be read: {why}"),
        }
    }
}

/// Judges the host key of one server.
pub(super) struct HostKey {
    host: String,
    port: u16,
    pin: Option<String>,
    known_hosts: Option<PathBuf>,
    told: Arc<Mutex<Option<Verdict>>>,
}

impl HostKey {
    pub(super) fn new(host: &str, port: u16, pin: Option<String>, known_hosts: Option<PathBuf>) -> Self {
        Self { host: host.to_owned(), port, pin, known_hosts, told: Arc::default() }
    }

    /// Where the verdict will stand.
    pub(super) fn told(&self) -> Arc<Mutex<Option<Verdict>>> {
        self.told.clone()
    }

    /// Kinds of keys that the file has for this host come first: a server shows one key only, of the first kind that both
    /// know.
    pub(super) fn preferred(&self) -> Preferred {
        let mut preferred = Preferred::default();
        let known = self.known_hosts.as_ref().filter(|_| self.pin.is_none());
        let Some(known) = known.and_then(|file| known_host_keys_path(&self.host, self.port, file).ok()) else {
            return preferred;
        };
        let mut kinds = preferred.key.to_vec();
        let is_known = |kind: &Algorithm| known.iter().any(|(_, key)| alike(kind, &key.algorithm()));
        kinds.sort_by_key(|kind| !is_known(kind));
        preferred.key = Cow::Owned(kinds);
        preferred
    }

    fn judge(&self, key: &PublicKey) -> Verdict {
        let print = key.fingerprint(HashAlg::Sha256);
        let shown = print.to_string();
        if let Some(pinned) = &self.pin {
            return match fingerprint(pinned) {
                Ok(pin) if pin == print => Verdict::Trusted,
                _ => Verdict::NotPinned { shown, pinned: pinned.clone() },
            };
        }
        let Some(path) = &self.known_hosts else { return Verdict::Untold { shown } };
        let file = path.display().to_string();
        match known_host_keys_path(&self.host, self.port, path) {
            Err(why) => Verdict::Unreadable { file, why: why.to_string() },
            Ok(known) if known.iter().any(|(_, known)| known.key_data() == key.key_data()) => Verdict::Trusted,
            Ok(known) if known.iter().any(|(_, known)| known.algorithm() == key.algorithm()) => {
                Verdict::Changed { shown, file }
            }
            Ok(_) => Verdict::Unknown { host: self.host.clone(), shown, file },
        }
    }
}

impl Handler for HostKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let verdict = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.judge(key),
            // A certificate was not asked for; the key in it is judged like any other.
            PublicKeyOrCertificate::Certificate(certificate) => {
                self.judge(&PublicKey::new(certificate.public_key().clone(), ""))
            }
        };
        let trusted = verdict == Verdict::Trusted;
        if let Ok(mut told) = self.told.lock() {
            *told = Some(verdict);
        }
        Ok(trusted)
    }
}

/// Whether keys are of one kind; those of RSA sign in several ways.
fn alike(one: &Algorithm, other: &Algorithm) -> bool {
    one == other || (one.clone().is_rsa() && other.clone().is_rsa())
}

/// A fingerprint as `ssh-keygen -l` shows it.
pub(super) fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    match text.parse::<Fingerprint>() {
        Ok(print) if print.is_sha256() => Ok(print),
        _ => Err(format!("\"{text}\" is no fingerprint: `SHA256:` and 43 characters, as `ssh-keygen -l` shows it")),
    }
}
