//! Cloud-init of a `pve_vm`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use pve_client::api::params::Params;
use pve_client::api::qemu::cloud_init::IpConfig;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::{Bus, Drive, DriveKey};
use terraform_plugin::{Cx, Findings, Nested, Path, Say, Secret};

use super::networks::index;
use super::{Vm, VmPlan, disks};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts::{self, stands};
use crate::guest::{self, Settings};

/// Cloud-init: what the guest learns about itself at its start. Changes reach it when it starts the next time.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct CloudInit {
    /// The storage of the small drive that carries it. Needed for a new drive, which takes `ide2`, or the next interface that
    /// is free.
    #[attr(keep, check = texts::one_word)]
    pub storage: Option<String>,
    /// The interface of that drive: `ide2`, or any other that is free. Left alone when unset.
    #[attr(keep, check = interface)]
    pub interface: Option<String>,
    /// The user that is set up. Left alone when unset (the image's own).
    #[attr(keep, check = texts::one_tidy_line)]
    pub user: Option<String>,
    /// SSH public keys that may log in as that user. A text may hold several, one a line, as `file("authorized_keys")` does.
    #[attr(keep, each = public_keys, same = texts::same_lines)]
    pub ssh_keys: Option<BTreeSet<String>>,
    /// Addresses by network card (`net0`).
    #[attr(keep)]
    pub ip_config: Option<BTreeMap<String, Addresses>>,
    /// Name servers. Left alone when unset (PVE hands on the node's own).
    #[attr(keep)]
    pub dns: Option<Dns>,
    /// That user's password. Never stored in the state; set again when `password_version` changes. PVE keeps its hash.
    #[attr(optional, sensitive, write_only(version = password_version), check = texts::one_tidy_line)]
    pub password: Option<Secret<String>>,
    /// Raise it to have `password` set again.
    #[attr(local)]
    pub password_version: Option<u32>,
    /// What else is told, and how.
    #[attr(flatten)]
    pub how: How,
}

/// How cloud-init is told.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct How {
    /// The form of the drive. Left alone when unset (PVE's default: `configdrive2` for Windows, else `nocloud`).
    #[attr(keep, api = "citype", one_of = ["configdrive2", "nocloud", "opennebula"])]
    pub r#type: Option<String>,
    /// Packages are upgraded at the first start.
    #[attr(keep, api = "ciupgrade", usual = true)]
    pub upgrade: Option<bool>,
    /// Files of your own in place of what PVE makes up: volumes with snippets, such as `local:snippets/user.yaml`. Left alone when
    /// unset; an empty one removes them.
    #[attr(keep, api = "cicustom")]
    pub custom: Option<Custom>,
}

impl Settings for How {}

/// Files in place of what PVE makes up.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Custom {
    /// What the user is told.
    #[attr(optional, check = snippet)]
    pub user: Option<String>,
    /// The network.
    #[attr(optional, check = snippet)]
    pub network: Option<String>,
    /// What identifies the instance.
    #[attr(optional, check = snippet)]
    pub meta: Option<String>,
    /// What the vendor adds.
    #[attr(optional, check = snippet)]
    pub vendor: Option<String>,
}

fn snippet(text: &String) -> Result<(), String> {
    texts::one_word(text)?;
    if text.contains(':') { Ok(()) } else { Err("must be a volume, such as `local:snippets/user.yaml`".to_owned()) }
}

fn interface(text: &String) -> Result<(), String> {
    let fits = |key: &DriveKey| matches!(key.bus, Bus::Ide | Bus::Sata | Bus::Scsi);
    match text.parse().is_ok_and(|key| fits(&key)) {
        true => Ok(()),
        false => Err("must be one of ide0 to ide3, sata0 to sata5, scsi0 to scsi30".to_owned()),
    }
}

/// The addresses of a network card.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(requires(gw, ip), requires(gw6, ip6))]
pub struct Addresses {
    /// IPv4: `dhcp`, or an address with its prefix, such as `192.0.2.5/24`.
    #[attr(optional, check = ipv4_with_prefix)]
    pub ip: Option<String>,
    /// IPv4 gateway.
    #[attr(optional, check = ipv4_address)]
    pub gw: Option<String>,
    /// IPv6: `auto`, `dhcp`, or an address with its prefix.
    #[attr(optional, check = ipv6_with_prefix)]
    pub ip6: Option<String>,
    /// IPv6 gateway.
    #[attr(optional, check = ipv6_address)]
    pub gw6: Option<String>,
}

