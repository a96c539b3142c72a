//! A simulated cluster in a process of its own.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::program::built;
use crate::web::Web;

/// A running `pve-sim serve`; ends when dropped.
#[derive(Debug)]
pub struct Sim {
    child: Child,
    about: About,
    environment: Vec<(&'static str, String)>,
}

/// The line that it prints when it answers.
#[derive(Debug, Deserialize)]
struct About {
    endpoints: BTreeMap<String, String>,
    fingerprints: BTreeMap<String, String>,
    username: String,
    password: String,
    api_token: String,
    control: String,
    #[serde(default)]
    ssh: Option<Ssh>,
}

/// How its nodes are reached by SSH, as the provider's `ssh` says it.
#[derive(Debug, Deserialize, Serialize)]
struct Ssh {
    password: String,
    agent: bool,
    nodes: BTreeMap<String, SshNode>,
}

#[derive(Debug, Deserialize, Serialize)]
struct SshNode {
    address: String,
    port: u16,
    host_key: String,
}

impl Sim {
    /// Builds it if needed, and starts it with these options of `pve-sim serve`.
    pub fn start(options: &[&str]) -> anyhow::Result<Self> {
        let program = built(&["--package", "pve-sim", "--bin", "pve-sim"])?;
        let web = Web::everywhere().into_iter().map(|(host, address)| format!("--web={host}={address}"));
        let mut child = Command::new(program)
            .arg("serve")
            .args(options)
            .args(web)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match serde_json::from_str::<About>(&line) {
            Ok(about) => Ok(Self { child, environment: about.environment(), about }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error).with_context(|| format!("pve-sim serve {}: said {line:?}", options.join(" ")))
            }
        }
    }

    /// The same, of a cluster that is described in YAML or JSON.
    pub fn of(shape: impl Display, options: &[&str]) -> anyhow::Result<Self> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(shape.to_string().as_bytes())?;
        let file = file.path().display().to_string();
        Self::start(&[&["--cluster", &*file], options].concat())
    }

    /// The variables that make `provider "pve" {}` use this cluster.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Where its control interface listens: `http://127.0.0.1:PORT`.
    pub fn control(&self) -> &str {
        &self.about.control
    }

    /// The nodes with their API's addresses.
    pub fn endpoints(&self) -> &BTreeMap<String, String> {
        &self.about.endpoints
    }

    /// What a provider block says to use this cluster.
    pub fn provider_block(&self) -> serde_json::Value {
        let About { endpoints, fingerprints, username, password, api_token, ssh, .. } = &self.about;
        serde_json::json!({
            "endpoints": endpoints,
            "fingerprints": fingerprints,
            "username": username,
            "password": password,
            "api_token": api_token,
            "ssh": ssh,
        })
    }

    /// The password of root@pam.
    pub fn password(&self) -> &str {
        &self.about.password
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl About {
    /// The same variables as `pve-sim run` sets.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let list = |map: &BTreeMap<String, String>| {
            map.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
        };
        let ssh = self.ssh.iter().flat_map(|ssh| {
            let each = |of: fn(&SshNode) -> String| {
                list(&ssh.nodes.iter().map(|(name, node)| (name.clone(), of(node))).collect())
            };
            [
                ("PVE_SSH_PASSWORD", ssh.password.clone()),
                ("PVE_SSH_AGENT", "0".to_owned()),
                ("PVE_SSH_NODES", each(|node| format!("{}:{}", node.address, node.port))),
                ("PVE_SSH_HOST_KEYS", each(|node| node.host_key.clone())),
            ]
        });
        let api = [
            ("PVE_ENDPOINTS", list(&self.endpoints)),
            ("PVE_FINGERPRINTS", list(&self.fingerprints)),
            ("PVE_USERNAME", self.username.clone()),
            ("PVE_PASSWORD", self.password.clone()),
            ("PVE_API_TOKEN", self.api_token.clone()),
            ("PVE_SIM_CONTROL", self.control.clone()),
        ];
        api.into_iter().chain(ssh).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_becomes_the_providers_environment() {
        let line = r#"{"endpoints": {"pve1": "https://127.0.0.1:1", "pve2": "https://127.0.0.1:2"},
            "fingerprints": {"pve1": "AA:BB"}, "username": "root@pam", "password": "p", "api_token": "u@pam!t=x",
            "control": "http://127.0.0.1:3"}"#;
        let about: About = serde_json::from_str(line).unwrap();
        let environment: BTreeMap<_, _> = about.environment().into_iter().collect();
        assert_eq!(environment["PVE_ENDPOINTS"], "pve1=https://127.0.0.1:1,pve2=https://127.0.0.1:2");
        assert_eq!(environment["PVE_FINGERPRINTS"], "pve1=AA:BB");
        assert_eq!(environment["PVE_SIM_CONTROL"], "http://127.0.0.1:3");
    }
}
