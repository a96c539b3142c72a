//! Clones and templates.

use std::time::Duration;

use super::{config, locked, volumes};
use crate::cluster::Cluster;
use crate::cluster::guests::drive::Drive;
use crate::cluster::guests::{Config, Guest, size};
use crate::cluster::storage::owner;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};

/// How long a volume takes to be copied.
const COPYING: Duration = Duration::from_secs(4);

/// A clone that is to be made.
#[derive(Debug, Clone)]
pub struct Order {
    /// Whose.
    pub vmid: u32,
    /// Its number.
    pub newid: u32,
    /// The node it is to belong to.
    pub target: String,
    /// Whether volumes are copied rather than linked.
    pub full: bool,
    /// The storage that copies are put on.
    pub storage: Option<String>,
    /// What is said of it.
    pub set: Vec<(String, String)>,
    /// The resource pool.
    pub pool: Option<String>,
}

/// Storages on which a volume can stand on another one.
const LINKS: [&str; 3] = ["lvmthin", "rbd", "zfspool"];

/// What refuses a clone before anything is done.
///
/// # Errors
/// PVE's text.
pub fn check(cluster: &Cluster, guest: &Guest, order: &Order) -> Result<(), String> {
    locked(guest, &[])?;
    if order.storage.is_some() && !order.full {
        return Err("parameter 'storage' not allowed for linked clones".to_owned());
    }
    if guest.is_running() {
        return Err("Full clone of a running container is only possible from a snapshot".to_owned());
    }
    for (key, mount) in volumes::of(&guest.config) {
        let kind = match volumes::mounts(&mount) {
            volumes::Mounts::Volume => continue,
            volumes::Mounts::Device => "device",
            volumes::Mounts::Bind => "bind",
        };
        return Err(format!("unable to clone mountpoint '{key}' (type {kind})"));
    }
    for (_, mount) in volumes::of(&guest.config) {
        let storage = mount.storage().and_then(|id| cluster.storage.get(id));
        let base = mount.name().is_some_and(|name| name.starts_with("base-"));
        let links = base && storage.is_some_and(|storage| LINKS.contains(&storage.kind.name));
        if !order.full && !links {
            return Err(format!("Linked clone feature for '{}' is not available", mount.volume));
        }
        if order.target != guest.node && storage.is_some_and(|storage| !storage.shared()) {
            return Err(format!("can't clone CT to node '{}' (CT uses local storage)", order.target));
        }
    }
    if let Some(id) = &order.storage {
        let storage = cluster.storage.usable(id, &order.target)?;
        if !volumes::takes_containers(storage) {
            return Err(format!("storage '{id}' does not allow content type 'rootdir' (Container)"));
        }
    }
    Ok(())
}

/// The work of `vzclone`. The source is locked already, and the number of the clone taken.
pub fn clone(order: Order) -> Steps {
    let (vmid, newid) = (order.vmid, order.newid);
    Steps::new()
        .lock(Lock::Ct(newid))
        .run(move |t| {
            t.log(format!("creating a clone of container {vmid} with ID {newid}"));
            Ok(())
        })
        .wait(COPYING)
        .run(move |t| {
            let made = copy(t, &order);
            t.cluster.lock_container(vmid, None);
            match made {
                Ok(config) => {
                    let guest = Guest::container(&order.target, config, t.now());
                    t.cluster.guests.all.insert(newid, guest);
                    if let Some(pool) = &order.pool {
                        t.cluster.pools.add_vm(pool, newid);
                    }
                    Ok(())
                }
                Err(text) => {
                    t.cluster.guests.all.remove(&newid);
                    Err(format!("clone failed: {text}"))
                }
            }
        })
        .on_stop(move |t| {
            t.cluster.lock_container(vmid, None);
            if t.cluster.guests.get(newid).is_some_and(|guest| guest.config.lock() == Some("create")) {
                t.cluster.guests.all.remove(&newid);
            }
            "clone failed: interrupted by signal".to_owned()
        })
}

fn copy(t: &mut TaskCx<'_>, order: &Order) -> Result<Config, String> {
    let node = t.node();
    let source = t.cluster.guests.ct_on(order.vmid, &node)?.config.clone();
    let mut config = Config { values: source.values.clone(), ..Config::default() };
    config.values.retain(|key, _| !key.starts_with("unused") && !["lock", "template"].contains(&key.as_str()));
    for (key, mount) in volumes::of(&source) {
        let here = mount.storage().unwrap_or_default().to_owned();
        let id = order.storage.clone().unwrap_or(here);
        let bytes = t.cluster.volume(&node, &mount.volume).map(|volume| volume.size);
        let bytes = bytes.ok_or_else(|| format!("volume '{}' does not exist", mount.volume))?;
        let what = if order.full { "full" } else { "linked" };
        let named = if key == "rootfs" { "mountpoint rootfs".to_owned() } else { format!("mountpoint {key}") };
        t.log(format!("create {what} clone of {named} ({})", mount.volume));
        let (volid, bytes, log) = t.cluster.make_file_system(&node, order.newid, &id, bytes)?;
        if order.full {
            log.iter().for_each(|line| t.log(line));
        }
        let mut copy = Drive { volume: volid, ..mount };
        copy.options.insert("size".to_owned(), size::print(bytes));
        config.values.insert(key, copy.to_string());
    }
    config.values.extend(order.set.iter().cloned());
    let nets: Vec<String> = config.values.keys().filter(|key| config::numbered(key, "net")).cloned().collect();
    for key in nets {
        let bare: Vec<&str> = config.values[&key].split(',').filter(|part| !part.starts_with("hwaddr=")).collect();
        let text = config::normalise(&key, &bare.join(","), &mut t.cluster.ids)?;
        config.values.insert(key, text);
    }
    Ok(config)
}

/// The work of `vztemplate`: volumes become bases.
pub fn template(vmid: u32) -> Steps {
    Steps::new().wait(Duration::from_secs(1)).run(move |t| {
        let node = t.node();
        let config = t.cluster.guests.ct_on(vmid, &node)?.config.clone();
        for (key, mut mount) in volumes::of(&config) {
            let name = mount.name().unwrap_or_default();
            if name.contains("base-") || owner(name) != Some(vmid) {
                continue;
            }
            let base = name.replacen("vm-", "base-", 1).replacen("subvol-", "basevol-", 1);
            mount.volume = t.cluster.rename_to(&node, &mount.volume, &base)?;
            if let Some(guest) = t.cluster.guests.get_mut(vmid) {
                guest.config.values.insert(key, mount.to_string());
            }
        }
        if let Some(guest) = t.cluster.guests.get_mut(vmid) {
            guest.config.values.insert("template".to_owned(), "1".to_owned());
        }
        Ok(())
    })
}