/// Name servers.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Dns {
    /// Their addresses, in order.
    #[attr(keep, same = texts::same_list)]
    pub servers: Option<Vec<String>>,
    /// The search domain; several are separated by blanks. An empty text removes it.
    #[attr(keep, same = texts::same_items)]
    pub domain: Option<String>,
}

/// PVE has `ssh-keygen` look at each line; here it is seen that there is more in it than a file's name.
fn public_keys(text: &String) -> Result<(), String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match lines.into_iter().find(|line| line.split_whitespace().count() < 2) {
        Some(line) => {
            Err(format!("must hold public keys, such as `ssh-ed25519 AAAA...`, not {line:?}: `file(..)` reads a file"))
        }
        None => Ok(()),
    }
}

fn ipv4_with_prefix(text: &String) -> Result<(), String> {
    match ["dhcp", "manual"].contains(&text.as_str()) || has_prefix::<Ipv4Addr>(text, 32) {
        true => Ok(()),
        false => {
            Err(format!("must be `dhcp`, or an IPv4 address with its prefix, such as `192.0.2.5/24`, not {text:?}"))
        }
    }
}

fn ipv6_with_prefix(text: &String) -> Result<(), String> {
    match ["auto", "dhcp", "manual"].contains(&text.as_str()) || has_prefix::<Ipv6Addr>(text, 128) {
        true => Ok(()),
        false => Err(format!(
            "must be `auto`, `dhcp`, or an IPv6 address with its prefix, such as `2001:db8::5/64`, not {text:?}"
        )),
    }
}

fn has_prefix<A: FromStr>(text: &str, most: u8) -> bool {
    let fits = |(address, prefix): (&str, &str)| {
        address.parse::<A>().is_ok() && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= most)
    };
    text.split_once('/').is_some_and(fits)
}

fn ipv4_address(text: &String) -> Result<(), String> {
    text.parse::<Ipv4Addr>().map(drop).map_err(|_| format!("must be an IPv4 address without a prefix, not {text:?}"))
}

fn ipv6_address(text: &String) -> Result<(), String> {
    text.parse::<Ipv6Addr>().map(drop).map_err(|_| format!("must be an IPv6 address without a prefix, not {text:?}"))
}

/// Where a new drive is put: `ide2`, as is PVE's own custom, or the next interface that neither is nor will be taken.
fn place(want: &Vm, live: Option<&Config>) -> Option<DriveKey> {
    let ide = [2, 0, 3, 1].map(|index| DriveKey { bus: Bus::Ide, index });
    let others =
        [Bus::Sata, Bus::Scsi].map(|bus| (0..=bus.last_index()).rev().map(move |index| DriveKey { bus, index }));
    if let Some(asked) = want.cloud_init.as_ref().and_then(|ci| ci.interface.as_ref()?.parse().ok()) {
        return Some(asked).filter(|key| !live.is_some_and(|live| live.drives.contains_key(key)));
    }
    let wanted = |key: &DriveKey| {
        let name = key.to_string();
        want.disks.as_ref().is_some_and(|disks| disks.contains_key(&name))
            || want.cdroms.as_ref().is_some_and(|drives| drives.contains_key(&name))
    };
    let taken = |key: &DriveKey| live.is_some_and(|live| live.drives.contains_key(key));
    ide.into_iter().chain(others.into_iter().flatten()).find(|key| !wanted(key) && !taken(key))
}

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

