//! The settings of a `pve_vm` that are a single value, and the whole of its mapping to and from PVE.

use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use terraform_plugin::Path;

use super::devices::Devices;
use super::hardware::Hardware;
use super::options::Options;
use super::{Vm, cdroms, cloud_init, disks, firmware, networks, same_tags, worded};
use crate::ground::texts::{same_but_end, stands};
use crate::guest;

impl Vm {
    /// The VM as it is. `asked` is what the state or the plan says: where that means the same as what is there, it stands.
    pub(super) fn from_live(vmid: u32, node: &str, config: &Config, started: bool, asked: Option<&Self>) -> Self {
        let text = |is: &Option<String>, usual: &str| Some(is.clone().unwrap_or_else(|| usual.to_owned()));
        let (word, beside) = (asked.and_then(|a| a.cpu.as_ref()), asked.and_then(|a| a.cpu_options.as_ref()));
        let (cpu, cpu_options) = worded::read(config.cpu.as_ref(), CPU, (word, beside));
        let (word, beside) = (asked.and_then(|a| a.machine.as_ref()), asked.and_then(|a| a.machine_options.as_ref()));
        let (machine, machine_options) = worded::read(config.machine.as_ref(), MACHINE, (word, beside));
        let mut vm = Self {
            vmid: Some(vmid),
            name: config.name.clone(),
            // Where it is now counts for one that is pinned; for the others, where it was made.
            node: asked
                .filter(|asked| !asked.origin.is_pinned())
                .and_then(|asked| asked.node.clone())
                .or_else(|| Some(node.to_owned())),
            origin: asked.map(|asked| asked.origin.clone()).unwrap_or_default(),
            cores: Some(config.cores.unwrap_or(1)),
            sockets: Some(config.sockets.unwrap_or(1)),
            cpu,
            cpu_options,
            memory: Some(config.memory.unwrap_or(512)),
            machine: pinned_for_windows(machine, config, asked),
            machine_options,
            bios: text(&config.bios, "seabios"),
            scsi_hardware: text(&config.scsihw, "lsi"),
            on_boot: Some(config.onboot.unwrap_or(false)),
            // PVE takes white space off the end.
            description: stands(
                asked.and_then(|asked| asked.description.as_ref()),
                Some(config.description.clone().unwrap_or_default()),
                same_but_end,
            ),
            // PVE writes tags in lower case, unless the datacenter's options say otherwise.
            tags: stands(asked.and_then(|asked| asked.tags.as_ref()), Some(config.tags.clone()), same_tags),
            started: Some(started),
            disks: Some(disks::from_live(config, asked.and_then(|asked| asked.disks.as_ref()))),
            networks: Some(networks::from_live(config, asked.and_then(|asked| asked.networks.as_ref()))),
            cloud_init: cloud_init::from_live(config, asked.and_then(|asked| asked.cloud_init.as_ref())),
            cdroms: Some(cdroms::from_live(config)),
            hardware: guest::read(&config.settings, asked.map(|asked| &asked.hardware)),
            options: guest::read(&config.settings, asked.map(|asked| &asked.options)),
            devices: guest::read(&config.settings, asked.map(|asked| &asked.devices)),
            ready: true,
            ..Self::default()
        };
        firmware::seen(&mut vm, config, asked);
        vm
    }

    /// The VM as an import finds it.
    #[cfg(test)]
    pub fn imported(vmid: u32, node: &str, config: &Config) -> Self {
        Self::from_live(vmid, node, config, false, None)
    }

