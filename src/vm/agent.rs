//! What the guest agent tells of a guest's addresses: asked once, and never waited for.

use std::net::IpAddr;
use std::time::Duration;

use pve_client::api::qemu::agent::{Answer, Interface};
use pve_client::api::qemu::config::Config;
use terraform_plugin::Cx;

use super::guest::Found;
use crate::ground::pve::Pve;

/// As long as a plan may be kept up by one guest: PVE itself gives the agent three seconds.
const TRY: Duration = Duration::from_secs(4);

/// Whether the agent is switched on in the VM's configuration.
pub fn is_on(config: &Config) -> bool {
    let on = |part: &str| matches!(part.trim_start_matches("enabled="), "1" | "on" | "yes" | "true");
    config.agent.as_deref().is_some_and(|agent| agent.split(',').any(on))
}

/// The interfaces, if the agent tells them now.
pub async fn ask(cx: &Cx<Pve>, found: &Found) -> Option<Vec<Interface>> {
    match tokio::time::timeout(TRY, found.api(cx).interfaces()).await {
        Ok(Ok(Answer::Told(all))) => Some(all),
        other => {
            tracing::debug!(vmid = found.guest.vmid, ?other, "the guest agent tells no addresses");
            None
        }
    }
}

/// The interface that a network card is in the guest.
pub fn of_card<'a>(all: &'a [Interface], mac: &str) -> Option<&'a Interface> {
    all.iter().find(|one| one.hardware_address.as_deref().is_some_and(|its| its.eq_ignore_ascii_case(mac)))
}

/// The addresses of a kind that others may reach.
pub fn addresses<'a>(all: impl IntoIterator<Item = &'a Interface>, kind: &str) -> Vec<String> {
    let told = all.into_iter().flat_map(|one| &one.ip_addresses).filter(|address| address.ip_address_type == kind);
    told.map(|address| address.ip_address.clone()).filter(|text| is_for_others(text)).collect()
}

fn is_for_others(text: &str) -> bool {
    match text.split('%').next().unwrap_or(text).parse() {
        Ok(IpAddr::V4(ip)) => !ip.is_loopback() && !ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => !ip.is_loopback() && !ip.is_unicast_link_local(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use pve_client::api::qemu::agent::Address;

    use super::*;

    #[test]
    fn cards_are_known_by_their_address_whatever_its_case() {
        let card = Interface {
            name: "eth0".to_owned(),
            hardware_address: Some("bc:24:11:00:00:0a".to_owned()),
            ip_addresses: ["192.0.2.5", "169.254.1.1", "fe80::1", "2001:db8::5", "127.0.0.1"]
                .map(|ip| Address {
                    ip_address: ip.to_owned(),
                    ip_address_type: if ip.contains(':') { "ipv6" } else { "ipv4" }.to_owned(),
                })
                .into(),
        };
        let all = [Interface::default(), card];
        assert_eq!(of_card(&all, "BC:24:11:00:00:0A").map(|one| one.name.as_str()), Some("eth0"));
        assert_eq!(of_card(&all, "BC:24:11:00:00:0B"), None);
        assert_eq!(
            (addresses(&all, "ipv4"), addresses(&all, "ipv6")),
            (vec!["192.0.2.5".to_owned()], vec!["2001:db8::5".to_owned()])
        );
    }

    #[test]
    fn it_is_on_in_all_its_spellings() {
        let config = |agent: Option<&str>| Config { agent: agent.map(str::to_owned), ..Config::default() };
        for on in ["1", "enabled=1", "enabled=on,fstrim_cloned_disks=1", "1,type=isa"] {
            assert!(is_on(&config(Some(on))), "{on}");
        }
        for off in [None, Some("0"), Some("enabled=0,type=virtio")] {
            assert!(!is_on(&config(off)), "{off:?}");
        }
    }
}
