//! The configured HA resources.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use sha1::{Digest, Sha1};

use super::{Rule, Says};
use crate::cluster::guests::Kind;

/// `vm:100`, `ct:101`. A guest's number is its own whatever it is, so that the number alone is compared.
#[derive(Clone, Copy, Debug)]
pub struct Sid(pub u32, pub Kind);

impl Sid {
    /// A virtual machine's; and what is looked for by its number alone.
    pub const fn vm(vmid: u32) -> Self {
        Self(vmid, Kind::Qemu)
    }

    /// A container's.
    pub const fn ct(vmid: u32) -> Self {
        Self(vmid, Kind::Lxc)
    }

    /// `vm` or `ct`: the type of its section.
    pub fn kind(self) -> &'static str {
        match self.1 {
            Kind::Qemu => "vm",
            Kind::Lxc => "ct",
        }
    }
}

impl PartialEq for Sid {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Sid {}

impl PartialOrd for Sid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl Hash for Sid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.0)
    }
}

impl FromStr for Sid {
    type Err = ();

    /// Takes `vm:100`, `ct:100` and the bare `100`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, number) = match text.strip_prefix("ct:") {
            Some(number) => (Kind::Lxc, number),
            None => (Kind::Qemu, text.strip_prefix("vm:").unwrap_or(text)),
        };
        number.parse().map(|vmid| Self(vmid, kind)).map_err(|_| ())
    }
}

/// One section of `resources.cfg`: what was given, and nothing for what was not. PVE does not write defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The guest.
    pub sid: Sid,
    /// As stored, `enabled` included.
    pub state: Option<String>,
    /// Start retries on one node.
    pub max_restart: Option<u32>,
    /// Other nodes tried after that.
    pub max_relocate: Option<u32>,
    /// Whether it goes home when a better node returns.
    pub failback: Option<bool>,
    /// PVE 8: the group of nodes on which it runs.
    pub group: Option<String>,
    /// Free text.
    pub comment: Option<String>,
}

impl Resource {
    /// A resource with nothing but its guest.
    pub fn new(sid: Sid) -> Self {
        Self { sid, state: None, max_restart: None, max_relocate: None, failback: None, group: None, comment: None }
    }

    /// The state asked for, `enabled` read as `started`.
    pub fn state(&self) -> &str {
        match self.state.as_deref() {
            None | Some("enabled") => "started",
            Some(state) => state,
        }
    }

    /// Start retries on one node, default filled in.
    pub fn max_restart(&self) -> u32 {
        self.max_restart.unwrap_or(1)
    }

    /// Other nodes tried, default filled in.
    pub fn max_relocate(&self) -> u32 {
        self.max_relocate.unwrap_or(1)
    }
}

/// One section of PVE 8's `groups.cfg`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Priorities by node.
    pub nodes: BTreeMap<String, u32>,
    /// As stored: whether its resources run nowhere else.
    pub restricted: Option<bool>,
    /// As stored: whether they stay where they are when a better node returns.
    pub nofailback: Option<bool>,
    /// Free text.
    pub comment: Option<String>,
}

impl Group {
    /// What it says of the resources that are in it, as a rule; none if none is.
    pub fn as_rule(&self, name: &str, resources: &[Resource]) -> Option<Rule> {
        let of_it = |resource: &&Resource| resource.group.as_deref() == Some(name);
        let resources: BTreeSet<Sid> = resources.iter().filter(of_it).map(|resource| resource.sid).collect();
        let says = Says::Nodes { nodes: self.nodes.clone(), strict: self.restricted };
        (!resources.is_empty()).then(|| Rule { id: name.to_owned(), resources, says, disable: None, comment: None })
    }
}

/// The digest of `resources.cfg`: equal for equal contents.
pub fn digest(resources: &[Resource]) -> String {
    let mut file = String::new();
    for resource in resources {
        let _ = writeln!(file, "{}: {}", resource.sid.kind(), resource.sid.0);
        let number = |n: Option<u32>| n.map(|n| n.to_string());
        let lines = [
            ("comment", resource.comment.clone()),
            ("group", resource.group.clone()),
            ("failback", resource.failback.map(|on| u8::from(on).to_string())),
            ("max_relocate", number(resource.max_relocate)),
            ("max_restart", number(resource.max_restart)),
            ("state", resource.state.clone()),
        ];
        for (name, value) in lines {
            if let Some(value) = value {
                let _ = writeln!(file, "\t{name} {value}");
            }
        }
    }
    hex::encode(Sha1::digest(file))
}