    /// What PVE is to be told so that `live` (nothing: a VM to be made) becomes what is wanted.
    pub(super) fn params(&self, prior: Option<&Self>, live: Option<&Config>) -> Params {
        let is = live.map(|live| Self::from_live(0, "", live, false, Some(self))).unwrap_or_default();
        let mut params = Params::new()
            .opt("name", differing(&self.name, &is.name))
            .opt("cores", differing(&self.cores, &is.cores))
            .opt("sockets", differing(&self.sockets, &is.sockets))
            .opt("cpu", self.cpu_text(prior, live))
            .opt("memory", differing(&self.memory, &is.memory))
            .opt("machine", self.machine_text(prior, live))
            .opt("bios", differing(&self.bios, &is.bios))
            .opt("scsihw", differing(&self.scsi_hardware, &is.scsi_hardware));
        if let Some(on) = differing(&self.on_boot, &is.on_boot) {
            params = params.flag("onboot", *on);
        }
        // An empty text takes a value away; of a new VM there is none to be taken away.
        if let Some(description) = differing(&self.description, &is.description) {
            params = match (description.is_empty(), live.is_some()) {
                (false, _) => params.set("description", description),
                (true, true) => params.remove("description"),
                (true, false) => params,
            };
        }
        if let Some(tags) = differing(&self.tags, &is.tags) {
            params = match (tags.is_empty(), live.is_some()) {
                (false, _) => params.tags(tags),
                (true, true) => params.remove("tags"),
                (true, false) => params,
            };
        }
        let settings = live.map(|live| &live.settings);
        let params = guest::params(&self.hardware, prior.map(|prior| &prior.hardware), settings, params);
        let params = guest::params(&self.options, prior.map(|prior| &prior.options), settings, params);
        let params = guest::params(&self.devices, prior.map(|prior| &prior.devices), settings, params);
        let params = disks::params(self, prior, live, params);
        let params = cdroms::params(self, prior, live, params);
        let params = networks::params(self, prior, live, params);
        let params = firmware::params(self, live, params);
        cloud_init::params(self, prior, live, params)
    }

    fn cpu_text(&self, prior: Option<&Self>, live: Option<&Config>) -> Option<String> {
        let prior = prior.and_then(|prior| prior.cpu.as_ref());
        worded::text(
            live.and_then(|live| live.cpu.as_ref()),
            CPU,
            (self.cpu.as_ref(), self.cpu_options.as_ref()),
            prior,
        )
    }

    fn machine_text(&self, prior: Option<&Self>, live: Option<&Config>) -> Option<String> {
        let prior = prior.and_then(|prior| prior.machine.as_ref());
        let is = live.and_then(|live| live.machine.as_ref());
        // Of a Windows that was asked for without a version, PVE has chosen one.
        let asked = match (&self.machine, is, live) {
            (Some(asked), Some(is), Some(live)) if is_windows(live) && is_pinned(is, asked) => None,
            (asked, ..) => asked.as_ref(),
        };
        worded::text(is, MACHINE, (asked, self.machine_options.as_ref()), prior)
    }

    /// Whether everything that this one says is so in `live`.
    pub(super) fn agrees_with(&self, live: &Config, started: bool) -> bool {
        self.params(None, Some(live)).is_empty()
            && self.started.is_none_or(|wanted| wanted == started)
            && disks::to_grow(self, live).is_empty()
    }
}

/// The name of the word in PVE's `cpu`.
pub(super) const CPU: &str = "cputype";

/// The name of the word in PVE's `machine`.
pub(super) const MACHINE: &str = "type";

/// Whether Windows runs in it.
pub(super) fn is_windows(config: &Config) -> bool {
    config.ostype.as_deref().is_some_and(|kind| kind.starts_with('w'))
}

/// Whether one machine type is the other with the version that PVE has chosen for it.
pub(super) fn is_pinned(is: &str, asked: &str) -> bool {
    let family =
        |prefix: &str| is.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    match asked {
        "q35" => family("pc-q35-"),
        "pc" => family("pc-i440fx-"),
        _ => false,
    }
}

/// What was asked for without a version stands for what PVE has made of it.
fn pinned_for_windows(machine: Option<String>, config: &Config, asked: Option<&Vm>) -> Option<String> {
    match (machine, asked.and_then(|asked| asked.machine.as_ref())) {
        (Some(is), Some(asked)) if is_windows(config) && is_pinned(&is, asked) => Some(asked.clone()),
        (machine, _) => machine,
    }
}

fn differing<'a, T: PartialEq>(want: &'a Option<T>, is: &Option<T>) -> Option<&'a T> {
    if want == is { None } else { want.as_ref() }
}

