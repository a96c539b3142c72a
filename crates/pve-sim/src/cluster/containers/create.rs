//! How a container comes to be: from a template, an OCI image or a backup.

use std::time::Duration;

use super::archive::Archive;
use super::{Image, config, volumes};
use crate::cluster::Cluster;
use crate::cluster::guests::drive::{Drive, DriveKey};
use crate::cluster::guests::{Config, Guest, size};
use crate::kernel::clock::Time;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::shape::GuestShape;

/// Gibibytes of a root file system of which nobody said how large it is to be.
const ROOT_GIB: u64 = 4;
/// How long an archive takes to be unpacked.
const UNPACKING: Duration = Duration::from_secs(3);

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its number.
    pub vmid: u32,
    /// The archive: a volume of templates or of backups.
    pub archive: String,
    /// Whether the archive is a backup.
    pub restore: bool,
    /// Settings that were given, in their normal forms.
    pub given: Config,
    /// The storage of what names none.
    pub storage: String,
    /// Whether network devices of a backup get new addresses.
    pub unique: bool,
    /// The resource pool.
    pub pool: Option<String>,
    /// Whether `config` alone was refused to be written over: the container that is there goes.
    pub force: bool,
}

/// The work of `vzcreate` and `vzrestore`; the number is taken already. What comes after is up to the caller.
pub fn steps(order: Order) -> Steps {
    let vmid = order.vmid;
    let failed = format!("unable to {} CT {vmid} - ", if order.restore { "restore" } else { "create" });
    let (stopped, pool) = (format!("{failed}interrupted by signal"), order.pool.clone());
    Steps::new()
        .lock(Lock::Ct(vmid))
        .wait(UNPACKING)
        .run(move |t| {
            make(t, &order).map_err(|text| {
                forget_unfinished(t, vmid);
                format!("{failed}{text}")
            })
        })
        .on_stop(move |t| {
            forget_unfinished(t, vmid);
            stopped
        })
        .run(move |t| {
            if let Some(pool) = pool {
                t.cluster.pools.add_vm(&pool, vmid);
            }
            Ok(())
        })
}

/// Lets go of the number of a container that was being made.
fn forget_unfinished(t: &mut TaskCx<'_>, vmid: u32) {
    if t.cluster.guests.get(vmid).is_some_and(|guest| guest.config.lock() == Some("create")) {
        t.cluster.guests.all.remove(&vmid);
    }
}

/// The number is taken, and nothing else is there yet.
pub fn stub(node: &str, now: Time) -> Guest {
    let values = [("lock".to_owned(), "create".to_owned())].into();
    Guest::container(node, Config { values, ..Config::default() }, now)
}

fn make(t: &mut TaskCx<'_>, order: &Order) -> Result<(), String> {
    let node = t.node();
    let backed_up = order.restore.then(|| recover(t, order, &node)).transpose()?.unwrap_or_default();
    let mut made = Vec::new();
    let result = fill(t, order, &node, backed_up, &mut made);
    match result {
        Ok(config) => {
            let guest = Guest::container(&node, config, t.now());
            t.cluster.guests.all.insert(order.vmid, guest);
            Ok(())
        }
        Err(text) => {
            for volume in made {
                // Made a moment ago, so that it can be freed.
                let said = t.cluster.free(&node, &volume).unwrap_or_default();
                t.log(said);
            }
            t.log(&text);
            Err(text)
        }
    }
}

/// The configuration in a backup.
fn recover(t: &mut TaskCx<'_>, order: &Order, node: &str) -> Result<Config, String> {
    let archive = &order.archive;
    t.log(format!("recovering backed-up configuration from '{archive}'"));
    let backup = t.cluster.backup(node, archive).ok_or_else(|| format!("volume '{archive}' does not exist"))?;
    let mut config = Config { values: backup.config.clone(), ..Config::default() };
    config.values.remove("lock");
    if order.unique {
        renew_addresses(&mut config, t.cluster);
    }
    Ok(config)
}

