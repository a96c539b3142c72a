//! Files on storages.

use super::Stands::{self, Apart, As, Unlike};

pub(super) const DOWNLOAD: &[(&str, Stands)] = &[
    ("node", As("node")),
    ("storage", As("storage")),
    ("content", As("content")),
    ("url", As("url")),
    ("file_name", As("filename")),
    ("checksum", Unlike("checksum", "hexadecimal digits alone ever fit")),
    ("checksum_algorithm", As("checksum-algorithm")),
    ("compression", As("compression")),
    ("verify_certificates", As("verify-certificates")),
    ("replace_if_changed", Apart(super::OURS)),
];

pub(super) const FILE: &[(&str, Stands)] = &[
    ("node", As("node")),
    ("storage", As("storage")),
    ("content", As("content")),
    ("path", Apart("PVE is sent the file")),
    ("data", Apart("PVE has no call that writes snippets")),
    ("file_name", As("filename")),
];

pub(super) const OCI_IMAGE: &[(&str, Stands)] =
    &[("node", As("node")), ("storage", As("storage")), ("reference", As("reference")), ("file_name", As("filename"))];

pub(super) const APPLIANCE: &[(&str, Stands)] =
    &[("node", As("node")), ("storage", As("storage")), ("template", As("template"))];
