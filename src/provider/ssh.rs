//! The provider's `ssh`: how commands get to the nodes without the password of root@pam.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use pve_client::shell::ssh::{SshConfig, SshNode};
use terraform_plugin::{Attr, Error, Nested, Secret};

use super::environment::SshEnvironment;
use super::known;

/// The way to the nodes by SSH. What is left out here is taken from the environment.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Ssh {
    /// Who logs in. Anybody but `root` (used when unset) runs each command by `sudo`, which must not ask for a password.
    /// `PVE_SSH_USERNAME`.
    #[attr(optional, regex = r"^[A-Za-z_][A-Za-z0-9_.-]*$", says = "a user of the nodes' system, such as `root`")]
    pub username: Option<String>,
    /// A private key without a passphrase: the text of a file such as `id_ed25519`. `PVE_SSH_PRIVATE_KEY`.
    #[attr(optional, sensitive)]
    pub private_key: Option<Secret<String>>,
    /// Whether the keys of the agent are tried whose socket is in `SSH_AUTH_SOCK`. Unset: if there is one. `PVE_SSH_AGENT`.
    #[attr(optional)]
    pub agent: Option<bool>,
    /// The password, tried last. `PVE_SSH_PASSWORD`.
    #[attr(optional, sensitive)]
    pub password: Option<Secret<String>>,
    /// The port of nodes that have none of their own in `nodes`. Unset: 22.
    #[attr(optional, range = 1..=65535)]
    pub port: Option<u16>,
    /// The file with the host keys that are trusted, as `ssh` itself uses it. Unset: `~/.ssh/known_hosts`. Nothing is written
    /// there. `PVE_SSH_KNOWN_HOSTS`.
    #[attr(optional)]
    pub known_hosts: Option<String>,
    /// What is known of single nodes, by node name. `PVE_SSH_NODES`: `name=address,name=address:port`; `PVE_SSH_HOST_KEYS`:
    /// `name=SHA256:..,name=..`.
    #[attr(optional)]
    pub nodes: Option<BTreeMap<String, SshHost>>,
}

/// What is known of a node.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct SshHost {
    /// Its address. Unset: what the cluster says.
    #[attr(optional, length = 1..)]
    pub address: Option<String>,
    /// Its port.
    #[attr(optional, range = 1..=65535)]
    pub port: Option<u16>,
    /// The fingerprint of its host key, `SHA256:...`, as `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows it on the
    /// node. Takes the place of `known_hosts`.
    #[attr(optional, regex = r"^SHA256:[A-Za-z0-9+/]{43}$", says = "`SHA256:` and 43 characters")]
    pub host_key: Option<String>,
}

/// As the client takes it.
pub(super) fn config(ssh: &SshPlan, environment: &SshEnvironment) -> Result<SshConfig, Error> {
    let at = |name: &str| format!("ssh.{name}");
    let usual = SshConfig::default();
    let secret = |name: &str, of: &Attr<Secret<String>>, else_: &Option<String>| -> Result<_, Error> {
        let said = known(&at(name), of)?.map(Secret::reveal).or(else_.as_ref());
        Ok(said.map(pve_client::Secret::new))
    };
    let socket = env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from);
    let agent = match known(&at("agent"), &ssh.agent)?.or(environment.agent.as_ref()) {
        Some(false) => None,
        Some(true) if socket.is_none() => {
            return Err(Error::new("No agent", "`agent = true`, and SSH_AUTH_SOCK names no socket.").at("ssh"));
        }
        _ => socket,
    };
    let mut nodes = environment.nodes.clone();
    if ssh.nodes.known().is_some() {
        nodes.clear();
    }
    for (name, host) in known(&at("nodes"), &ssh.nodes)?.into_iter().flatten() {
        let Some(host) = known(&at("nodes"), host)? else { continue };
        let word = |attribute: &Attr<String>| -> Result<Option<String>, Error> {
            Ok(known(&at("nodes"), attribute)?.cloned())
        };
        let port = known(&at("nodes"), &host.port)?.copied();
        nodes.insert(name.clone(), SshNode { address: word(&host.address)?, port, host_key: word(&host.host_key)? });
    }
    let known_hosts = match known(&at("known_hosts"), &ssh.known_hosts)?.or(environment.known_hosts.as_ref()) {
        Some(file) => Some(PathBuf::from(file)),
        None => env::home_dir().map(|home| home.join(".ssh/known_hosts")),
    };
    let config = SshConfig {
        username: known(&at("username"), &ssh.username)?
            .or(environment.username.as_ref())
            .cloned()
            .unwrap_or(usual.username),
        port: known(&at("port"), &ssh.port)?.copied().unwrap_or(usual.port),
        private_key: secret("private_key", &ssh.private_key, &environment.private_key)?,
        agent,
        password: secret("password", &ssh.password, &environment.password)?,
        known_hosts,
        nodes,
    };
    config.check().map_err(|why| Error::new("Unusable SSH", why).at("ssh"))?;
    Ok(config)
}
