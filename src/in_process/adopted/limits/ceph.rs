//! How what belongs to Ceph as a whole stands to PVE's calls.

use super::OURS;
use super::Stands::{self, Apart, As, Unlike};

const LATER: &str = "what the file system's pools are changed by, with a call of its own";

pub(super) const CLUSTER: &[(&str, Stands)] = &[
    ("id", Apart("there is one Ceph")),
    ("node", As("node")),
    ("network", As("network")),
    ("cluster_network", As("cluster-network")),
];

/// PVE has no calls for these: nothing to be compared with.
pub(super) const CONFIG: &[(&str, Stands)] = &[
    ("who", Apart("Ceph's own command")),
    ("option", Apart("Ceph's own command")),
    ("value", Apart("Ceph's own command")),
];

pub(super) const CRUSH_BUCKET: &[(&str, Stands)] = &[
    ("name", Apart("Ceph's own command")),
    ("type", Apart("Ceph's own command")),
    ("parent", Apart("Ceph's own command")),
    ("hosts", Apart("Ceph's own command")),
];

pub(super) const INSTALL: &[(&str, Stands)] = &[
    ("node", Apart("PVE's own program in its terminal")),
    ("release", Apart("PVE's own program in its terminal")),
    ("repository", Apart("PVE's own program in its terminal")),
];

pub(super) const FILESYSTEM: &[(&str, Stands)] = &[
    ("name", Unlike("name", "Ceph takes these characters only")),
    ("data_pg_num", As("pg_num")),
    ("data_size", Apart(LATER)),
    ("data_min_size", Apart(LATER)),
    ("data_crush_rule", Apart(LATER)),
    ("metadata_size", Apart(LATER)),
    ("metadata_min_size", Apart(LATER)),
    ("metadata_crush_rule", Apart(LATER)),
    ("allow_destroy", Apart(OURS)),
    ("allow_single_copy", Apart(OURS)),
];

const AFTER: &str = "what the pool of the data is changed by, with a call of its own";

pub(super) const ERASURE_POOL: &[(&str, Stands)] = &[
    ("name", As("name")),
    ("k", As("erasure-coding.k")),
    ("m", As("erasure-coding.m")),
    ("failure_domain", Unlike("erasure-coding.failure-domain", super::NAMES_IN_CEPH)),
    ("device_class", Unlike("erasure-coding.device-class", super::NAMES_IN_CEPH)),
    ("data_min_size", Apart(AFTER)),
    ("data_pg_num", As("pg_num")),
    ("metadata_size", Unlike("size", super::MORE_COPIES)),
    ("metadata_min_size", Unlike("min_size", super::MORE_COPIES)),
    ("metadata_crush_rule", As("crush_rule")),
    ("allow_destroy", Apart(OURS)),
    ("allow_single_copy", Apart(OURS)),
];