fn fill(
    t: &mut TaskCx<'_>,
    order: &Order,
    node: &str,
    mut config: Config,
    made: &mut Vec<String>,
) -> Result<Config, String> {
    let archive = &order.archive;
    lay_out(&mut config, order);
    let mounts: Vec<_> = volumes::of(&config).collect();
    // The root comes first.
    let (root, others): (Vec<_>, Vec<_>) = mounts.into_iter().partition(|(key, _)| key == "rootfs");
    for (key, mount) in root.into_iter().chain(others) {
        let new = mount.allocation().is_some();
        let (mount, log) = t.cluster.make_mount(node, order.vmid, mount)?;
        log.iter().for_each(|line| t.log(line));
        if new {
            made.push(mount.volume.clone());
        }
        config.values.insert(key, mount.to_string());
    }
    if order.force {
        // What was there goes once the new volumes are made, and nothing brings it back.
        t.cluster.free_container(node, order.vmid);
        let stub = stub(node, t.now());
        t.cluster.guests.all.insert(order.vmid, stub);
    }
    if order.restore {
        t.log(format!("restoring '{archive}' now.."));
    }
    unpack(t, node, archive)?;
    match order.restore {
        true => t.log("merging backed-up and given configuration.."),
        false => detect(t, order, &mut config),
    }
    Ok(config)
}

/// Given settings win; what makes no sense without a value gets one. Where a root is given, mount points of a backup are
/// left out that are not given; else all are made anew on the storage of the call.
fn lay_out(config: &mut Config, order: &Order) {
    let given = &order.given.values;
    let own = given.contains_key("rootfs");
    let backed_up: Vec<(String, Drive)> = volumes::of(config).collect();
    for (key, mount) in backed_up {
        config.values.remove(&key);
        let bytes = mount.options.get("size").and_then(|size| size::parse(size)).unwrap_or_default();
        if !own && volumes::mounts(&mount) == volumes::Mounts::Volume {
            let gib = bytes as f64 / f64::from(1 << 30);
            let mut anew = Drive { volume: format!("{}:{gib}", order.storage), ..mount };
            anew.options.remove("size");
            config.values.insert(key, anew.to_string());
        }
    }
    config.values.extend(given.clone());
    let values = &mut config.values;
    let root = format!("{}:{ROOT_GIB}", order.storage);
    values.entry("rootfs".to_owned()).or_insert(root);
    values.entry("hostname".to_owned()).or_insert_with(|| format!("CT{}", order.vmid));
    values.entry("memory".to_owned()).or_insert_with(|| "512".to_owned());
    values.entry("swap".to_owned()).or_insert_with(|| "512".to_owned());
    if values.get("unprivileged").is_some_and(|flag| flag == "0") {
        values.remove("unprivileged");
    }
}

fn renew_addresses(config: &mut Config, cluster: &mut Cluster) {
    let nets: Vec<String> = config.values.keys().filter(|key| config::numbered(key, "net")).cloned().collect();
    for key in nets {
        let text = config.values[&key].split(',').filter(|part| !part.starts_with("hwaddr=")).collect::<Vec<_>>();
        if let Ok(text) = config::normalise(&key, &text.join(","), &mut cluster.ids) {
            config.values.insert(key, text);
        }
    }
}

fn unpack(t: &mut TaskCx<'_>, node: &str, archive: &str) -> Result<(), String> {
    let Some((id, name)) = archive.split_once(':') else { return Err(format!("can't find file '{archive}'")) };
    let storage = t.cluster.storage.usable(id, node)?;
    let path = match name.split_once('/') {
        Some(("vztmpl", file)) => format!("{}/template/cache/{file}", storage.path()),
        Some(("backup", file)) => format!("{}/dump/{file}", storage.path()),
        _ => storage.volume_path(name),
    };
    let volume = t.cluster.volume(node, archive).ok_or_else(|| format!("volume '{archive}' does not exist"))?;
    t.log(format!("extracting archive '{path}'"));
    let bytes = volume.size / 10240 * 10240;
    t.log(format!("Total bytes read: {bytes} ({}KiB, 100MiB/s)", bytes / 1024));
    Ok(())
}