/// Cloud-init's part of a configuration; none if there is neither a drive nor a setting, nor anything asked for: settings
/// that say nothing are as good as none.
pub fn from_live(config: &Config, asked: Option<&CloudInit>) -> Option<CloudInit> {
    let storage = config.cloud_init_drive().and_then(|(_, drive)| drive.storage()).map(str::to_owned);
    let keys = config.ssh_keys.as_ref().map(|text| BTreeSet::from([text.clone()]));
    let keys = keys.as_ref().map(|keys| texts::lines(keys).into_iter().map(str::to_owned).collect());
    let ssh_keys = stands(asked.and_then(|asked| asked.ssh_keys.as_ref()), keys, texts::same_lines);
    let ip_config: BTreeMap<String, Addresses> =
        config.ip_configs.iter().map(|(index, ip)| (format!("net{index}"), ip.into())).collect();
    let ip_config = stands(
        asked.and_then(|asked| asked.ip_config.as_ref()),
        (!ip_config.is_empty()).then_some(ip_config),
        BTreeMap::eq,
    );
    let asked_dns = asked.and_then(|asked| asked.dns.as_ref());
    let servers = (!config.nameserver.is_empty()).then(|| config.nameserver.clone());
    let domain = (!config.searchdomain.is_empty()).then(|| config.searchdomain.join(" "));
    let dns = Dns {
        servers: stands(asked_dns.and_then(|asked| asked.servers.as_ref()), servers, texts::same_list),
        domain: stands(asked_dns.and_then(|asked| asked.domain.as_ref()), domain, texts::same_items),
    };
    let how = guest::read(&config.settings, asked.map(|asked| &asked.how));
    let found = CloudInit {
        storage,
        interface: config.cloud_init_drive().map(|(key, _)| key.to_string()),
        password: None,
        password_version: asked.and_then(|asked| asked.password_version),
        how,
        user: config.ciuser.clone(),
        ssh_keys,
        ip_config,
        dns: (asked_dns.is_some() || dns != Dns::default()).then_some(dns),
    };
    let nothing = CloudInit { how: guest::read(&guest::Texts::new(), None), ..CloudInit::default() };
    (asked.is_some() || found != nothing).then_some(found)
}

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &VmPlan, say: &mut Say<Vm>) {
    let addresses = config.cloud_init.known().and_then(|ci| ci.ip_config.known());
    for (name, addresses) in addresses.into_iter().flatten() {
        let at = Path::attr("cloud_init").at("ip_config").key(name);
        if index(name).is_none() {
            say.error(at.clone(), "No network card", format!("\"{name}\" is none of net0 to net31."));
        }
        if addresses.known().is_some_and(|addresses| *addresses == AddressesPlan::default()) {
            say.error(
                at,
                format!("No address for {name}"),
                "Set `ip` or `ip6` (`dhcp` will do), or leave the card out.",
            );
        }
    }
}

/// Looks whether the drive can be made, or is where it is wanted.
pub async fn look(cx: &Cx<Pve>, want: &Vm, live: Option<&Config>, node: Option<&str>, found: &mut Findings<Vm>) {
    let Some(storage) = want.cloud_init.as_ref().and_then(|ci| ci.storage.as_deref()) else { return };
    let at = Path::attr("cloud_init").at("storage");
    match live.and_then(Config::cloud_init_drive) {
        Some((key, drive)) if drive.storage() == Some(storage) => {
            let asked = want.cloud_init.as_ref().and_then(|ci| ci.interface.as_ref());
            if let Some(asked) = asked.filter(|asked| **asked != key.to_string()) {
                let problem = Problem::new(
                    format!("The cloud-init drive cannot be moved from {key} to {asked}"),
                    "It holds no data: remove it in PVE while the VM is stopped, and apply again to have it made anew. Nothing was \
                     written.",
                );
                found.mendable(problem.at(Path::attr("cloud_init").at("interface")));
            }
        }
        Some((key, drive)) => {
            let problem = Problem::new(
                format!("The cloud-init drive cannot be moved to storage \"{storage}\""),
                format!(
                    "It is {} at {key}. It holds no data: remove it in PVE while the VM is stopped, and apply again to have it \
                     made anew. Nothing was written.",
                    drive.volume
                ),
            );
            found.mendable(problem.at(at));
        }
        None if place(want, live).is_none() => {
            let problem = Problem::new(
                "There is no interface left for the cloud-init drive",
                "It goes on `ide`, `sata` or `scsi`, and all are taken, or that which `interface` names is. Nothing was written. Take a \
                 drive out of the VM, or leave `storage` out of `cloud_init`.",
            );
            found.mendable(problem.at(at));
        }
        None => disks::must_hold(cx, storage, node, at, found).await,
    }
}

