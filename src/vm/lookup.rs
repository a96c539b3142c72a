//! Data source `pve_vm`: a virtual machine as it is at this moment.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use super::{agent, guest};
use crate::ground::error::During;
use crate::ground::pve::Pve;

/// A virtual machine as it is at this moment, with the node where it runs.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "vm", area = "Virtual machines")]
pub struct VmLookup {
    /// Its number.
    #[attr(required)]
    pub vmid: u32,
    /// Name.
    #[attr(computed)]
    pub name: Option<String>,
    /// The node where it is now.
    #[attr(computed)]
    pub node: Option<String>,
    /// Whether it runs.
    #[attr(computed)]
    pub running: Option<bool>,
    /// What HA says of it. Null when it is not under HA.
    #[attr(computed)]
    pub ha_state: Option<String>,
    /// Whether it is a template.
    #[attr(computed)]
    pub template: Option<bool>,
    /// What works on it (`backup`, `migrate`, ...). Null when nothing does.
    #[attr(computed)]
    pub lock: Option<String>,
    /// Cores of each socket.
    #[attr(computed)]
    pub cores: Option<u32>,
    /// Sockets.
    #[attr(computed)]
    pub sockets: Option<u32>,
    /// Memory in MiB.
    #[attr(computed)]
    pub memory: Option<u64>,
    /// Notes.
    #[attr(computed)]
    pub description: Option<String>,
    /// Tags.
    #[attr(computed)]
    pub tags: Option<BTreeSet<String>>,
    /// Disks, CD-ROMs and unused volumes by interface.
    #[attr(computed)]
    pub drives: Option<BTreeMap<String, FoundDrive>>,
    /// Network cards by name.
    #[attr(computed)]
    pub networks: Option<BTreeMap<String, FoundNetwork>>,
    /// What the guest agent does: `answers`, `silent` (it is switched on and does not answer: not installed, or the guest is
    /// still starting), `off`. It is asked once, for a moment.
    #[attr(computed)]
    pub agent: Option<String>,
    /// All IPv4 addresses that the guest agent tells, but for loopback and link-local ones. Null unless it answers.
    #[attr(computed)]
    pub ipv4_addresses: Option<Vec<String>>,
    /// All IPv6 addresses, likewise.
    #[attr(computed)]
    pub ipv6_addresses: Option<Vec<String>>,
}

/// A disk, CD-ROM or unused volume.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct FoundDrive {
    /// The volume, as PVE names it.
    #[attr(computed)]
    pub volume: Option<String>,
    /// The storage it lies on. Null for an empty CD-ROM drive.
    #[attr(computed)]
    pub storage: Option<String>,
    /// Its size in bytes, if PVE has noted it.
    #[attr(computed)]
    pub size: Option<u64>,
}

/// A network card.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct FoundNetwork {
    /// What the guest sees.
    #[attr(computed)]
    pub model: Option<String>,
    /// MAC address.
    #[attr(computed)]
    pub mac: Option<String>,
    /// The bridge it is connected to.
    #[attr(computed)]
    pub bridge: Option<String>,
    /// VLAN.
    #[attr(computed)]
    pub tag: Option<u16>,
    /// What the guest calls it, by the guest agent.
    #[attr(computed)]
    pub interface: Option<String>,
    /// Its IPv4 addresses in the guest, by the guest agent.
    #[attr(computed)]
    pub ipv4_addresses: Option<Vec<String>>,
    /// Its IPv6 addresses in the guest, by the guest agent.
    #[attr(computed)]
    pub ipv6_addresses: Option<Vec<String>>,
}

impl DataSource<Pve> for VmLookup {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let found = guest::must_exist(cx, config.vmid).await?;
        let status = found.api(cx).status().await.during(format!("Cannot look at vm:{}", config.vmid))?;
        let live = &found.config;
        let drives = live.drives.iter().map(|(key, drive)| {
            let entry = FoundDrive {
                volume: Some(drive.volume.clone()),
                storage: drive.storage().map(str::to_owned),
                size: drive.size.map(|size| size.bytes()),
            };
            (key.to_string(), entry)
        });
        let interfaces = match (status.is_running(), agent::is_on(live)) {
            (true, true) => agent::ask(cx, &found).await,
            _ => None,
        };
        let agent = match (agent::is_on(live), &interfaces) {
            (false, _) => "off",
            (true, Some(_)) => "answers",
            (true, None) => "silent",
        };
        let networks = live.nets.iter().map(|(index, net)| {
            let own = interfaces.as_ref().and_then(|all| agent::of_card(all, net.mac.as_deref()?));
            let addresses = |kind| own.map(|interface| agent::addresses([interface], kind));
            let entry = FoundNetwork {
                interface: own.map(|interface| interface.name.clone()),
                ipv4_addresses: addresses("ipv4"),
                ipv6_addresses: addresses("ipv6"),
                model: Some(net.model.clone()),
                mac: net.mac.clone(),
                bridge: net.bridge.clone(),
                tag: net.tag,
            };
            (format!("net{index}"), entry)
        });
        Ok(Self {
            vmid: config.vmid,
            name: live.name.clone(),
            node: Some(found.guest.node.clone()),
            running: Some(status.is_running()),
            ha_state: status.ha.state.clone().filter(|_| status.ha.managed),
            template: Some(live.template),
            lock: live.lock.clone(),
            cores: Some(live.cores.unwrap_or(1)),
            sockets: Some(live.sockets.unwrap_or(1)),
            memory: Some(live.memory.unwrap_or(512)),
            description: live.description.clone(),
            tags: Some(live.tags.clone()),
            drives: Some(drives.collect()),
            networks: Some(networks.collect()),
            agent: Some(agent.to_owned()),
            ipv4_addresses: interfaces.as_ref().map(|all| agent::addresses(all, "ipv4")),
            ipv6_addresses: interfaces.as_ref().map(|all| agent::addresses(all, "ipv6")),
        })
    }
}