/// What the archive tells of the system inside.
fn detect(t: &mut TaskCx<'_>, order: &Order, config: &mut Config) {
    let (ostype, arch) = match t.cluster.archives.template(&order.archive) {
        Archive::Template { ostype, arch } => (ostype, arch),
        Archive::Image(image) => {
            t.log("Detected OCI archive");
            take_over(&image, config);
            (image.os.unwrap_or_else(|| "unmanaged".to_owned()), "amd64".to_owned())
        }
    };
    config.values.entry("ostype".to_owned()).or_insert(ostype);
    if !config.values.contains_key("arch") {
        t.log(format!("Detected container architecture: {arch}"));
        config.values.insert("arch".to_owned(), arch);
    }
}

/// An image's own settings take the place of those of the call.
// Belief: pve-container, LXC/Create.pm; no image was ever pulled where the recordings were made.
fn take_over(image: &Image, config: &mut Config) {
    let values = &mut config.values;
    if let Some(entrypoint) = image.entrypoint.as_ref().filter(|line| !line.starts_with("/sbin/init")) {
        values.insert("entrypoint".to_owned(), entrypoint.clone());
        values.insert("cmode".to_owned(), "console".to_owned());
        for (_, net) in values.iter_mut().filter(|(key, _)| config::numbered(key, "net")) {
            if !net.contains(",host-managed=") {
                let (name, rest) = net.split_once(',').unwrap_or((net, ""));
                let mut parts: Vec<&str> = rest.split(',').chain(["host-managed=1"]).collect();
                parts.sort_unstable();
                *net = format!("{name},{}", parts.join(","));
            }
        }
    }
    match image.env.is_empty() {
        true => values.remove("env"),
        false => values.insert("env".to_owned(), image.env.join("\0")),
    };
    if let Some(cwd) = &image.cwd {
        values.insert("lxc.init.cwd".to_owned(), cwd.clone());
    }
    values.insert("lxc.signal.halt".to_owned(), "SIGTERM".to_owned());
}

impl Cluster {
    /// Puts a container of the cluster's shape there, with its volumes. What cannot be made stands as it was written.
    pub(in crate::cluster) fn place_container(&mut self, shape: &GuestShape, given: Vec<(String, String)>) {
        let mut config = Config::default();
        for (key, value) in given {
            let value = config::normalise(&key, &value, &mut self.ids).unwrap_or(value);
            config.values.insert(key, value);
        }
        let order = Order {
            vmid: shape.vmid,
            archive: String::new(),
            restore: false,
            given: config,
            storage: "local-lvm".to_owned(),
            unique: false,
            pool: None,
            force: false,
        };
        let mut config = Config::default();
        lay_out(&mut config, &order);
        config.values.entry("ostype".to_owned()).or_insert_with(|| "debian".to_owned());
        config.values.entry("arch".to_owned()).or_insert_with(|| "amd64".to_owned());
        let mounts: Vec<_> = volumes::of(&config).collect();
        for (key, mount) in mounts {
            if let Ok((mount, _)) = self.make_mount(&shape.node, shape.vmid, mount) {
                config.values.insert(key, mount.to_string());
            }
        }
        config.values.retain(|key, _| !DriveKey::parse(key).is_some_and(|key| key.is_unused()));
        let guest = Guest::container(&shape.node, config, self.now);
        self.guests.all.insert(shape.vmid, guest);
        if shape.running && self.nodes.online(&shape.node) {
            // A container whose volumes are missing does not run, whatever the shape says.
            let _ = self.start_container(shape.vmid);
        }
    }
}
