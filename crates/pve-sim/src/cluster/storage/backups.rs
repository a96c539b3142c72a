//! Archives of guests: what is in them, notes, protection, and which are too many. Recording 32.

use std::collections::{BTreeMap, BTreeSet};

use super::{Place, Storage, Volume};
use crate::cluster::Cluster;
use crate::cluster::guests::drive::Drive;
use crate::cluster::guests::size;
use crate::kernel::clock::Time;

/// What is in an archive, and what is noted about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backup {
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    /// Whose it is.
    pub vmid: u32,
    /// The configuration in it, by key.
    pub config: BTreeMap<String, String>,
    /// The volumes in it, by the key that names them, with their bytes.
    pub volumes: BTreeMap<String, u64>,
    /// Notes.
    pub notes: String,
    /// Whether it cannot be removed.
    pub protected: bool,
}

impl Backup {
    /// What is in an archive that somebody put there, if its name is that of one.
    pub fn of(name: &str, config: &BTreeMap<String, String>) -> Option<Self> {
        let (kind, vmid) = of_name(name)?;
        let bytes = |text: &String| size::parse(Drive::parse(text)?.options.get("size")?);
        let volumes = config.iter().filter_map(|(key, text)| Some((key.clone(), bytes(text)?))).collect();
        Some(Self { kind, vmid, config: config.clone(), volumes, ..Self::default() })
    }
}

/// An archive with its name and its time.
#[derive(Debug, Clone)]
pub struct Archive {
    /// `STORAGE:backup/...`.
    pub volid: String,
    /// When it was made.
    pub ctime: u64,
    /// What is in it.
    pub backup: Backup,
}

/// The type and the guest that the name of an archive tells.
pub fn of_name(name: &str) -> Option<(&'static str, u32)> {
    let file = name.strip_prefix("backup/")?;
    // Of a backup server: `backup/vm/100/2026-11-29T10:00:00Z`.
    if let Some((kind, rest)) = file.split_once('/') {
        let kind = if kind == "ct" { "lxc" } else { "qemu" };
        return Some((kind, rest.split('/').next()?.parse().ok()?));
    }
    let rest = file.strip_prefix("vzdump-")?;
    let (kind, rest) = rest.split_once('-')?;
    let kind = ["qemu", "lxc"].into_iter().find(|known| *known == kind)?;
    Some((kind, rest.split('-').next()?.parse().ok()?))
}

/// When an archive was made, as its name tells.
pub(super) fn moment_of(name: &str) -> Option<Time> {
    of_name(name)?;
    let stamp: String = name.split('-').skip(3).take(2).collect::<Vec<_>>().join("-");
    let stamp = stamp.get(..19)?;
    let moment = jiff::civil::DateTime::strptime("%Y_%m_%d-%H_%M_%S", stamp).ok()?;
    let second = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    u64::try_from(second).ok().map(Time::from_unix)
}

/// How many of each kind are kept; none of them: all are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention(Vec<(&'static str, usize)>);

/// The kinds in the order in which they pick, each with what two of one period have in common.
const PERIODS: [(&str, &str); 6] = [
    ("keep-last", "%s"),
    ("keep-hourly", "%Y-%m-%d %H"),
    ("keep-daily", "%Y-%m-%d"),
    ("keep-weekly", "%G-%V"),
    ("keep-monthly", "%Y-%m"),
    ("keep-yearly", "%Y"),
];

impl Retention {
    /// Reads `keep-last=3,keep-daily=7`.
    pub fn parse(text: &str) -> Self {
        let number = |kind: &str| {
            let part = text.split(',').find_map(|part| part.strip_prefix(kind)?.strip_prefix('='));
            part.and_then(|number| number.parse::<usize>().ok()).filter(|number| *number > 0)
        };
        Self(PERIODS.iter().filter_map(|(kind, _)| Some((*kind, number(kind)?))).collect())
    }

    /// Whether nothing is ever too much.
    pub fn keeps_all(&self) -> bool {
        self.0.is_empty()
    }

    /// What becomes of each archive of one guest: `keep`, `remove` or `protected`.
    pub fn marks(&self, mut archives: Vec<Archive>) -> Vec<(Archive, &'static str)> {
        archives.sort_by_key(|archive| std::cmp::Reverse(archive.ctime));
        let mut kept: BTreeSet<String> = BTreeSet::new();
        for (kind, count) in &self.0 {
            let Some((_, format)) = PERIODS.iter().find(|(name, _)| name == kind) else { continue };
            let period = |archive: &Archive| Time::from_unix(archive.ctime).format(format);
            let there: BTreeSet<String> =
                archives.iter().filter(|archive| kept.contains(&archive.volid)).map(period).collect();
            let mut seen = BTreeSet::new();
            for archive in archives.iter().filter(|archive| !archive.backup.protected) {
                let its = period(archive);
                if seen.len() >= *count || kept.contains(&archive.volid) || there.contains(&its) {
                    continue;
                }
                if seen.insert(its) {
                    kept.insert(archive.volid.clone());
                }
            }
        }
        let mark = |archive: &Archive| match archive.backup.protected {
            true => "protected",
            false if self.keeps_all() || kept.contains(&archive.volid) => "keep",
            false => "remove",
        };
        archives.into_iter().map(|archive| (mark(&archive), archive)).map(|(mark, archive)| (archive, mark)).collect()
    }
}