/// For the plan: tells of settings that are to be written and that no drive carries into the guest.
pub fn reaches_somebody(plan: &VmPlan, want: &Vm, prior: Option<&Vm>, live: Option<&Config>, found: &mut Findings<Vm>) {
    let to_come = plan.cloud_init.known().is_some_and(|ci| !ci.storage.is_null());
    let is_there = live.and_then(Config::cloud_init_drive).is_some();
    if !found.is_plan() || to_come || is_there || params(want, prior, live, Params::new()).is_empty() {
        return;
    }
    let problem = Problem::new(
        "Cloud-init's settings reach nobody without its drive",
        "The VM has no cloud-init drive, and none is asked for: PVE stores the settings, and the guest never sees them. Set \
         `storage` in `cloud_init` to have the drive made.",
    );
    found.notice(problem.at("cloud_init"));
}

/// Adds what differs to the parameters of a create or an update.
pub fn params(want: &Vm, prior: Option<&Vm>, live: Option<&Config>, mut params: Params) -> Params {
    let vm = want;
    let Some(want) = &want.cloud_init else { return params };
    let is = live.and_then(|live| from_live(live, Some(want))).unwrap_or_default();
    if let Some(storage) = &want.storage
        && is.storage.is_none()
        && let Some(place) = place(vm, live)
    {
        params = params.drive(place, &Drive::cloud_init(storage));
    }
    params = guest::params(&want.how, None, live.map(|live| &live.settings), params);
    if want.user.is_some() && want.user != is.user {
        params = params.opt("ciuser", want.user.as_ref());
    }
    if let Some(keys) = want.ssh_keys.as_ref().filter(|keys| is.ssh_keys.as_ref() != Some(*keys)) {
        let keys: Vec<&str> = texts::lines(keys).into_iter().collect();
        params = match keys.is_empty() {
            false => params.ssh_keys(&keys.join("\n")),
            true => remove_if(params, "sshkeys", is.ssh_keys.is_some()),
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
            let servers = servers.iter().flat_map(|text| texts::items(text)).collect::<Vec<_>>().join(" ");
            params = match servers.is_empty() {
                false => params.set("nameserver", servers),
                true => remove_if(params, "nameserver", there.servers.is_some()),
            };
        }
        if let Some(domain) = dns.domain.as_ref().filter(|domain| there.domain.as_ref() != Some(*domain)) {
            // PVE stores any separator, and cloud-init knows blanks only.
            let domain = texts::items(domain).collect::<Vec<_>>().join(" ");
            params = match domain.is_empty() {
                false => params.set("searchdomain", domain),
                true => remove_if(params, "searchdomain", there.domain.is_some()),
            };
        }
    }
    params
}

/// The password, if it is to be set: at creation, and when its version changes. PVE hashes it in changes only, so that it is none
/// of the parameters of a creation.
pub fn password(want: &Vm, prior: Option<&Vm>) -> Option<Params> {
    let ci = want.cloud_init.as_ref()?;
    let before =
        prior.filter(|prior| prior.ready).map(|prior| prior.cloud_init.as_ref().and_then(|ci| ci.password_version));
    let again = before.is_none_or(|before| before != ci.password_version);
    Some(Params::new().set("cipassword", ci.password.as_ref().filter(|_| again)?.reveal()))
}

