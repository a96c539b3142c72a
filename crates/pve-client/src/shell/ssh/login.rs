//! Who we are: a private key, the agent's keys, a password, whichever the server takes first.

use std::path::Path;
use std::sync::Arc;

use russh::client::Handle;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};

use super::SshConfig;
use super::host_key::HostKey;
use crate::Secret;

/// A private key without a passphrase, in OpenSSH's or PEM's form.
pub(super) fn private_key(text: &Secret) -> Result<PrivateKey, String> {
    // What is wrong with it is told without a word of it.
    russh::keys::decode_secret_key(text.expose().trim(), None).map_err(|error| match error {
        russh::keys::Error::KeyIsEncrypted => {
            "the private key has a passphrase: give one without, or use an agent".to_owned()
        }
        _ => "the private key cannot be read: it must be the whole text of a file such as `id_ed25519`".to_owned(),
    })
}

/// Logs in; what was tried, if nothing was taken.
pub(super) async fn log_in(handle: &mut Handle<HostKey>, config: &SshConfig) -> Result<(), String> {
    let user = config.username.as_str();
    let broken = |error: russh::Error| error.to_string();
    let mut tried = Vec::new();
    if let Some(text) = &config.private_key {
        let key = Arc::new(private_key(text)?);
        let hash = handle.best_supported_rsa_hash().await.map_err(broken)?.flatten();
        let key = PrivateKeyWithHashAlg::new(key, hash);
        if handle.authenticate_publickey(user, key).await.map_err(broken)?.success() {
            return Ok(());
        }
        tried.push("the private key".to_owned());
    }
    if let Some(socket) = &config.agent {
        match by_agent(handle, user, socket).await {
            Ok(true) => return Ok(()),
            Ok(false) => tried.push(format!("the keys of the agent at {}", socket.display())),
            Err(why) => tried.push(format!("the agent at {} ({why})", socket.display())),
        }
    }
    if let Some(password) = &config.password {
        if handle.authenticate_password(user, password.expose()).await.map_err(broken)?.success() {
            return Ok(());
        }
        tried.push("the password".to_owned());
    }
    Err(format!("{user} is not let in; tried: {}", tried.join(", ")))
}

async fn by_agent(handle: &mut Handle<HostKey>, user: &str, socket: &Path) -> Result<bool, String> {
    let mut agent = AgentClient::connect_uds(socket).await.map_err(|error| error.to_string())?;
    let identities = agent.request_identities().await.map_err(|error| error.to_string())?;
    let hash = handle.best_supported_rsa_hash().await.map_err(|error| error.to_string())?.flatten();
    for identity in identities {
        let AgentIdentity::PublicKey { key, .. } = identity else { continue };
        let hash = hash.filter(|_| key.algorithm().is_rsa());
        let answer = handle.authenticate_publickey_with(user, key, hash, &mut agent).await;
        if answer.map_err(|error| error.to_string())?.success() {
            return Ok(true);
        }
    }
    Ok(false)
}
