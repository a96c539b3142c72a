//! What is under HA.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::api::cluster::GuestKind;
use crate::wire;

/// The name of an HA resource: `vm:100`, `ct:101`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    /// VM or container.
    pub kind: GuestKind,
    /// The guest's number.
    pub vmid: u32,
}

impl Sid {
    /// `vm:N`.
    pub const fn vm(vmid: u32) -> Self {
        Self { kind: GuestKind::Qemu, vmid }
    }

    /// What HA calls such a guest, before its number: `vm` or `ct`.
    pub const fn prefix(self) -> &'static str {
        match self.kind {
            GuestKind::Qemu => "vm",
            GuestKind::Lxc => "ct",
        }
    }
}

/// Why a text is no [`Sid`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the name of an HA resource: vm:ID or ct:ID with an id from 100 to 999999999")]
pub struct BadSid(String);

impl FromStr for Sid {
    type Err = BadSid;

    fn from_str(text: &str) -> Result<Self, BadSid> {
        let bad = || BadSid(text.to_owned());
        let (kind, number) = text.split_once(':').ok_or_else(bad)?;
        let kind = match kind {
            "vm" => GuestKind::Qemu,
            "ct" => GuestKind::Lxc,
            _ => return Err(bad()),
        };
        let canonical = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
        let vmid = number.parse().ok().filter(|id| canonical && (100..=999_999_999).contains(id)).ok_or_else(bad)?;
        Ok(Self { kind, vmid })
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.prefix(), self.vmid)
    }
}

impl<'de> Deserialize<'de> for Sid {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        wire::text(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Sid {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// `GET /cluster/ha/resources`. PVE returns only what is stored: `None` means that its default holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HaResource {
    /// Its name.
    pub sid: Sid,
    /// `started` (default), `stopped`, `enabled` (means started), `disabled`, `ignored`.
    #[serde(default)]
    pub state: Option<String>,
    /// Attempts to start it again on the same node; default 1.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub max_restart: Option<u32>,
    /// Other nodes to try after that; default 1.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub max_relocate: Option<u32>,
    /// Goes back to a better node as soon as one is there; default true.
    #[serde(default, deserialize_with = "wire::opt_boolean")]
    pub failback: Option<bool>,
    /// Note.
    #[serde(default)]
    pub comment: Option<String>,
    /// The legacy group; gone in PVE 9.
    #[serde(default)]
    pub group: Option<String>,
    /// Of the whole file.
    #[serde(default)]
    pub digest: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_recorded_resources() {
        let answer = r#"[{"max_restart":2,"type":"vm","digest":"6d64","sid":"vm:100","max_relocate":3,"comment":"first resource","state":"stopped"},
            {"sid":"ct:101","type":"ct","failback":0,"max_restart":"0"}]"#;
        let list: Vec<HaResource> = serde_json::from_str(answer).unwrap();
        assert_eq!((list[0].sid, list[0].max_relocate, list[0].failback), (Sid::vm(100), Some(3), None));
        assert_eq!(list[1].sid.to_string(), "ct:101");
        assert_eq!((list[1].failback, list[1].max_restart, &list[1].state), (Some(false), Some(0), &None));
    }

    #[test]
    fn sids_are_strict() {
        assert_eq!("vm:100".parse(), Ok(Sid::vm(100)));
        for bad in ["100", "vm:", "vm:99", "vm:0100", "vm:+100", "qemu:100", "vm:100 ", "vm:1000000000", ""] {
            assert!(bad.parse::<Sid>().is_err(), "{bad}");
        }
    }
}
