//! Where a node's packages come from: the files of `/etc/apt/sources.list.d`. Recording 52.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::shape::RepositoryShape;

/// The keyrings by which packages are signed.
const DEBIAN: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const PROXMOX: &str = "/usr/share/keyrings/proxmox-archive-keyring.gpg";
/// The suite of PVE 9.
const SUITE: &str = "trixie";
/// Releases of Ceph that PVE 9 has repositories of.
/// Belief: the recorder's library knew Squid alone; 9.2 has Tentacle, which is its default.
const CEPH: [(&str, &str); 2] = [("squid", "Squid"), ("tentacle", "Tentacle")];

/// An entry of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Repository {
    /// Where the packages are.
    pub uri: String,
    /// Suites.
    pub suites: Vec<String>,
    /// Components.
    pub components: Vec<String>,
    /// What the file says of it; nothing means that it is enabled.
    pub enabled: Option<bool>,
}

/// What Proxmox offers under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Standard {
    /// `ceph-squid-test`.
    pub handle: String,
    /// `Ceph Squid Test`.
    pub name: String,
    /// What it is for.
    pub description: String,
    file: &'static str,
    repository: Repository,
}

/// All files of a node, in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Apt {
    files: Vec<(String, Vec<Repository>)>,
}

impl Repository {
    /// Whether packages come from it.
    pub fn is_enabled(&self) -> bool {
        self.enabled != Some(false)
    }

    fn provides(&self, standard: &Repository) -> bool {
        self.uri.trim_end_matches('/') == standard.uri && self.components == standard.components
    }

    fn json(&self) -> Value {
        let keyring = if self.uri.contains("proxmox.com") { PROXMOX } else { DEBIAN };
        let mut options = vec![json!({ "Key": "Signed-By", "Values": [keyring] })];
        if let Some(enabled) = self.enabled {
            options.push(json!({ "Key": "Enabled", "Values": [enabled.to_string()] }));
        }
        json!({ "Types": ["deb"], "URIs": [self.uri], "Suites": self.suites, "Components": self.components, "Options": options,
            "Enabled": u8::from(self.is_enabled()), "FileType": "sources" })
    }
}

/// What Proxmox offers, in the order in which PVE lists it.
pub fn standard() -> Vec<Standard> {
    const USES: [(&str, &str); 3] =
        [("enterprise", "Enterprise"), ("no-subscription", "No-Subscription"), ("test", "Test")];
    let entry = |uri: &str, component: &str| Repository {
        uri: uri.to_owned(),
        suites: vec![SUITE.to_owned()],
        components: vec![component.to_owned()],
        enabled: None,
    };
    let host = |usage: &str| {
        if usage == "enterprise" { "https://enterprise.proxmox.com" } else { "http://download.proxmox.com" }
    };
    let pve = USES.iter().map(|(usage, name)| Standard {
        handle: (*usage).to_owned(),
        name: (*name).to_owned(),
        description: match *usage {
            "enterprise" => "This is the default, stable, and recommended repository, available for all Proxmox subscription users.",
            "test" => "This repository contains the latest packages and is primarily used for test labs and by developers to test new features.",
            _ => "This is the recommended repository for testing and non-production use. Its packages are not as heavily tested and validated as the production ready enterprise repository. You don't need a subscription key to access this repository.",
        }
        .to_owned(),
        file: if *usage == "enterprise" { "pve-enterprise.sources" } else { "proxmox.sources" },
        repository: entry(&format!("{}/debian/pve", host(usage)), &format!("pve-{usage}")),
    });
    let ceph = CEPH.iter().flat_map(|(release, called)| {
        USES.iter().map(move |(usage, name)| Standard {
            handle: format!("ceph-{release}-{usage}"),
            name: format!("Ceph {called} {name}"),
            description: match *usage {
                "enterprise" => format!("This repository holds the production-ready Proxmox Ceph {called} packages."),
                "test" => format!(
                    "This repository contains the Ceph {called} packages before they are moved to the main repository."
                ),
                _ => {
                    format!("This repository holds the Proxmox Ceph {called} packages intended for non-production use.")
                }
            },
            file: "ceph.sources",
            repository: entry(&format!("{}/debian/ceph-{release}", host(usage)), usage),
        })
    });
    pve.chain(ceph).collect()
}

