//! What PVE is told so that root and mount points become what is wanted.

use pve_client::api::lxc::config::{Config, Mount};
use pve_client::api::params::Params;
use pve_client::property_string::PropertyString;
use pve_client::size::Size as Bytes;
use terraform_plugin::Size;

use super::{MountPoint, ROUNDING, put_options};
use crate::ct::container::Container;
use crate::guest::removed::WhenRemoved;

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

    /// What is asked for in the place of a volume that was asked for and not made yet, if that is another one.
    fn asks_otherwise(&self, there: &str) -> Option<String> {
        let was = Mount { volume: there.to_owned(), ..Mount::default() };
        let bytes = was.asked()?.bytes();
        let size = self.size.as_ref().map_or(bytes, Size::bytes);
        let storage = self.storage.as_deref().or(was.storage())?;
        let other = size.abs_diff(bytes) >= ROUNDING || Some(storage) != was.storage();
        other.then(|| format!("{storage}:{}", Bytes::from_bytes(size).gib()))
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
            (Some(is), Some(there)) if !self.replaces(&there) => match self.asks_otherwise(&there) {
                None => (is, false),
                Some(asked) => {
                    let mut string = is;
                    string.take("volume");
                    string.set_default(Some(asked));
                    (string, true)
                }
            },
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
        // What was not made yet is asked for elsewhere.
        let made = live.mounts.get(name).filter(|mount| mount.asked().is_none());
        made.and_then(Mount::storage).is_some_and(|is| is != wanted)
    };
    root.chain(others).filter(|move_| elsewhere(move_, &move_.1)).collect()
}

/// Volumes that are larger than they are wanted, which PVE cannot make smaller.
pub fn shrinks(want: &Container, live: &Config) -> Vec<(String, Bytes)> {
    let others = want.mount_points.iter().flatten();
    let others = others.filter_map(|(name, mount)| Some((name, mount.size.as_ref()?)));
    let larger = |(name, wanted): (&String, &Size)| {
        let is = live.mounts.get(name)?.size.map(Bytes::bytes)?;
        (wanted.bytes() + ROUNDING <= is).then(|| (name.clone(), Bytes::from_bytes(is)))
    };
    others.filter_map(larger).collect()
}

/// Whether what is mounted can go on as what is wanted: its removal is taken back then, and nothing new is made.
pub fn stays(want: &MountPoint, is: &Mount) -> bool {
    // What PVE did not make is simply mounted again.
    if is.storage().is_none() || is.asked().is_some() {
        return false;
    }
    let size = is.size.map(Bytes::bytes);
    match &want.volume {
        Some(volume) => *volume == is.volume,
        None => {
            want.storage.as_deref().is_none_or(|storage| Some(storage) == is.storage())
                && want.size.as_ref().zip(size).is_none_or(|(wanted, is)| wanted.bytes() + ROUNDING > is)
        }
    }
}

/// Mount points that the state had, with what is there now and what is to become of it.
pub fn removed(want: &Container, prior: &Container, live: &Config) -> Vec<(String, String, WhenRemoved)> {
    let Some(wanted) = &want.mount_points else { return Vec::new() };
    let before = prior.mount_points.iter().flatten().filter(|(name, _)| !wanted.contains_key(*name));
    let there = |name: &str| live.mounts.get(name).filter(|mount| mount.asked().is_none());
    before.filter_map(|(name, was)| Some((name.clone(), there(name)?.volume.clone(), was.when_removed))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::RootFs;
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
    fn what_was_not_made_yet_is_asked_for_anew_where_it_is_another() {
        let of = |mount: &MountPoint, live: &str| mount.text(Some(&live.to_owned()));
        let new = mount(None, Some("ssd"), Some("8G"));
        assert_eq!(of(&new, "ssd:8,mp=/data"), None);
        assert_eq!(of(&new, "ssd:4,mp=/data,backup=1").as_deref(), Some("ssd:8,backup=1,mp=/data"));
        assert_eq!(of(&new, "hdd:8,mp=/data").as_deref(), Some("ssd:8,mp=/data"), "nothing can be moved");
        assert_eq!(of(&mount(None, None, None), "hdd:8,mp=/data"), None, "left alone");
        assert_eq!(of(&mount(Some("/srv"), None, None), "hdd:8,mp=/data").as_deref(), Some("/srv,mp=/data"));
        let live = Config::read([("mp0".to_owned(), "hdd:4,mp=/data".to_owned())].into());
        let want = Container { mount_points: Some([("mp0".to_owned(), new)].into()), ..Container::default() };
        assert_eq!((to_grow(&want, &live), to_move(&want, &live)), (Vec::new(), Vec::new()));
        let none = Container { mount_points: Some([].into()), ..Container::default() };
        assert_eq!(removed(&none, &want, &live), [], "there is no volume to be kept or destroyed");
        assert!(params(&none, Some(&want), Some(&live), Params::new()).removes("mp0"));
    }

    #[test]
    fn a_removal_that_waits_is_taken_back_only_for_the_same() {
        let is = Mount::read("ssd:vm-1-disk-1,mp=/data,size=8G").unwrap();
        for same in [
            mount(None, Some("ssd"), Some("8G")),
            mount(None, Some("ssd"), Some("9G")),
            mount(Some("ssd:vm-1-disk-1"), None, None),
            mount(None, None, None),
        ] {
            assert!(stays(&same, &is), "{same:?}");
        }
        for other in [
            mount(None, Some("ssd"), Some("4G")),
            mount(None, Some("hdd"), Some("8G")),
            mount(Some("ssd:vm-1-disk-2"), None, None),
        ] {
            assert!(!stays(&other, &is), "{other:?}");
        }
        assert!(!stays(&mount(None, None, None), &Mount::read("/srv,mp=/data").unwrap()));
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
