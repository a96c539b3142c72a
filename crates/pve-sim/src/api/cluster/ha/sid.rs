//! Names of HA resources, as calls give them: `vm:100`, `ct:100`, or the bare number of a guest.

use crate::cluster::Cluster;
use crate::cluster::guests::Kind;
use crate::cluster::ha::Sid;
use crate::kernel::PveError;

/// A name as given.
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
            Ok(vmid) => match cluster.guests.get(vmid) {
                Some(guest) => {
                    let kind = Sid(vmid, guest.kind).kind();
                    Ok(Given { text: format!("{kind}:{vmid}"), kind: kind.to_owned(), name: vmid.to_string() })
                }
                None => Err(PveError::new(format!("unable to detect SID from VMID - VM/CT {vmid} does not exist"))),
            },
            Err(_) => Err(PveError::new(format!("unable to parse service id '{text}'"))),
        }
    }

    /// The name, if it may be that of a configured resource.
    pub(super) fn sid(&self) -> Option<Sid> {
        let kind = match self.kind.as_str() {
            "vm" => Kind::Qemu,
            "ct" => Kind::Lxc,
            _ => return None,
        };
        Some(Sid(self.name.parse().ok()?, kind))
    }

    /// The name of a guest that exists.
    pub(super) fn of_guest(&self, cluster: &Cluster) -> Result<Sid, PveError> {
        let text = &self.text;
        if self.kind != "vm" && self.kind != "ct" {
            return Err(PveError::new(format!("unknown section type '{}'", self.kind)));
        }
        let plain = self.name.len() > 1 && self.name.bytes().all(|b| b.is_ascii_digit()) && !self.name.starts_with('0');
        let vmid: u32 = self.name.parse().ok().filter(|_| plain).ok_or_else(|| PveError::new("invalid VMID"))?;
        let guest = cluster.guests.get(vmid);
        let guest = guest.ok_or_else(|| PveError::new(format!("resource '{text}' does not exist in cluster")))?;
        let sid = Sid(vmid, guest.kind);
        if self.kind != sid.kind() {
            // Belief: the text for a virtual machine's name; that for a container's was recorded.
            let what = if self.kind == "ct" { "a container" } else { "a VM" };
            return Err(PveError::new(format!("resource '{text}' - guest with ID {vmid} is not {what}")));
        }
        Ok(sid)
    }
}
