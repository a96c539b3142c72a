//! What the environment says about the cluster.

use std::collections::BTreeMap;
use std::env;

use pve_client::Proxies;
use pve_client::shell::ssh::SshNode;

/// `PVE_*`, and after those the names that another provider uses; for proxies the names that everybody uses.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Environment {
    pub(super) endpoints: Vec<(Option<String>, String)>,
    pub(super) fingerprints: Vec<(Option<String>, String)>,
    pub(super) ca_file: Option<String>,
    pub(super) insecure: bool,
    pub(super) proxy: Option<String>,
    pub(super) proxies: Proxies,
    pub(super) api_token: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) ssh: SshEnvironment,
}

/// `PVE_SSH_*`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SshEnvironment {
    pub(super) username: Option<String>,
    pub(super) private_key: Option<String>,
    pub(super) agent: Option<bool>,
    pub(super) password: Option<String>,
    pub(super) known_hosts: Option<String>,
    pub(super) nodes: BTreeMap<String, SshNode>,
}

impl SshEnvironment {
    /// Whether it tells a way to log in: then there is SSH without a word in the configuration.
    pub(super) fn is_given(&self) -> bool {
        self.private_key.is_some() || self.password.is_some() || self.agent == Some(true)
    }

    fn from(first: impl Fn(&[&str]) -> Option<String>) -> Self {
        let mut nodes: BTreeMap<String, SshNode> = BTreeMap::new();
        let addresses = first(&["PVE_SSH_NODES"]).unwrap_or_default();
        for (name, place) in parts(&addresses).filter_map(|part| part.split_once('=')) {
            let (address, port) = place_of(place);
            nodes.insert(name.to_owned(), SshNode { address: Some(address), port, host_key: None });
        }
        let keys = first(&["PVE_SSH_HOST_KEYS"]).unwrap_or_default();
        for (name, key) in parts(&keys).filter_map(|part| part.split_once('=')) {
            nodes.entry(name.to_owned()).or_default().host_key = Some(key.to_owned());
        }
        Self {
            username: first(&["PVE_SSH_USERNAME"]),
            private_key: first(&["PVE_SSH_PRIVATE_KEY"]),
            agent: first(&["PVE_SSH_AGENT"]).map(|value| is_yes(&value)),
            password: first(&["PVE_SSH_PASSWORD"]),
            known_hosts: first(&["PVE_SSH_KNOWN_HOSTS"]),
            nodes,
        }
    }
}

/// `192.0.2.11`, `192.0.2.11:2222`, `[2001:db8::1]:2222` or an address of IPv6 alone.
fn place_of(text: &str) -> (String, Option<u16>) {
    let bare = |address: &str| address.trim_start_matches('[').trim_end_matches(']').to_owned();
    match text.rsplit_once(':') {
        Some((address, port)) if !address.contains(':') || address.ends_with(']') => match port.parse() {
            Ok(port) => (bare(address), Some(port)),
            Err(_) => (text.to_owned(), None),
        },
        _ => (bare(text), None),
    }
}

fn is_yes(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "1" | "true" | "yes" | "on")
}

impl Environment {
    pub(super) fn read() -> Self {
        Self::from(|name| env::var(name).ok())
    }

    fn from(get: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| get(name).filter(|value| !value.is_empty()));
        let endpoints = match first(&["PVE_ENDPOINTS"]) {
            Some(list) => parts(&list).map(endpoint).collect(),
            // Another provider's, and meant as that one means it: one URL, no list and no names.
            None => first(&["PROXMOX_VE_ENDPOINT"]).map(|url| (None, url.trim().to_owned())).into_iter().collect(),
        };
        let fingerprints = first(&["PVE_FINGERPRINTS"]).unwrap_or_default();
        Self {
            endpoints,
            fingerprints: parts(&fingerprints).map(fingerprint).collect(),
            ca_file: first(&["PVE_CA_FILE"]),
            insecure: first(&["PVE_INSECURE", "PROXMOX_VE_INSECURE"]).is_some_and(|value| is_yes(&value)),
            proxy: first(&["PVE_PROXY"]),
            proxies: Proxies::of_environment(&get),
            api_token: first(&["PVE_API_TOKEN", "PROXMOX_VE_API_TOKEN"]),
            username: first(&["PVE_USERNAME", "PROXMOX_VE_USERNAME"]),
            password: first(&["PVE_PASSWORD", "PROXMOX_VE_PASSWORD"]),
            ssh: SshEnvironment::from(first),
        }
    }
}

/// The entries of a list.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\n']).map(str::trim).filter(|part| !part.is_empty())
}

