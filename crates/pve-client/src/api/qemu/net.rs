//! Network cards as they stand in a VM's configuration: `net0: virtio=BC:24:11:53:39:1B,bridge=vmbr0,firewall=1,tag=10`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::property_string::{BadPropertyString, PropertyString};
use crate::wire;

/// What PVE can emulate. Each is also a key whose value is the MAC address.
pub const MODELS: [&str; 14] = [
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "virtio",
    "vmxnet3",
];

/// A network card. Keys without a field of their own are in `other`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Net {
    /// One of [`MODELS`].
    pub model: String,
    /// The MAC address, in the letters given; PVE makes one (upper case) if a write has none.
    pub mac: Option<String>,
    /// The bridge; without one the card is behind NAT.
    pub bridge: Option<String>,
    /// VLAN.
    pub tag: Option<u16>,
    /// Whether PVE's firewall filters it.
    pub firewall: Option<bool>,
    /// MTU; 1 takes the bridge's.
    pub mtu: Option<u32>,
    /// Number of packet queues.
    pub queues: Option<u32>,
    /// MB/s.
    pub rate: Option<String>,
    /// The cable is out.
    pub link_down: Option<bool>,
    /// Everything else, as it stands.
    pub other: BTreeMap<String, String>,
}

impl FromStr for Net {
    type Err = BadPropertyString;

    fn from_str(text: &str) -> Result<Self, BadPropertyString> {
        let mut string: PropertyString = text.parse()?;
        // `virtio=MAC` on output; `virtio` alone or `model=virtio,macaddr=MAC` on input too.
        let named = MODELS.iter().find_map(|model| string.take(model).map(|mac| ((*model).to_owned(), Some(mac))));
        let (model, mac) = match named {
            Some(found) => found,
            None => {
                let model = string.take_default().or_else(|| string.take("model"));
                (model.ok_or_else(|| BadPropertyString::Missing("model".into()))?, string.take("macaddr"))
            }
        };
        if let Some(stray) = string.take_default() {
            return Err(BadPropertyString::SecondDefault(stray));
        }
        Ok(Self {
            model,
            mac,
            bridge: string.take("bridge"),
            tag: string.take_parsed("tag")?,
            firewall: string.take_boolean("firewall")?,
            mtu: string.take_parsed("mtu")?,
            queues: string.take_parsed("queues")?,
            rate: string.take("rate"),
            link_down: string.take_boolean("link_down")?,
            other: string.into_items(),
        })
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A model that is not known here cannot be told from a setting when it stands as a key or has an equals sign in it.
        let mut string = PropertyString::new();
        match &self.mac {
            Some(mac) if MODELS.contains(&self.model.as_str()) => {
                string.set_default(Some(format!("{}={mac}", self.model)));
            }
            mac => {
                match self.model.contains('=') {
                    true => {
                        string.set("model", self.model.clone());
                    }
                    false => string.set_default(Some(self.model.clone())),
                }
                string.set_opt("macaddr", mac.as_ref());
            }
        }
        for (key, value) in &self.other {
            string.set(key, value);
        }
        string
            .set_opt("bridge", self.bridge.as_ref())
            .set_opt("tag", self.tag)
            .set_opt("firewall", self.firewall.map(wire::flag))
            .set_opt("mtu", self.mtu)
            .set_opt("queues", self.queues)
            .set_opt("rate", self.rate.as_ref())
            .set_opt("link_down", self.link_down.map(wire::flag));
        string.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_cards_come_back_as_they_were() {
        for text in [
            "virtio=BC:24:11:53:39:1B,bridge=vmbr0,firewall=1,tag=10",
            "e1000=00:11:22:33:44:55,bridge=vmbr1,trunks=1;2",
        ] {
            assert_eq!(text.parse::<Net>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn reads_every_way_to_name_the_model() {
        let mac = Some("BC:24:11:00:00:01".to_owned());
        for text in
            ["virtio=BC:24:11:00:00:01", "model=virtio,macaddr=BC:24:11:00:00:01", "virtio,macaddr=BC:24:11:00:00:01"]
        {
            let net: Net = text.parse().unwrap();
            assert_eq!((net.model.as_str(), &net.mac), ("virtio", &mac), "{text}");
        }
        assert_eq!("virtio,bridge=vmbr0".parse::<Net>().unwrap().to_string(), "virtio,bridge=vmbr0");
        let newer = "model9,bridge=vmbr0,macaddr=BC:24:11:00:00:01";
        assert_eq!(newer.parse::<Net>().unwrap().to_string(), newer);
        assert!("bridge=vmbr0".parse::<Net>().is_err());
        assert!("virtio=AA,stray".parse::<Net>().is_err());
        assert!("virtio,tag=ten".parse::<Net>().is_err());
    }
}
