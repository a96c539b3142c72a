//! Files on storages.

use super::Stands::{self, Apart, As, Unlike};

const SHARED: &str = "left out where all nodes share the storage; the call goes through one of them then";
const NAMES: &str = "PVE changes what else there is, so that such a file would never be found again";

pub(super) const DOWNLOAD: &[(&str, Stands)] = &[
    ("node", Unlike("node", SHARED)),
    ("storage", As("storage")),
    ("content", As("content")),
    ("url", Unlike("url", "blanks are no part of a URL")),
    ("file_name", Unlike("filename", NAMES)),
    ("checksum", Unlike("checksum", "hexadecimal digits alone ever fit")),
    ("checksum_algorithm", As("checksum-algorithm")),
    ("compression", As("compression")),
    ("verify_certificates", As("verify-certificates")),
    ("replace_if_changed", Apart(super::OURS)),
];

pub(super) const FILE: &[(&str, Stands)] = &[
    ("node", Unlike("node", SHARED)),
    ("storage", As("storage")),
    ("content", Apart("the call takes all but snippets")),
    ("path", Apart("PVE is sent the file")),
    ("data", Apart("PVE has no call that writes snippets")),
    ("file_name", Unlike("filename", NAMES)),
];

pub(super) const OCI_IMAGE: &[(&str, Stands)] = &[
    ("node", Unlike("node", SHARED)),
    ("storage", As("storage")),
    ("reference", As("reference")),
    ("file_name", Unlike("filename", NAMES)),
];

pub(super) const APPLIANCE: &[(&str, Stands)] = &[
    ("node", Unlike("node", SHARED)),
    ("storage", As("storage")),
    ("template", Unlike("template", "no template of the index is called otherwise")),
];