impl Apt {
    /// These, or what PVE's installer leaves.
    /// Belief: the files of an installed 9.1.
    pub fn new(shape: Option<&[RepositoryShape]>) -> Self {
        let mut apt = Apt { files: Vec::new() };
        let debian = |uri: &str, suites: &[&str]| Repository {
            uri: uri.to_owned(),
            suites: suites.iter().map(|suite| (*suite).to_owned()).collect(),
            components: ["main", "contrib", "non-free-firmware"].map(str::to_owned).to_vec(),
            enabled: None,
        };
        match shape {
            Some(given) => given.iter().for_each(|given| {
                let RepositoryShape { file, uri, suites, components, enabled } = given.clone();
                apt.file(&file).push(Repository { uri, suites, components, enabled });
            }),
            None => {
                apt.file("debian.sources").push(debian("http://deb.debian.org/debian", &["trixie", "trixie-updates"]));
                apt.file("debian.sources")
                    .push(debian("http://security.debian.org/debian-security", &["trixie-security"]));
                let preset =
                    |standard: &Standard| ["enterprise", "ceph-squid-enterprise"].contains(&standard.handle.as_str());
                for Standard { file, repository, .. } in standard().into_iter().filter(preset) {
                    apt.file(file).push(repository);
                }
            }
        }
        apt
    }

    fn file(&mut self, name: &str) -> &mut Vec<Repository> {
        let path = format!("/etc/apt/sources.list.d/{name}");
        let at = match self.files.binary_search_by(|(known, _)| known.as_str().cmp(&path)) {
            Ok(at) => at,
            Err(at) => {
                self.files.insert(at, (path, Vec::new()));
                at
            }
        };
        &mut self.files[at].1
    }

    /// Adds what Proxmox offers, or enables it wherever it stands. What is enabled already is added once more, as recorded.
    pub fn add(&mut self, standard: &Standard) {
        let all = self.files.iter_mut().flat_map(|(_, entries)| entries);
        let mut there: Vec<&mut Repository> = all.filter(|entry| entry.provides(&standard.repository)).collect();
        if !there.is_empty() && there.iter().all(|entry| !entry.is_enabled()) {
            there.iter_mut().for_each(|entry| entry.enabled = Some(true));
            return;
        }
        self.file(standard.file).push(standard.repository.clone());
    }

    /// Writes the file of what Proxmox offers anew, with nothing else in it.
    pub fn set(&mut self, standard: &Standard) {
        *self.file(standard.file) = vec![standard.repository.clone()];
    }

    /// An entry to be switched, by its file and its number there. The error is PVE's text.
    pub fn entry(&mut self, path: &str, index: i64) -> Result<&mut Repository, String> {
        let (_, entries) =
            self.files.iter_mut().find(|(known, _)| known == path).ok_or_else(|| format!("invalid path - {path}"))?;
        let entry = usize::try_from(index).ok().and_then(|index| entries.get_mut(index));
        entry.ok_or_else(|| format!("invalid index - {index}"))
    }

    /// The digest over all files.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(format!("{:?}", self.files)))
    }

    /// `GET apt/repositories`.
    pub fn json(&self) -> Value {
        let file = |(path, entries): &(String, Vec<Repository>)| {
            let digest = Sha256::digest(format!("{entries:?}")).to_vec();
            let entries: Vec<Value> = entries.iter().map(Repository::json).collect();
            json!({ "path": path, "file-type": "sources", "digest": digest, "repositories": entries })
        };
        let info = |(path, entries): &(String, Vec<Repository>)| {
            let one = |(index, entry): (usize, &Repository)| {
                let origin = if entry.uri.contains("proxmox.com") { "Proxmox" } else { "Debian" };
                json!({ "path": path, "index": index, "kind": "origin", "message": origin })
            };
            entries.iter().enumerate().map(one).collect::<Vec<_>>()
        };
        let entries = || self.files.iter().flat_map(|(_, entries)| entries);
        let offered = |standard: Standard| {
            let there: Vec<bool> =
                entries().filter(|entry| entry.provides(&standard.repository)).map(Repository::is_enabled).collect();
            let mut offered =
                json!({ "handle": standard.handle, "name": standard.name, "description": standard.description });
            if !there.is_empty() {
                offered["status"] = json!(u8::from(there.contains(&true)));
            }
            offered
        };
        json!({
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
            "infos": self.files.iter().flat_map(info).collect::<Vec<_>>(),
            "errors": [],
            "standard-repos": standard().into_iter().map(offered).collect::<Vec<_>>(),
            "digest": self.digest(),
        })
    }

    /// Where packages come from: what is switched off does not count, as for apt.
    pub(super) fn canonical(&self) -> Value {
        let of = |(path, entries): &(String, Vec<Repository>)| {
            let enabled = entries.iter().filter(|entry| entry.is_enabled());
            enabled.map(|entry| json!([path, entry.uri, entry.suites, entry.components])).collect::<Vec<_>>()
        };
        self.files.iter().flat_map(of).collect()
    }
}
