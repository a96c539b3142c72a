//! The network cards of a `pve_vm`.

use std::collections::BTreeMap;

use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::net::{MODELS, Net};
use terraform_plugin::value::Number;
use terraform_plugin::{Nested, Path, Say};

use super::hardware::ranges;
use super::{Vm, VmPlan};
use crate::ground::texts::{self, stands};

/// A network card.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// What the guest sees: `virtio`, `e1000e`, ... Left alone when unset (a new card: `virtio`).
    #[attr(keep, check = model)]
    pub model: Option<String>,
    /// The bridge (or SDN vnet) it is connected to, such as `vmbr0`. Its node must have it when the card is made or goes to
    /// another bridge. Unset: behind NAT.
    #[attr(optional, check = texts::one_word)]
    pub bridge: Option<String>,
    /// VLAN. Unset: none.
    #[attr(optional, range = 1..=4094)]
    pub tag: Option<u16>,
    /// MAC address. Left alone when unset (PVE makes one for a new card).
    #[attr(
        keep,
        regex = "([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}",
        says = "six pairs of hexadecimal digits with colons",
        same = texts::same_but_case
    )]
    pub mac: Option<String>,
    /// Whether PVE's firewall filters it.
    #[attr(keep, usual = false)]
    pub firewall: Option<bool>,
    /// The cable is out.
    #[attr(keep, usual = false)]
    pub link_down: Option<bool>,
    /// The largest packet; 1 takes the bridge's. For `virtio` cards. Left alone when unset.
    #[attr(keep, range = 1..=65_520)]
    pub mtu: Option<u32>,
    /// Packet queues. Left alone when unset (PVE's default: one).
    #[attr(keep, range = 0..=64)]
    pub queues: Option<u32>,
    /// The most MB a second; 0: no limit.
    #[attr(keep, usual = Number::from(0), check = not_negative)]
    pub rate: Option<Number>,
    /// The VLANs that pass through: `1;5-9`. An empty text removes them.
    #[attr(keep, check = trunks)]
    pub trunks: Option<String>,
}

fn not_negative(number: &Number) -> Result<(), String> {
    if *number >= Number::from(0) { Ok(()) } else { Err("must not be negative".to_owned()) }
}

fn trunks(text: &String) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { ranges(text) }
}

/// What a new card is when nothing is said: the paravirtual one, as PVE's own web interface proposes.
const USUAL_MODEL: &str = "virtio";

/// PVE's schema has `net0` to `net31`.
const LAST: u16 = 31;

fn model(text: &String) -> Result<(), String> {
    if MODELS.contains(&text.as_str()) { Ok(()) } else { Err(format!("must be one of {}", MODELS.join(", "))) }
}

/// The number of `netN`.
pub fn index(name: &str) -> Option<u16> {
    let digits = name.strip_prefix("net")?;
    let index: u16 = digits.parse().ok()?;
    (index <= LAST && index.to_string() == digits).then_some(index)
}

impl Network {
    fn from_live(net: &Net, asked: Option<&Self>) -> Self {
        let mac = stands(asked.and_then(|asked| asked.mac.as_ref()), net.mac.clone(), texts::same_but_case);
        Self {
            model: Some(net.model.clone()),
            bridge: net.bridge.clone(),
            tag: net.tag,
            mac,
            firewall: Some(net.firewall.unwrap_or(false)),
            link_down: Some(net.link_down.unwrap_or(false)),
            mtu: net.mtu,
            queues: net.queues,
            rate: Some(net.rate.as_ref().and_then(|rate| rate.parse().ok()).unwrap_or_else(|| Number::from(0))),
            trunks: stands(asked.and_then(|asked| asked.trunks.as_ref()), net.other.get("trunks").cloned(), String::eq),
        }
    }

    /// The card with what is wanted, nothing else changed.
    fn apply_to(&self, net: &Net) -> Net {
        let is = Self::from_live(net, Some(self));
        let mut net = net.clone();
        if let Some(model) = &self.model {
            net.model.clone_from(model);
        }
        net.bridge.clone_from(&self.bridge);
        net.tag = self.tag;
        if self.mac.is_some() && self.mac != is.mac {
            net.mac.clone_from(&self.mac);
        }
        if self.firewall.is_some() && self.firewall != is.firewall {
            net.firewall = self.firewall;
        }
        if self.link_down.is_some() && self.link_down != is.link_down {
            net.link_down = self.link_down;
        }
        net.mtu = self.mtu.or(net.mtu);
        net.queues = self.queues.or(net.queues);
        if let Some(rate) = self.rate.as_ref().filter(|rate| is.rate.as_ref() != Some(*rate)) {
            // PVE takes 0 for no limit; the other way to say that is to say nothing.
            net.rate = (*rate != Number::from(0)).then(|| rate.to_string());
        }
        match self.trunks.as_deref() {
            Some("") => drop(net.other.remove("trunks")),
            Some(trunks) => drop(net.other.insert("trunks".to_owned(), trunks.to_owned())),
            None => {}
        }
        net
    }
}

