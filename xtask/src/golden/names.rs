//! What a run hands out: UPIDs, digests, uuids, MACs, tickets. Each recorded one stands for one of the live run.

use std::collections::HashMap;

/// The kinds of values that differ from run to run although they mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Class {
    Upid,
    Digest,
    Uuid,
    Mac,
}

/// The pairs found so far, one to one: two recorded digests that are equal have to be equal in the live run as well, and
/// two that differ have to differ.
#[derive(Default)]
pub(crate) struct Names {
    live: HashMap<(Class, String), String>,
    recorded: HashMap<(Class, String), String>,
}

impl Names {
    /// Whether the two may stand for each other; if neither was seen before, from now on they do.
    pub(crate) fn agree(&mut self, class: Class, recorded: &str, live: &str) -> bool {
        let by_recorded = self.live.get(&(class, recorded.to_owned()));
        let by_live = self.recorded.get(&(class, live.to_owned()));
        match (by_recorded, by_live) {
            (None, None) => {
                self.live.insert((class, recorded.to_owned()), live.to_owned());
                self.recorded.insert((class, live.to_owned()), recorded.to_owned());
                true
            }
            (known, _) => known.is_some_and(|known| known == live),
        }
    }

    /// The live value for a recorded one.
    pub(crate) fn live(&self, class: Class, recorded: &str) -> Option<&str> {
        self.live.get(&(class, recorded.to_owned())).map(String::as_str)
    }

    /// A text of a recorded request with everything in it that the live run calls otherwise.
    pub(crate) fn translate(&self, text: &str) -> String {
        // Shorter values than these are no names of a run; the check keeps the common case cheap.
        if text.len() < 17 {
            return text.to_owned();
        }
        let mut translated = text.to_owned();
        for ((_, recorded), live) in &self.live {
            if recorded != live && translated.contains(recorded.as_str()) {
                translated = translated.replace(recorded.as_str(), live);
            }
        }
        translated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_and_difference_are_both_kept() {
        let mut names = Names::default();
        assert!(names.agree(Class::Digest, "r1", "l1"));
        assert!(names.agree(Class::Digest, "r1", "l1"));
        assert!(!names.agree(Class::Digest, "r1", "l2"), "equal in the recording, different live");
        assert!(!names.agree(Class::Digest, "r2", "l1"), "different in the recording, equal live");
        assert!(names.agree(Class::Uuid, "r1", "l9"), "classes do not meet");
    }

    #[test]
    fn requests_are_translated() {
        let mut names = Names::default();
        names.agree(
            Class::Upid,
            "UPID:pve1:00001CBC:0006B5B7:6B032CA5:qmcreate:110:root@pam:",
            "UPID:pve1:1:2:3:x:110:u:",
        );
        assert_eq!(
            names.translate("/nodes/pve1/tasks/UPID:pve1:00001CBC:0006B5B7:6B032CA5:qmcreate:110:root@pam:/log"),
            "/nodes/pve1/tasks/UPID:pve1:1:2:3:x:110:u:/log"
        );
        assert_eq!(names.translate("/nodes/pve1/status"), "/nodes/pve1/status");
    }
}
