//! What is on nodes and in none of PVE's calls: nothing to be compared with.

use super::Stands::{self, Apart};

const BY_SSH: &str = "PVE has no call for it";

pub(super) const FILE: &[(&str, Stands)] = &[
    ("node", Apart(BY_SSH)),
    ("path", Apart(BY_SSH)),
    ("content", Apart(BY_SSH)),
    ("content_wo", Apart(BY_SSH)),
    ("content_wo_version", Apart(BY_SSH)),
    ("owner", Apart(BY_SSH)),
    ("group", Apart(BY_SSH)),
    ("mode", Apart(BY_SSH)),
];

pub(super) const SERVICE: &[(&str, Stands)] = &[
    ("node", Apart(BY_SSH)),
    ("unit", Apart(BY_SSH)),
    ("enabled", Apart(BY_SSH)),
    ("running", Apart(BY_SSH)),
    ("restarted_by", Apart(BY_SSH)),
];
