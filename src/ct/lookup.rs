//! Data source `pve_container`: a container as it is at this moment.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use super::guest;
use crate::ground::error::During;
use crate::ground::pve::Pve;
use crate::ground::texts::items;

/// A container as it is at this moment, with the node where it runs and its addresses.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "container", area = "Containers")]
pub struct ContainerLookup {
    /// Its number.
    #[attr(required)]
    pub vmid: u32,
    /// Name.
    #[attr(computed)]
    pub hostname: Option<String>,
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
    /// The system inside.
    #[attr(computed)]
    pub os_type: Option<String>,
    /// Cores. Null: all of its node.
    #[attr(computed)]
    pub cores: Option<u32>,
    /// Memory in MiB.
    #[attr(computed)]
    pub memory: Option<u64>,
    /// Notes.
    #[attr(computed)]
    pub description: Option<String>,
    /// Tags.
    #[attr(computed)]
    pub tags: Option<BTreeSet<String>>,
    /// The root file system, mount points and unused volumes, by name.
    #[attr(computed)]
    pub volumes: Option<BTreeMap<String, String>>,
    /// Its network interfaces as they are inside, by name. Empty while it does not run; addresses by DHCP are there some seconds
    /// after its start.
    #[attr(computed)]
    pub interfaces: Option<BTreeMap<String, FoundInterface>>,
}

/// A network interface.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct FoundInterface {
    /// MAC address.
    #[attr(computed)]
    pub mac: Option<String>,
    /// IPv4 addresses, without their prefix.
    #[attr(computed)]
    pub ipv4: Option<Vec<String>>,
    /// IPv6 addresses, without their prefix.
    #[attr(computed)]
    pub ipv6: Option<Vec<String>>,
}

impl DataSource<Pve> for ContainerLookup {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let found = guest::must_exist(cx, config.vmid).await?;
        let doing = format!("Cannot look at ct:{}", config.vmid);
        let status = found.api(cx).status().await.during(&doing)?;
        let interfaces = match status.is_running() {
            true => found.api(cx).interfaces().await.during(&doing)?,
            false => Vec::new(),
        };
        let interfaces = interfaces.into_iter().map(|interface| {
            let of = |kind: &str| {
                let its = interface.addresses.iter().filter(|address| address.kind == kind);
                Some(its.map(|address| address.address.clone()).collect())
            };
            let entry = FoundInterface { mac: interface.mac.clone(), ipv4: of("inet"), ipv6: of("inet6") };
            (interface.name, entry)
        });
        let live = &found.config;
        let text = |key: &str| live.settings.get(key).cloned();
        let mounts = live.mounts.iter().filter(|(_, mount)| mount.asked().is_none());
        let mounts = mounts.map(|(name, mount)| (name.clone(), mount.volume.clone()));
        Ok(Self {
            vmid: config.vmid,
            hostname: text("hostname"),
            node: Some(found.guest.node.clone()),
            running: Some(status.is_running()),
            ha_state: status.ha.state.clone().filter(|_| status.ha.managed),
            template: Some(live.template),
            lock: live.lock.clone(),
            os_type: text("ostype"),
            cores: text("cores").and_then(|cores| cores.parse().ok()),
            memory: text("memory").and_then(|memory| memory.parse().ok()),
            description: text("description"),
            tags: Some(items(&text("tags").unwrap_or_default()).map(str::to_owned).collect()),
            volumes: Some(mounts.chain(live.unused.clone()).collect()),
            interfaces: Some(interfaces.collect()),
        })
    }
}