/// `name=url`, or a URL alone: that may hold a `=` of its own, but not before its `://`.
fn endpoint(part: &str) -> (Option<String>, String) {
    match part.split_once('=') {
        Some((name, url)) if !name.contains("://") => (Some(name.to_owned()), url.to_owned()),
        _ => (None, part.to_owned()),
    }
}

/// `name=fingerprint`, also with a URL for the name, or a fingerprint alone.
fn fingerprint(part: &str) -> (Option<String>, String) {
    match part.rsplit_once('=') {
        Some((name, fingerprint)) => (Some(name.to_owned()), fingerprint.to_owned()),
        None => (None, part.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Environment {
        Environment::from(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn endpoints_come_with_or_without_names() {
        let both = of(&[("PVE_ENDPOINTS", "pve1=https://a:8006,https://b:8006/?x=1")]);
        assert_eq!(
            both.endpoints,
            [(Some("pve1".to_owned()), "https://a:8006".to_owned()), (None, "https://b:8006/?x=1".to_owned())]
        );
    }

    #[test]
    fn the_other_provider_s_endpoint_is_one_url() {
        let theirs = of(&[("PROXMOX_VE_ENDPOINT", " https://pve.example.com/ ")]);
        assert_eq!(theirs.endpoints, [(None, "https://pve.example.com/".to_owned())]);
        let both = of(&[("PVE_ENDPOINTS", "pve1=https://a"), ("PROXMOX_VE_ENDPOINT", "https://b")]);
        assert_eq!(both.endpoints, [(Some("pve1".to_owned()), "https://a".to_owned())]);
    }

    #[test]
    fn fingerprints_come_with_or_without_names() {
        let all = of(&[("PVE_FINGERPRINTS", "AA:BB,pve1=CC:DD,https://b:8006/=EE:FF")]);
        let told = |name: Option<&str>, value: &str| (name.map(str::to_owned), value.to_owned());
        assert_eq!(
            all.fingerprints,
            [told(None, "AA:BB"), told(Some("pve1"), "CC:DD"), told(Some("https://b:8006/"), "EE:FF")]
        );
    }

    #[test]
    fn our_names_win_over_the_other_provider_s() {
        let both = of(&[("PVE_USERNAME", "a@pve"), ("PROXMOX_VE_USERNAME", "b@pve"), ("PROXMOX_VE_PASSWORD", "p")]);
        assert_eq!((both.username.as_deref(), both.password.as_deref()), (Some("a@pve"), Some("p")));
    }

    #[test]
    fn proxies_are_everybody_s_and_ours() {
        let both = of(&[("PVE_PROXY", "none"), ("HTTPS_PROXY", "http://p:3128"), ("NO_PROXY", "pve1")]);
        assert_eq!(both.proxy.as_deref(), Some("none"));
        assert_ne!(both.proxies, Proxies::default());
        assert_eq!(of(&[("HTTP_PROXY", "http://p:3128")]).proxies, Proxies::default(), "PVE speaks https only");
    }

    #[test]
    fn nodes_are_reached_by_ssh_as_the_variables_say() {
        let ssh = of(&[
            ("PVE_SSH_NODES", "pve1=192.0.2.1:2222,pve2=[2001:db8::1]:22,pve3=2001:db8::3,pve4=host"),
            ("PVE_SSH_HOST_KEYS", "pve1=SHA256:a+/b=,pve5=SHA256:c"),
            ("PVE_SSH_AGENT", "0"),
        ])
        .ssh;
        let node = |address: Option<&str>, port, key: Option<&str>| SshNode {
            address: address.map(str::to_owned),
            port,
            host_key: key.map(str::to_owned),
        };
        let expected = [
            ("pve1", node(Some("192.0.2.1"), Some(2222), Some("SHA256:a+/b="))),
            ("pve2", node(Some("2001:db8::1"), Some(22), None)),
            ("pve3", node(Some("2001:db8::3"), None, None)),
            ("pve4", node(Some("host"), None, None)),
            ("pve5", node(None, None, Some("SHA256:c"))),
        ];
        assert_eq!(ssh.nodes, expected.map(|(name, node)| (name.to_owned(), node)).into());
        assert!(!ssh.is_given() && of(&[("PVE_SSH_PASSWORD", "x")]).ssh.is_given());
    }

    #[test]
    fn empty_variables_say_nothing() {
        assert_eq!(
            of(&[("PVE_ENDPOINTS", ""), ("PVE_INSECURE", ""), ("PVE_API_TOKEN", ""), ("HTTPS_PROXY", "")]),
            Environment::default()
        );
    }
}
