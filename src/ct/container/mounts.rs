//! The root file system and the mount points of a `pve_container`.
//!
//! What is new is asked for as `STORAGE:SIZE`. What is there is always named by its own volume: PVE takes `rootfs=STORAGE:SIZE`
//! for an existing container, writes it down, and forgets the volume that was there.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::lxc::config::{Config, Mount};
use pve_client::api::params::Params;
use pve_client::property_string::PropertyString;
use pve_client::size::Size as Bytes;
use terraform_plugin::model::Object;
use terraform_plugin::{Attr, Change, Choice, Nested, Path, Say, Size};

use super::{Container, ContainerPlan};
use crate::ground::texts;
use crate::guest::{number, parts};

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
    /// device of it (`/dev/sdc1`). Folders and devices take the login of `root@pam`. Left alone when unset.
    #[attr(keep, check = texts::one_tidy_line)]
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

/// What becomes of the volume of a mount point that is taken out.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenRemoved {
    /// It stays with the container.
    #[default]
    Keep,
    /// It is gone.
    Destroy,
}

/// Storages round sizes to their own units, PVE down to whole MiB, by less than this.
const ROUNDING: u64 = 4 << 20;

/// The highest mount point.
const LAST: u16 = 255;

fn more_than_nothing(size: &Size) -> Result<(), String> {
    if size.bytes() >= 1 << 20 { Ok(()) } else { Err("must be 1M or more".to_owned()) }
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
    match (live.size.map(Bytes::bytes), asked) {
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
            volume: Some(live.volume.clone()),
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

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &ContainerPlan, say: &mut Say<Container>) {
    for (name, mount) in config.mount_points.known().into_iter().flatten() {
        if number(name, "mp").is_none_or(|number| number > LAST) {
            say.error(path(name), "PVE has no such setting", format!("\"{name}\" is none of mp0 to mp{LAST}."));
        }
        let Some(mount) = mount.known() else { continue };
        if mount.volume.is_known() && mount.storage.is_known() {
            let what = "`storage` and `size` make a volume, `volume` names what is there. Leave one of them out.";
            say.error(path(name).at("storage"), "A mount point of two minds", what);
        }
    }
}

/// A volume that is moved has another name afterwards.
pub fn foresee(change: &mut Change<Container>) {
    let before = change.prior.as_ref().and_then(|prior| prior.mount_points.as_ref());
    let (Some(before), Attr::Known(planned)) = (before, &mut change.plan.mount_points) else { return };
    let asked = |name: &str| {
        let mounts = change.config.mount_points.known()?;
        Some(mounts.get(name)?.known()?.volume.may_be_set())
    };
    for (name, mount) in planned {
        let (Some(was), Attr::Known(mount)) = (before.get(name), mount) else { continue };
        let moves = mount.storage.text().is_some_and(|storage| was.storage.as_deref() != Some(storage));
        if moves && asked(name) != Some(true) {
            mount.volume = Attr::Unknown;
        }
        // Something else is mounted there: where it lies and how large it is was the other's.
        let another = mount.volume.text().is_some_and(|volume| was.volume.as_deref() != Some(volume));
        if another && asked(name) == Some(true) {
            mount.storage = Attr::Unknown;
            mount.size = Attr::Unknown;
        }
    }
}

/// What is told and refused of a change.
pub fn plan(prior: Option<&Container>, config: &ContainerPlan, plan: &ContainerPlan, say: &mut Say<Container>) {
    let before = prior.and_then(|prior| prior.mount_points.as_ref());
    let mut shrinks = |at: Path, is: Option<&Size>, wanted: Option<&Size>| {
        if let (Some(is), Some(wanted)) = (is, wanted)
            && wanted.bytes() < is.bytes()
        {
            let what = format!(
                "It has {is}, and {wanted} is less. Nothing was written. Make a new one and copy what is in it."
            );
            say.error(at.at("size"), "PVE cannot shrink a volume", what);
        }
    };
    let planned_root = plan.rootfs.known().and_then(|root| root.size.known().cloned());
    let root = prior.and_then(|prior| prior.rootfs.as_ref()?.size.as_ref());
    shrinks(path("rootfs"), root, planned_root.as_ref());
    for (name, mount) in plan.mount_points.known().into_iter().flatten() {
        let wanted = mount.known().and_then(|mount| mount.size.known().cloned());
        let is = before.and_then(|before| before.get(name)?.size.as_ref());
        shrinks(path(name), is, wanted.as_ref());
    }
    let Attr::Known(planned) = &config.mount_points else { return };
    for (name, was) in before.into_iter().flatten().filter(|(name, _)| !planned.contains_key(*name)) {
        let (summary, what) = match was.when_removed {
            WhenRemoved::Keep => {
                ("A mount point will be taken off", "its volume stays with the container as `unusedN`")
            }
            WhenRemoved::Destroy => {
                ("A volume will be destroyed", "`when_removed = \"destroy\"`: all that is in it is lost")
            }
        };
        say.warning(path(name), summary, format!("{name} is not in `mount_points` any more; {what}."));
    }
}

/// Adds what is to be told of root and mount points. Nothing is told of a root that is there but how it is mounted.
pub fn params(want: &Container, prior: Option<&Container>, live: Option<&Config>, params: Params) -> Params {
    let mut params = params;
    if let Some(root) = &want.rootfs {
        match live.map(|live| live.settings.get("rootfs")) {
            None => {
                if let Some(text) = new(root.storage.as_deref(), root.size.as_ref(), "local", Some(4 << 30)) {
                    let mut string = PropertyString::with_default(text);
                    put_options(&root.options, &mut string);
                    params = params.set("rootfs", string);
                }
            }
            Some(Some(text)) => {
                if let Ok(mut string) = text.parse::<PropertyString>()
                    && put_options(&root.options, &mut string)
                {
                    params = params.set("rootfs", string);
                }
            }
            Some(None) => {}
        }
    }
    let Some(wanted) = &want.mount_points else { return params };
    for (name, mount) in wanted {
        if let Some(text) = mount.text(live.and_then(|live| live.settings.get(name))) {
            params = params.set(name, text);
        }
    }
    let before = prior.and_then(|prior| prior.mount_points.as_ref()).into_iter().flatten();
    let gone = before.filter(|(name, _)| !wanted.contains_key(*name));
    let there = |name: &str| live.is_some_and(|live| live.settings.contains_key(name));
    gone.filter(|(name, _)| there(name)).fold(params, |params, (name, _)| params.remove(name))
}

/// What asks for a new volume.
fn new(storage: Option<&str>, size: Option<&Size>, usual: &str, usual_size: Option<u64>) -> Option<String> {
    let bytes = size.map(Size::bytes).or(usual_size)?;
    Some(format!("{}:{}", storage.unwrap_or(usual), Bytes::from_bytes(bytes).gib()))
}

impl MountPoint {
    /// Whether a new volume takes the place of a path of the node.
    fn replaces(&self, there: &str) -> bool {
        there.starts_with('/') && self.volume.is_none() && self.storage.is_some() && self.size.is_some()
    }

    /// What PVE is to be told; none if it is so already, or if there is nothing to be mounted.
    fn text(&self, live: Option<&String>) -> Option<String> {
        let is = live.and_then(|text| text.parse::<PropertyString>().ok());
        let there = is.as_ref().and_then(|is| is.default_value().or_else(|| is.get("volume")).map(str::to_owned));
        let (mut string, mut changed) = match (is, there) {
            // Another thing is to be mounted than there is. A volume on another storage is moved instead.
            (Some(_), Some(there)) if self.volume.as_ref().is_some_and(|wanted| *wanted != there) => {
                (PropertyString::with_default(self.volume.clone()?), true)
            }
            (Some(is), Some(there)) if !self.replaces(&there) => (is, false),
            _ => {
                let volume = self.volume.clone();
                let made = || new(Some(self.storage.as_deref()?), Some(self.size.as_ref()?), "", None);
                (PropertyString::with_default(volume.or_else(made)?), true)
            }
        };
        if string.get("mp") != Some(self.path.as_str()) {
            string.set("mp", &self.path);
            changed = true;
        }
        let backup = string.get("backup").is_some_and(|flag| flag == "1");
        if self.backup.is_some_and(|wanted| wanted != backup) {
            string.set("backup", if backup { "0" } else { "1" });
            changed = true;
        }
        changed |= put_options(&self.options, &mut string);
        changed.then(|| string.to_string())
    }
}

/// Volumes that are smaller than they are wanted.
pub fn to_grow(want: &Container, live: &Config) -> Vec<(String, Bytes)> {
    let root = want.rootfs.iter().filter_map(|root| Some(("rootfs".to_owned(), root.size.as_ref()?)));
    let others = want.mount_points.iter().flatten();
    let others = others.filter_map(|(name, mount)| Some((name.clone(), mount.size.as_ref()?)));
    let smaller = |(name, wanted): (String, &Size)| {
        let is = live.mounts.get(&name)?.size.map(Bytes::bytes).filter(|is| *is > 0)?;
        (wanted.bytes() >= is + ROUNDING).then(|| (name, Bytes::from_bytes(wanted.bytes())))
    };
    root.chain(others).filter_map(smaller).collect()
}

/// Volumes that are wanted on another storage. Only what the state had on this one is moved.
pub fn to_move(want: &Container, live: &Config) -> Vec<(String, String)> {
    let root = want.rootfs.iter().filter_map(|root| Some(("rootfs".to_owned(), root.storage.clone()?)));
    let others =
        want.mount_points.iter().flatten().filter(|(_, mount)| mount.volume.is_none() || mount.storage.is_some());
    let others = others.filter_map(|(name, mount)| Some((name.clone(), mount.storage.clone()?)));
    let elsewhere = |(name, _): &(String, String), wanted: &str| {
        live.mounts.get(name).and_then(Mount::storage).is_some_and(|is| is != wanted)
    };
    root.chain(others).filter(|move_| elsewhere(move_, &move_.1)).collect()
}

/// Mount points that the state had, with what is there now and what is to become of it.
pub fn removed(want: &Container, prior: &Container, live: &Config) -> Vec<(String, String, WhenRemoved)> {
    let Some(wanted) = &want.mount_points else { return Vec::new() };
    let before = prior.mount_points.iter().flatten().filter(|(name, _)| !wanted.contains_key(*name));
    before
        .filter_map(|(name, was)| Some((name.clone(), live.mounts.get(name)?.volume.clone(), was.when_removed)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(volume: Option<&str>, storage: Option<&str>, size: Option<&str>) -> MountPoint {
        MountPoint {
            path: "/data".to_owned(),
            volume: volume.map(str::to_owned),
            storage: storage.map(str::to_owned),
            size: size.map(|size| size.parse().unwrap()),
            ..MountPoint::default()
        }
    }

    #[test]
    fn only_what_is_new_is_made() {
        let of = |mount: &MountPoint, live: Option<&str>| mount.text(live.map(str::to_owned).as_ref());
        let new = mount(None, Some("ssd"), Some("8G"));
        assert_eq!(of(&new, None).as_deref(), Some("ssd:8,mp=/data"));
        assert_eq!(of(&new, Some("ssd:vm-1-disk-1,mp=/data,size=8G")), None);
        assert_eq!(of(&new, Some("hdd:vm-1-disk-1,mp=/data,size=8G")), None, "it is moved");
        assert_eq!(
            of(&new, Some("ssd:vm-1-disk-1,mp=/old,size=8G")).as_deref(),
            Some("ssd:vm-1-disk-1,mp=/data,size=8G")
        );
        assert_eq!(of(&mount(Some("/srv"), None, None), Some("ssd:x,mp=/data")).as_deref(), Some("/srv,mp=/data"));
        assert_eq!(of(&mount(None, None, None), None), None, "nothing to be mounted");
    }

    #[test]
    fn a_root_that_is_there_is_never_asked_for_anew() {
        let root =
            RootFs { storage: Some("other".to_owned()), size: Some("80G".parse().unwrap()), ..RootFs::default() };
        let want = Container { rootfs: Some(root), ..Container::default() };
        assert_eq!(params(&want, None, None, Params::new()).get("rootfs"), Some("other:80"));
        let live = Config::read([("rootfs".to_owned(), "local:100/vm-100-disk-0.raw,size=4G".to_owned())].into());
        assert!(params(&want, None, Some(&live), Params::new()).is_empty());
        assert_eq!(to_grow(&want, &live), [("rootfs".to_owned(), Bytes::from_gib(80))]);
        assert_eq!(to_move(&want, &live), [("rootfs".to_owned(), "other".to_owned())]);
    }
}