/// The cards of a configuration.
pub fn from_live(config: &Config, asked: Option<&BTreeMap<String, Network>>) -> BTreeMap<String, Network> {
    let cards = config.nets.iter().map(|(index, net)| {
        let name = format!("net{index}");
        let card = Network::from_live(net, asked.and_then(|asked| asked.get(&name)));
        (name, card)
    });
    cards.collect()
}

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &VmPlan, say: &mut Say<Vm>) {
    for name in config.networks.known().into_iter().flat_map(BTreeMap::keys).filter(|name| index(name).is_none()) {
        say.error(
            Path::attr("networks").key(name),
            "No network card",
            format!("\"{name}\" is none of net0 to net{LAST}."),
        );
    }
}

/// Adds new, changed and removed cards to the parameters of a create or an update.
pub fn params(want: &Vm, prior: Option<&Vm>, live: Option<&Config>, mut params: Params) -> Params {
    let Some(cards) = &want.networks else { return params };
    for (name, card) in cards {
        let Some(index) = index(name) else { continue };
        let is = live.and_then(|live| live.nets.get(&index));
        let usual = Net { model: USUAL_MODEL.to_owned(), ..Net::default() };
        let wanted = card.apply_to(is.unwrap_or(&usual));
        if is != Some(&wanted) {
            params = params.net(index, &wanted);
        }
    }
    for name in prior.and_then(|prior| prior.networks.as_ref()).into_iter().flat_map(BTreeMap::keys) {
        let there = index(name).is_some_and(|index| live.is_some_and(|live| live.nets.contains_key(&index)));
        if there && !cards.contains_key(name) {
            params = params.remove(name.clone());
        }
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::read(BTreeMap::from([("net0".to_owned(), text.to_owned())]))
    }

    fn vm(card: Network) -> Vm {
        Vm { networks: Some(BTreeMap::from([("net0".to_owned(), card)])), ..Vm::default() }
    }

    #[test]
    fn a_card_keeps_its_address_and_what_is_not_ours() {
        let live = config("virtio=BC:24:11:53:39:1B,bridge=vmbr0,queues=4,tag=10");
        let card = Network { bridge: Some("vmbr1".to_owned()), ..Network::default() };
        let made = params(&vm(card), None, Some(&live), Params::new());
        assert_eq!(made, Params::new().set("net0", "virtio=BC:24:11:53:39:1B,bridge=vmbr1,queues=4"));
    }

    #[test]
    fn what_agrees_is_not_sent() {
        let live = config("virtio=BC:24:11:53:39:1B,bridge=vmbr0");
        let card = Network {
            mac: Some("bc:24:11:53:39:1b".to_owned()),
            bridge: Some("vmbr0".to_owned()),
            firewall: Some(false),
            ..Network::default()
        };
        assert!(params(&vm(card.clone()), None, Some(&live), Params::new()).is_empty());
        let asked = BTreeMap::from([("net0".to_owned(), card.clone())]);
        assert_eq!(from_live(&live, Some(&asked))["net0"].mac, card.mac);
    }

    #[test]
    fn new_cards_are_virtio_and_removed_ones_go() {
        let card = Network { bridge: Some("vmbr0".to_owned()), tag: Some(7), ..Network::default() };
        assert_eq!(
            params(&vm(card.clone()), None, None, Params::new()),
            Params::new().set("net0", "virtio,bridge=vmbr0,tag=7")
        );
        let none = Vm { networks: Some(BTreeMap::new()), ..Vm::default() };
        let live = config("virtio=BC:24:11:53:39:1B,bridge=vmbr0");
        assert_eq!(params(&none, Some(&vm(card)), Some(&live), Params::new()), Params::new().remove("net0"));
        assert!(params(&none, None, Some(&live), Params::new()).is_empty(), "what was never ours stays");
    }

    #[test]
    fn names_of_cards() {
        assert_eq!((index("net0"), index("net31")), (Some(0), Some(31)));
        for bad in ["net32", "net01", "eth0", "net", "net-1"] {
            assert_eq!(index(bad), None, "{bad}");
        }
    }
}
