//! Cloud-init of a `pve_vm`.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::params::Params;
use pve_client::api::qemu::cloud_init::IpConfig;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::{Bus, Drive, DriveKey};
use terraform_plugin::{Cx, Nested, Path, Say};

use super::networks::index;
use super::{Vm, VmPlan};
use crate::error::Problem;
use crate::pve::Pve;
use crate::vm::disks::must_hold_images;

/// Cloud-init: what the guest learns about itself at its start. Changes reach it when it starts the next time.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct CloudInit {
    /// The storage of the small drive that carries it. Needed for a new drive; `ide2` is its place.
    #[attr(keep)]
    pub storage: Option<String>,
    /// The user that is set up. Left alone when unset (the image's own).
    #[attr(keep, length = 1..)]
    pub user: Option<String>,
    /// SSH public keys that may log in as that user.
    #[attr(keep)]
    pub ssh_keys: Option<BTreeSet<String>>,
    /// Addresses by network card (`net0`).
    #[attr(keep)]
    pub ip_config: Option<BTreeMap<String, Addresses>>,
    /// Name servers. Left alone when unset (PVE hands on the node's own).
    #[attr(keep)]
    pub dns: Option<Dns>,
}

/// The addresses of a network card.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Addresses {
    /// IPv4: `dhcp`, or an address with its prefix, such as `192.0.2.5/24`.
    #[attr(optional)]
    pub ip: Option<String>,
    /// IPv4 gateway.
    #[attr(optional)]
    pub gw: Option<String>,
    /// IPv6: `auto`, `dhcp`, or an address with its prefix.
    #[attr(optional)]
    pub ip6: Option<String>,
    /// IPv6 gateway.
    #[attr(optional)]
    pub gw6: Option<String>,
}

/// Name servers.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Dns {
    /// Their addresses, in order.
    #[attr(keep)]
    pub servers: Option<Vec<String>>,
    /// The search domain.
    #[attr(keep)]
    pub domain: Option<String>,
}

/// Where the drive is put: PVE's own custom.
const PLACE: DriveKey = DriveKey { bus: Bus::Ide, index: 2 };

impl From<&Addresses> for IpConfig {
    fn from(from: &Addresses) -> Self {
        Self { ip: from.ip.clone(), gateway: from.gw.clone(), ip6: from.ip6.clone(), gateway6: from.gw6.clone() }
    }
}

impl From<&IpConfig> for Addresses {
    fn from(from: &IpConfig) -> Self {
        Self { ip: from.ip.clone(), gw: from.gateway.clone(), ip6: from.ip6.clone(), gw6: from.gateway6.clone() }
    }
}

/// Keys often come with a line end (`file("~/.ssh/id.pub")`), which means nothing.
fn trimmed(keys: &BTreeSet<String>) -> BTreeSet<&str> {
    keys.iter().map(|key| key.trim()).filter(|key| !key.is_empty()).collect()
}

/// Cloud-init's part of a configuration; none if there is neither a drive nor a setting.
pub fn from_live(config: &Config, asked: Option<&CloudInit>) -> Option<CloudInit> {
    let storage = config.cloud_init_drive().and_then(|(_, drive)| drive.storage()).map(str::to_owned);
    let asked_keys = asked.and_then(|asked| asked.ssh_keys.as_ref());
    let keys: Option<BTreeSet<String>> = config.ssh_keys.as_ref().map(|text| text.lines().map(str::to_owned).collect());
    let ssh_keys = match (keys, asked_keys) {
        (keys, Some(asked)) if trimmed(&keys.clone().unwrap_or_default()) == trimmed(asked) => Some(asked.clone()),
        (keys, _) => keys,
    };
    let ip_config: BTreeMap<String, Addresses> =
        config.ip_configs.iter().map(|(index, ip)| (format!("net{index}"), ip.into())).collect();
    let dns = Dns {
        servers: (!config.nameserver.is_empty()).then(|| config.nameserver.clone()),
        domain: (!config.searchdomain.is_empty()).then(|| config.searchdomain.join(" ")),
    };
    let found = CloudInit {
        storage,
        user: config.ciuser.clone(),
        ssh_keys,
        ip_config: (!ip_config.is_empty()).then_some(ip_config),
        dns: (dns != Dns::default()).then_some(dns),
    };
    (found != CloudInit::default()).then_some(found)
}

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &VmPlan, say: &mut Say<Vm>) {
    let addresses = config.cloud_init.known().and_then(|ci| ci.ip_config.known());
    for name in addresses.into_iter().flat_map(BTreeMap::keys).filter(|name| index(name).is_none()) {
        say.error(
            Path::attr("cloud_init").at("ip_config").key(name),
            "No network card",
            format!("\"{name}\" is none of net0 to net31."),
        );
    }
}

