//! Names of HA resources, as calls give them: `vm:100`, `ct:100`, or the bare number of a guest.

use crate::cluster::Cluster;
use crate::cluster::ha::Sid;
use crate::kernel::PveError;

/// A name as given; only one of a virtual machine can be in the configuration.
pub(super) struct Given {
    /// `vm:100`.
    pub(super) text: String,
    /// `vm`.
    pub(super) kind: String,
    name: String,
}

impl Given {
    /// Reads a name.
    pub(super) fn parse(text: &str, cluster: &Cluster) -> Result<Given, PveError> {
        if let Some((kind, name)) = text.split_once(':') {
            return Ok(Given { text: text.to_owned(), kind: kind.to_owned(), name: name.to_owned() });
        }
        match text.parse::<u32>() {
            Ok(vmid) if cluster.guests.all.contains_key(&vmid) => {
                Ok(Given { text: format!("vm:{vmid}"), kind: "vm".to_owned(), name: vmid.to_string() })
            }
            Ok(vmid) => Err(PveError::new(format!("unable to detect SID from VMID - VM/CT {vmid} does not exist"))),
            Err(_) => Err(PveError::new(format!("unable to parse service id '{text}'"))),
        }
    }

    /// The name, if it may be that of a configured resource.
    pub(super) fn sid(&self) -> Option<Sid> {
        (self.kind == "vm").then(|| self.name.parse().ok().map(Sid)).flatten()
    }

    /// The name of a guest that exists.
    pub(super) fn of_guest(&self, cluster: &Cluster) -> Result<Sid, PveError> {
        let text = &self.text;
        if self.kind != "vm" && self.kind != "ct" {
            return Err(PveError::new(format!("unknown section type '{}'", self.kind)));
        }
        let plain = self.name.len() > 1 && self.name.bytes().all(|b| b.is_ascii_digit()) && !self.name.starts_with('0');
        let vmid: u32 = self.name.parse().ok().filter(|_| plain).ok_or_else(|| PveError::new("invalid VMID"))?;
        if !cluster.guests.all.contains_key(&vmid) {
            return Err(PveError::new(format!("resource '{text}' does not exist in cluster")));
        }
        if self.kind == "ct" {
            return Err(PveError::new(format!("resource '{text}' - guest with ID {vmid} is not a container")));
        }
        Ok(Sid(vmid))
    }
}
