//! Flags of the OSD map.

use super::Ceph;

/// Flags that PVE shows and switches, with PVE's descriptions left to the API.
pub const FLAGS: [&str; 11] = [
    "nobackfill",
    "nodeep-scrub",
    "nodown",
    "noin",
    "noout",
    "norebalance",
    "norecover",
    "noscrub",
    "notieragent",
    "noup",
    "pause",
];

/// In the order in which the map names them; the last four are always set.
const ORDER: [(&str, u32); 17] = [
    ("pauserd", 1 << 2),
    ("pausewr", 1 << 3),
    ("noup", 1 << 5),
    ("nodown", 1 << 6),
    ("noout", 1 << 7),
    ("noin", 1 << 8),
    ("nobackfill", 1 << 9),
    ("norebalance", 1 << 14),
    ("norecover", 1 << 10),
    ("noscrub", 1 << 11),
    ("nodeep-scrub", 1 << 12),
    ("notieragent", 1 << 13),
    ("nosnaptrim", 1 << 21),
    ("sortbitwise", 1 << 15),
    ("recovery_deletes", 1 << 19),
    ("purged_snapdirs", 1 << 20),
    ("pglog_hardlimit", 1 << 22),
];

impl Ceph {
    /// The names the map stores for a flag a user sets; `None` if there is no such flag.
    pub(super) fn stored_flags(name: &str) -> Option<&'static [&'static str]> {
        match name {
            "pause" => Some(&["pauserd", "pausewr"]),
            "pglog_hardlimit" => Some(&[]),
            _ => ORDER[2..13].iter().find(|(n, _)| *n == name).map(|(n, _)| std::slice::from_ref(n)),
        }
    }

    /// Sets or clears a flag by the user's name (`pause` is two); false if it is unknown.
    pub fn set_flag(&mut self, name: &str, on: bool) -> bool {
        let Some(stored) = Self::stored_flags(name) else { return false };
        for flag in stored {
            if on {
                self.flags.insert((*flag).to_string());
            } else {
                self.flags.remove(*flag);
            }
        }
        self.noted();
        true
    }

    /// Whether a flag is set, by the user's name.
    pub fn has_flag(&self, name: &str) -> bool {
        Self::stored_flags(name).is_some_and(|s| !s.is_empty() && s.iter().all(|f| self.flags.contains(*f)))
    }

    /// Flags that are set, in the map's order, without the ones that always are.
    pub fn user_flags(&self) -> Vec<&'static str> {
        ORDER[..13].iter().map(|(n, _)| *n).filter(|n| self.flags.contains(*n)).collect()
    }

    /// All flags as `osd dump` has them: text and number.
    pub fn all_flags(&self) -> (Vec<&'static str>, u32) {
        let names: Vec<&'static str> =
            self.user_flags().into_iter().chain(ORDER[13..].iter().map(|(n, _)| *n)).collect();
        let number = ORDER.iter().filter(|(n, _)| names.contains(n)).map(|(_, bit)| bit).sum();
        (names, number)
    }
}
