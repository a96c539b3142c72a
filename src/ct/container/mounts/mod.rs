//! The root file system and the mount points of a `pve_container`.
//!
//! What is new is asked for as `STORAGE:SIZE`. What is there is always named by its own volume: PVE takes `rootfs=STORAGE:SIZE`
//! for an existing container, writes it down, and forgets the volume that was there.
//!
//! PVE makes a volume when it mounts it. What a running container cannot take before its next start stays written as
//! `STORAGE:SIZE` until then: it has a storage and a size, and no volume yet.

mod planned;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::lxc::config::{Config, Mount};
use pve_client::property_string::PropertyString;
use pve_client::size::Size as Bytes;
use terraform_plugin::model::Object;
use terraform_plugin::{Nested, Path, Size};

use crate::ground::texts;
use crate::guest::parts;
use crate::guest::removed::WhenRemoved;

pub use planned::{foresee, plan, validate};
pub use wanted::{params, removed, shrinks, stays, to_grow, to_move};

/// The root file system.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct RootFs {
    /// The storage it lies on. A change copies it there, while the container is stopped, and frees the old volume.
    #[attr(keep, check = texts::one_word)]
    pub storage: Option<String>,
    /// Its size, such as `8G`. Grows in place; PVE cannot shrink a volume.
    #[attr(keep, check = more_than_nothing)]
    pub size: Option<Size>,
    /// How it is mounted.
    #[attr(flatten)]
    pub options: MountOptions,
}

/// A mount point: a new volume (`storage` and `size`), one that exists, or a folder or device of the node (`volume`).
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct MountPoint {
    /// Where it is mounted inside.
    #[attr(required, regex = r"/[^,]*", says = "an absolute path")]
    pub path: String,
    /// What is mounted, where it is no new volume: one that exists (`local-lvm:vm-101-disk-1`), a folder of the node (`/srv/data`), a
    /// device of it (`/dev/sdc1`). Folders and devices take the login of `root@pam`. Left alone when unset. Null while PVE has not
    /// made a new one yet, which waits for the container's next start where it takes the place of something else.
    #[attr(keep, check = what_is_there)]
    pub volume: Option<String>,
    /// The storage it lies on. Needed for a new volume. A change copies it there, while the container is stopped, and frees the
    /// old volume.
    #[attr(keep, check = texts::one_word)]
    pub storage: Option<String>,
    /// Its size, such as `8G`. Needed for a new volume. Grows in place; PVE cannot shrink a volume.
    #[attr(keep, check = more_than_nothing)]
    pub size: Option<Size>,
    /// Whether backups have it.
    #[attr(keep, usual = false)]
    pub backup: Option<bool>,
    /// What becomes of its volume when it is taken out of `mount_points`: `keep` leaves it with the container as `unusedN`;
    /// `destroy` destroys it, for good. Has to be applied before it is taken out.
    #[attr(local, default = WhenRemoved::Keep)]
    pub when_removed: WhenRemoved,
    /// How it is mounted.
    #[attr(flatten)]
    pub options: MountOptions,
}

/// How a volume is mounted.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct MountOptions {
    /// Cannot be written.
    #[attr(keep, api = "ro", usual = false)]
    pub read_only: Option<bool>,
    /// Access control lists. Left alone when unset.
    #[attr(keep)]
    pub acl: Option<bool>,
    /// Quotas of users.
    #[attr(keep, usual = false)]
    pub quota: Option<bool>,
    /// Whether replication jobs copy it.
    #[attr(keep, usual = true)]
    pub replicate: Option<bool>,
    /// Whether it is the same on all nodes, which you vouch for.
    #[attr(keep, usual = false)]
    pub shared: Option<bool>,
    /// `discard`, `lazytime`, `noatime`, `nodev`, `noexec`, `nosuid`, with semicolons between them. An empty text: none.
    #[attr(keep, api = "mountoptions", usual = "", check = mount_options, same = same_words)]
    pub mount_options: Option<String>,
}