/// The attribute that a parameter of PVE belongs to.
pub(super) fn attribute(parameter: &str) -> Option<Path> {
    let cloud_init = || Path::attr("cloud_init");
    let own = ["vmid", "name", "cores", "sockets", "cpu", "memory", "machine", "bios", "description", "tags"];
    Some(match parameter {
        own_name if own.contains(&own_name) => Path::attr(own_name),
        "scsihw" => Path::attr("scsi_hardware"),
        "onboot" => Path::attr("on_boot"),
        "ide2" => cloud_init().at("storage"),
        "ciuser" => cloud_init().at("user"),
        "sshkeys" => cloud_init().at("ssh_keys"),
        "nameserver" => cloud_init().at("dns").at("servers"),
        "searchdomain" => cloud_init().at("dns").at("domain"),
        "cipassword" => cloud_init().at("password"),
        "citype" => cloud_init().at("type"),
        "ciupgrade" => cloud_init().at("upgrade"),
        "cicustom" => cloud_init().at("custom"),
        "smbios1" => Path::attr("smbios"),
        "efidisk0" => Path::attr("efi_disk"),
        "tpmstate0" => Path::attr("tpm_state"),
        other => {
            let of_kit = guest::attribute::<Hardware>(other).or_else(|| guest::attribute::<Options>(other));
            if let Some(path) = of_kit.or_else(|| guest::attribute::<Devices>(other)) {
                return Some(path);
            }
            if let Some(number) = other.strip_prefix("ipconfig") {
                cloud_init().at("ip_config").key(format!("net{number}"))
            } else if networks::index(other).is_some() {
                Path::attr("networks").key(other)
            } else if crate::vm::disk_storage::data_key(other).is_ok() {
                disks::path(other)
            } else {
                return None;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn config(settings: &[(&str, &str)]) -> Config {
        Config::read(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    const FULL: &[(&str, &str)] = &[
        ("name", "web"),
        ("cores", "2"),
        ("memory", "2048"),
        ("tags", "db;web"),
        ("description", "a\nb"),
        ("scsi0", "local-lvm:vm-101-disk-0,discard=on,size=32G"),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0"),
        ("ide2", "local-lvm:vm-101-cloudinit,media=cdrom"),
        ("efidisk0", "local-lvm:vm-101-disk-1,size=4M"),
        ("meta", "creation-qemu=10.0.2,ctime=1795370332"),
    ];

    #[test]
    fn what_was_read_has_nothing_to_be_changed() {
        let live = config(FULL);
        let vm = Vm::from_live(101, "pve1", &live, true, None);
        assert_eq!(vm.disks.as_ref().unwrap().keys().collect::<Vec<_>>(), ["scsi0"]);
        assert_eq!((vm.cores, vm.sockets, vm.bios.as_deref()), (Some(2), Some(1), Some("seabios")));
        assert_eq!(vm.params(Some(&vm), Some(&live)), Params::new());
        assert!(vm.agrees_with(&live, true) && !vm.agrees_with(&live, false));
    }

    #[test]
    fn only_what_is_set_is_sent() {
        assert!(Vm::default().params(None, None).is_empty());
        let want = Vm {
            name: Some("web".to_owned()),
            memory: Some(4096),
            description: Some(String::new()),
            tags: Some(BTreeSet::new()),
            on_boot: Some(true),
            ..Vm::default()
        };
        let made = want.params(None, None);
        assert_eq!(made, Params::new().set("name", "web").set("memory", 4096).flag("onboot", true));
        let changed = want.params(None, Some(&config(FULL)));
        assert_eq!(
            changed,
            Params::new().set("memory", 4096).flag("onboot", true).remove("description").remove("tags")
        );
    }

    #[test]
    fn spelling_that_means_the_same_stands() {
        let asked = Vm {
            tags: Some(BTreeSet::from(["Web".to_owned(), "db".to_owned()])),
            description: Some("a\nb\n".to_owned()),
            disks: Some(BTreeMap::from([(
                "scsi0".to_owned(),
                disks::Disk { size: "32768M".parse().ok(), ..disks::Disk::default() },
            )])),
            ..Vm::default()
        };
        let vm = Vm::from_live(101, "pve1", &config(FULL), false, Some(&asked));
        assert_eq!((&vm.tags, &vm.description), (&asked.tags, &asked.description));
        assert!(asked.params(None, Some(&config(FULL))).is_empty());
    }

    #[test]
    fn refused_parameters_point_at_attributes() {
        for (parameter, path) in [
            ("memory", "memory"),
            ("scsihw", "scsi_hardware"),
            ("scsi3", "disks[\"scsi3\"]"),
            ("net1", "networks[\"net1\"]"),
            ("ipconfig1", "cloud_init.ip_config[\"net1\"]"),
            ("sshkeys", "cloud_init.ssh_keys"),
        ] {
            assert_eq!(attribute(parameter).map(|path| path.to_string()).as_deref(), Some(path));
        }
        assert_eq!(attribute("storage"), None);
    }
}