impl Cluster {
    /// The archives on a storage as a node sees them, by name.
    pub fn archives(&self, storage: &Storage, node: &str) -> Vec<Archive> {
        let place = storage.place(node);
        let there = self.storage.volumes.get(&place).into_iter().flatten();
        let archive = |(name, volume): (&String, &Volume)| {
            let backup = self.storage.backups.get(&(place.clone(), name.clone()))?;
            let ctime = volume.ctime.map_or(0, Time::unix);
            Some(Archive { volid: format!("{}:{name}", storage.id), ctime, backup: backup.clone() })
        };
        there.filter(|(_, volume)| volume.content == "backup").filter_map(archive).collect()
    }

    /// What is in an archive.
    pub fn backup(&self, node: &str, volid: &str) -> Option<&Backup> {
        let (id, name) = volid.split_once(':')?;
        let storage = self.storage.get(id)?;
        self.storage.backups.get(&(storage.place(node), name.to_owned()))
    }

    /// Notes and protection, where they are given. A file that is not there takes them as well as one that is.
    ///
    /// # Errors
    /// PVE's text: it is no archive.
    // Belief: that notes are taken without an archive. Of protection it is recorded.
    pub fn mark_archive(
        &mut self,
        node: &str,
        volid: &str,
        notes: Option<String>,
        protected: Option<bool>,
    ) -> Result<(), String> {
        let (id, name) = volid.split_once(':').unwrap_or((volid, ""));
        let storage = self.storage.usable(id, node)?;
        let (at, files) = ((storage.place(node), name.to_owned()), storage.kind.has_files());
        if let Some(backup) = self.storage.backups.get_mut(&at) {
            backup.notes = notes.unwrap_or_else(|| std::mem::take(&mut backup.notes));
            backup.protected = protected.unwrap_or(backup.protected);
            return Ok(());
        }
        match (of_name(name).filter(|_| files), protected) {
            (Some(_), Some(true)) => drop(self.storage.marked.insert(at)),
            (Some(_), Some(false)) => drop(self.storage.marked.remove(&at)),
            (None, _) if notes.is_some() => return Err("only backups can have notes".to_owned()),
            (None, Some(_)) => return Err("only backups can be protected".to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// Whether an archive may not be removed.
    pub fn is_protected(&self, node: &str, volid: &str) -> bool {
        let (id, name) = volid.split_once(':').unwrap_or((volid, ""));
        let Some(storage) = self.storage.get(id) else { return false };
        let at = (storage.place(node), name.to_owned());
        self.storage.marked.contains(&at) || self.storage.backups.get(&at).is_some_and(|backup| backup.protected)
    }

    /// Puts an archive there.
    pub fn put_archive(&mut self, node: &str, volid: &str, size: u64, at: Time, backup: Backup) {
        if let Some((place, name)) = self.put_empty(node, volid, size, at) {
            self.storage.backups.insert((place, name), backup);
        }
    }

    /// Puts an image of a CD-ROM there, as somebody at the node may.
    pub fn put_iso(&mut self, node: &str, volid: &str, size: u64) {
        let at = self.clock_of(node);
        self.put_empty(node, volid, size, at);
    }

    /// A file that is no image of a disk, and of which only the size is known: what it is, its folder tells.
    fn put_empty(&mut self, node: &str, volid: &str, size: u64, at: Time) -> Option<(Place, String)> {
        let (id, name) = volid.split_once(':')?;
        let place: Place = self.storage.get(id)?.place(node);
        let content = name.split_once('/').map_or("iso", |(folder, _)| folder).to_owned();
        let format = name.split_once('.').map_or("pbs-vm", |(_, format)| format).to_owned();
        let volume = Volume { content, format, size, used: size, ctime: Some(at) };
        self.storage.volumes.entry(place.clone()).or_default().insert(name.to_owned(), volume);
        Some((place, name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archives(times: &[u64]) -> Vec<Archive> {
        let one = |time: &u64| Archive { volid: format!("s:{time}"), ctime: *time, backup: Backup::default() };
        times.iter().map(one).collect()
    }

    fn kept(text: &str, times: &[u64]) -> Vec<u64> {
        let marks = Retention::parse(text).marks(archives(times));
        let kept = marks.into_iter().filter(|(_, mark)| *mark == "keep");
        kept.map(|(archive, _)| archive.ctime).collect()
    }

    #[test]
    fn each_kind_picks_the_newest_of_periods_that_have_none_yet() {
        const HOUR: u64 = 3600;
        assert_eq!(kept("keep-all=1", &[1, 2]), [2, 1]);
        assert_eq!(kept("keep-last=1", &[1, 2, 3]), [3]);
        assert_eq!(kept("keep-hourly=2", &[1, 2, HOUR, HOUR + 1, 2 * HOUR]), [2 * HOUR, HOUR + 1]);
        assert_eq!(kept("keep-last=1,keep-hourly=1", &[1, 2, HOUR, HOUR + 1]), [HOUR + 1, 2]);
    }

    #[test]
    fn names_tell_whose_archive_it_is() {
        assert_eq!(of_name("backup/vzdump-lxc-157-2026_11_29-20_33_30.tar"), Some(("lxc", 157)));
        assert_eq!(of_name("backup/vm/100/2026-11-29T10:00:00Z"), Some(("qemu", 100)));
        assert_eq!(of_name("backup/nope.tar.zst"), None);
        let made = moment_of("backup/vzdump-lxc-157-2026_11_29-20_33_30.tar.zst");
        assert_eq!(made, Some(Time::from_unix(1_795_984_410)));
    }
}