/// Storages round sizes to their own units, PVE down to whole MiB, by less than this.
const ROUNDING: u64 = 4 << 20;

fn more_than_nothing(size: &Size) -> Result<(), String> {
    if size.bytes() >= 1 << 20 { Ok(()) } else { Err("must be 1M or more".to_owned()) }
}

fn what_is_there(volume: &String) -> Result<(), String> {
    let named = Mount { volume: volume.clone(), ..Mount::default() };
    match named.asked() {
        None => texts::one_tidy_line(volume),
        Some(_) => Err("names what is there; a new volume takes `storage` and `size`".to_owned()),
    }
}

fn mount_options(text: &String) -> Result<(), String> {
    const KNOWN: [&str; 6] = ["discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"];
    match text.split(';').find(|word| !word.is_empty() && !KNOWN.contains(word)) {
        Some(word) => Err(format!("has \"{word}\", which is none of {}", KNOWN.join(", "))),
        None => Ok(()),
    }
}

fn same_words(a: &String, b: &String) -> bool {
    a.split(';').collect::<BTreeSet<_>>() == b.split(';').collect::<BTreeSet<_>>()
}

/// The place of a mount point.
pub fn path(name: &str) -> Path {
    if name == "rootfs" { Path::attr("rootfs") } else { Path::attr("mount_points").key(name) }
}

/// The size that is shown: what was asked for, if that is what it became.
fn shown_size(live: &Mount, asked: Option<&Size>) -> Option<Size> {
    let close = |asked: &Size, live: u64| live.abs_diff(asked.bytes()) < ROUNDING;
    match (live.size.or(live.asked()).map(Bytes::bytes), asked) {
        (Some(live), Some(asked)) if close(asked, live) => Some(asked.clone()),
        (Some(0) | None, asked) => asked.cloned(),
        (Some(live), _) => Some(Size::from_bytes(live)),
    }
}

fn read_options(text: Option<&String>, asked: Option<&MountOptions>) -> MountOptions {
    let string = text.and_then(|text| text.parse().ok()).unwrap_or_default();
    let asked = asked.map(Object::encode);
    let found = parts::values(&MountOptions::attributes(), &string, asked.as_ref());
    MountOptions::decode(&found).unwrap_or_default()
}

/// Puts the options into a property string. Whether anything changed.
fn put_options(options: &MountOptions, string: &mut PropertyString) -> bool {
    parts::put(&MountOptions::attributes(), &options.encode(), string)
}

/// The root of a configuration.
pub fn root_from_live(config: &Config, asked: Option<&RootFs>) -> Option<RootFs> {
    let live = config.mounts.get("rootfs")?;
    Some(RootFs {
        storage: live.storage().map(str::to_owned),
        size: shown_size(live, asked.and_then(|asked| asked.size.as_ref())),
        options: read_options(config.settings.get("rootfs"), asked.map(|asked| &asked.options)),
    })
}

/// The mount points of a configuration.
pub fn from_live(
    config: &Config,
    asked: Option<&BTreeMap<String, MountPoint>>,
) -> Option<BTreeMap<String, MountPoint>> {
    let one = |(name, live): (&String, &Mount)| {
        let text = config.settings.get(name)?;
        let string: PropertyString = text.parse().ok()?;
        let asked = asked.and_then(|asked| asked.get(name));
        let mount = MountPoint {
            path: string.get("mp")?.to_owned(),
            volume: live.asked().is_none().then(|| live.volume.clone()),
            storage: live.storage().map(str::to_owned),
            size: shown_size(live, asked.and_then(|asked| asked.size.as_ref())),
            backup: Some(string.get("backup").is_some_and(|flag| flag == "1")),
            when_removed: asked.map(|asked| asked.when_removed).unwrap_or_default(),
            options: read_options(Some(text), asked.map(|asked| &asked.options)),
        };
        Some((name.clone(), mount))
    };
    let found: BTreeMap<_, _> = config.mounts.iter().filter(|(name, _)| *name != "rootfs").filter_map(one).collect();
    Some(found)
}