/// Of a new VM, or one without it, there is nothing to be taken away.
fn remove_if(params: Params, name: &str, there: bool) -> Params {
    if there { params.remove(name) } else { params }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_keys_have_the_form_that_pve_takes() {
        let says = |check: fn(&String) -> Result<(), String>, text: &str| check(&text.to_owned());
        for text in ["dhcp", "manual", "192.0.2.5/24"] {
            assert_eq!(says(ipv4_with_prefix, text), Ok(()));
        }
        for text in ["192.0.2.5", "192.0.2.5/33", "192.0.2/24", "auto", "2001:db8::5/64", "192.0.2.5/24 ", ""] {
            assert!(says(ipv4_with_prefix, text).unwrap_err().contains("192.0.2.5/24"), "{text}");
        }
        for text in ["auto", "dhcp", "2001:DB8::5/64"] {
            assert_eq!(says(ipv6_with_prefix, text), Ok(()));
        }
        assert!(says(ipv6_with_prefix, "2001:db8::5").is_err() && says(ipv6_address, "2001:db8::1/64").is_err());
        assert!(says(ipv4_address, "192.0.2.1").is_ok() && says(ipv4_address, "192.0.2.1/24").is_err());
        for text in ["", "\n", "# mine\nssh-ed25519 AAAA me\n", "from=\"10.0.0.0/8\" ssh-rsa AAAA"] {
            assert_eq!(says(public_keys, text), Ok(()));
        }
        for text in ["~/.ssh/id_ed25519.pub", "ssh-ed25519 AAAA\nAAAA"] {
            assert!(says(public_keys, text).unwrap_err().contains("`file(..)`"), "{text}");
        }
    }

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
    fn lists_within_texts_are_one_form() {
        let asked = CloudInit {
            ssh_keys: Some(BTreeSet::from(["k1 A a@x\nk2 B b@x\n".to_owned()])),
            dns: Some(Dns {
                servers: Some(vec!["192.0.2.1 192.0.2.53 ".to_owned()]),
                domain: Some("home.lan,example.org".to_owned()),
            }),
            ..CloudInit::default()
        };
        let made = params(&vm(asked.clone()), None, None, Params::new());
        let sent = Params::new().ssh_keys("k1 A a@x\nk2 B b@x").set("nameserver", "192.0.2.1 192.0.2.53");
        assert_eq!(made, sent.set("searchdomain", "home.lan example.org"));
        let live = config(&[
            ("sshkeys", "k1%20A%20a%40x%0Ak2%20B%20b%40x%0A"),
            ("nameserver", "192.0.2.1 192.0.2.53"),
            ("searchdomain", "home.lan example.org"),
        ]);
        assert_eq!(from_live(&live, Some(&asked)), Some(asked.clone()));
        assert!(params(&vm(asked), None, Some(&live), Params::new()).is_empty());
        assert_eq!(from_live(&live, None).unwrap().ssh_keys.unwrap().len(), 2);
    }

    #[test]
    fn settings_that_say_nothing_are_kept_and_not_sent() {
        let empty = [
            CloudInit::default(),
            CloudInit { dns: Some(Dns::default()), ..CloudInit::default() },
            CloudInit { ip_config: Some(BTreeMap::new()), ..CloudInit::default() },
            CloudInit { ssh_keys: Some(BTreeSet::from(["\n".to_owned()])), ..CloudInit::default() },
            CloudInit {
                dns: Some(Dns { servers: Some(vec![" ".to_owned()]), domain: Some(String::new()) }),
                ..CloudInit::default()
            },
        ];
        let live = config(&[("cores", "2")]);
        for asked in empty {
            assert_eq!(from_live(&live, Some(&asked)), Some(asked.clone()));
            assert!(params(&vm(asked.clone()), None, None, Params::new()).is_empty(), "{asked:?}");
            assert!(params(&vm(asked.clone()), None, Some(&live), Params::new()).is_empty(), "{asked:?}");
        }
        let there = config(&[("nameserver", "192.0.2.1"), ("searchdomain", "a.example")]);
        let none = Dns { servers: Some(Vec::new()), domain: Some(String::new()) };
        let made =
            params(&vm(CloudInit { dns: Some(none), ..CloudInit::default() }), None, Some(&there), Params::new());
        assert_eq!(made, Params::new().remove("nameserver").remove("searchdomain"));
    }

    #[test]
    fn a_new_drive_takes_an_interface_that_is_free() {
        let asked = CloudInit { storage: Some("local".to_owned()), ..CloudInit::default() };
        let live = config(&[("ide2", "none,media=cdrom"), ("ide0", "local:iso/x.iso,media=cdrom")]);
        let made = params(&vm(asked.clone()), None, Some(&live), Params::new());
        assert_eq!(made, Params::new().set("ide3", "local:cloudinit"));
        let mut both = vm(asked);
        both.disks = Some(BTreeMap::from([("ide2".to_owned(), super::super::Disk::default())]));
        assert_eq!(params(&both, None, None, Params::new()), Params::new().set("ide0", "local:cloudinit"));
        // One that is there stays where it is.
        let live = config(&[("sata1", "local:100/vm-100-cloudinit.qcow2,media=cdrom")]);
        assert!(params(&both, None, Some(&live), Params::new()).is_empty());
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