/// The hard check before a write.
pub async fn must_be_possible(cx: &Cx<Pve>, want: &Vm, live: Option<&Config>, node: &str) -> Result<(), Problem> {
    let Some(storage) = want.cloud_init.as_ref().and_then(|ci| ci.storage.as_deref()) else { return Ok(()) };
    let at = Path::attr("cloud_init").at("storage");
    match live.and_then(Config::cloud_init_drive) {
        Some((_, drive)) if drive.storage() == Some(storage) => Ok(()),
        Some((key, drive)) => Err(Problem::new(
            format!("The cloud-init drive cannot be moved to storage \"{storage}\""),
            format!(
                "It is {} at {key}. It holds no data: remove it in PVE while the VM is stopped, and apply again to have it \
                 made anew. Nothing was written.",
                drive.volume
            ),
        )
        .at(at)),
        None if live.is_some_and(|live| live.drives.contains_key(&PLACE)) => {
            Err(Problem::new(format!("{PLACE} is taken"), "The cloud-init drive needs it. Nothing was written.").at(at))
        }
        None => must_hold_images(cx, storage, node, at).await,
    }
}

/// Adds what differs to the parameters of a create or an update.
pub fn params(want: &Vm, prior: Option<&Vm>, live: Option<&Config>, mut params: Params) -> Params {
    let Some(want) = &want.cloud_init else { return params };
    let is = live.and_then(|live| from_live(live, Some(want))).unwrap_or_default();
    if let Some(storage) = &want.storage
        && is.storage.is_none()
    {
        params = params.drive(PLACE, &Drive::cloud_init(storage));
    }
    if want.user.is_some() && want.user != is.user {
        params = params.opt("ciuser", want.user.as_ref());
    }
    if let Some(keys) = want.ssh_keys.as_ref().filter(|keys| is.ssh_keys.as_ref() != Some(*keys)) {
        let keys: Vec<&str> = trimmed(keys).into_iter().collect();
        params = match keys.is_empty() {
            false => params.ssh_keys(&keys.join("\n")),
            true if is.ssh_keys.is_some() => params.remove("sshkeys"),
            true => params,
        };
    }
    if let Some(addresses) = &want.ip_config {
        let there = is.ip_config.unwrap_or_default();
        for (name, address) in addresses {
            if let Some(index) = index(name).filter(|_| there.get(name) != Some(address)) {
                params = params.ip_config(index, &address.into());
            }
        }
        let before = prior.and_then(|prior| prior.cloud_init.as_ref()?.ip_config.as_ref());
        for name in before.into_iter().flat_map(BTreeMap::keys) {
            if let Some(index) = index(name).filter(|_| there.contains_key(name) && !addresses.contains_key(name)) {
                params = params.remove(format!("ipconfig{index}"));
            }
        }
    }
    if let Some(dns) = &want.dns {
        let there = is.dns.unwrap_or_default();
        if let Some(servers) = dns.servers.as_ref().filter(|servers| there.servers.as_ref() != Some(*servers)) {
            params = params.set("nameserver", servers.join(" "));
        }
        if dns.domain.is_some() && dns.domain != there.domain {
            params = params.opt("searchdomain", dns.domain.as_ref());
        }
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(settings: &[(&str, &str)]) -> Config {
        Config::read(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn vm(ci: CloudInit) -> Vm {
        Vm { cloud_init: Some(ci), ..Vm::default() }
    }

    #[test]
    fn a_vm_without_it_has_none() {
        assert_eq!(from_live(&config(&[("cores", "2")]), None), None);
    }

    #[test]
    fn a_key_with_a_line_end_is_the_same_key() {
        let asked =
            CloudInit { ssh_keys: Some(BTreeSet::from(["ssh-ed25519 A me\n".to_owned()])), ..CloudInit::default() };
        let live = config(&[("sshkeys", "ssh-ed25519%20A%20me")]);
        assert_eq!(from_live(&live, Some(&asked)), Some(asked.clone()));
        assert!(params(&vm(asked.clone()), None, Some(&live), Params::new()).is_empty());
        let made = params(&vm(asked), None, None, Params::new());
        assert_eq!(made, Params::new().set("sshkeys", "ssh-ed25519%20A%20me"));
    }

    #[test]
    fn only_what_differs_is_sent() {
        let live = config(&[
            ("ide2", "local:100/vm-100-cloudinit.qcow2,media=cdrom"),
            ("ciuser", "me"),
            ("ipconfig0", "ip=dhcp"),
            ("ipconfig1", "ip=192.0.2.5/24,gw=192.0.2.1"),
            ("nameserver", "192.0.2.53"),
        ]);
        let found = from_live(&live, None).unwrap();
        assert_eq!(found.storage.as_deref(), Some("local"));
        assert!(params(&vm(found.clone()), None, Some(&live), Params::new()).is_empty());
        let mut want = found.clone();
        want.ip_config.as_mut().unwrap().remove("net1");
        want.user = Some("you".to_owned());
        let made = params(&vm(want), Some(&vm(found)), Some(&live), Params::new());
        assert_eq!(made, Params::new().set("ciuser", "you").remove("ipconfig1"));
    }
}
