//! The storage types that are simulated: what each may hold and which options it has.

/// A storage type.
#[derive(Debug)]
pub struct Kind {
    /// Its name, as `lvmthin`.
    pub name: &'static str,
    /// What it can hold.
    pub contents: &'static [&'static str],
    /// What it holds when nobody says.
    pub default_contents: &'static [&'static str],
    /// Options that must be given and never change.
    pub required: &'static [&'static str],
    /// Options that can be given only once.
    pub fixed: &'static [&'static str],
    /// All other options, those that every type has left out.
    pub optional: &'static [&'static str],
    /// Formats of images, the default first.
    pub formats: &'static [&'static str],
    /// Whether every node sees the same by its nature.
    pub shared: bool,
}

/// Options of every type.
const COMMON: &[&str] = &["content", "nodes", "disable", "bwlimit"];

/// The type of PVE's own `local`.
pub(super) static DIR: Kind = Kind {
    name: "dir",
    contents: &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"],
    default_contents: &["images", "rootdir"],
    required: &["path"],
    fixed: &["snapshot-as-volume-chain"],
    optional: &[
        "content-dirs",
        "shared",
        "prune-backups",
        "max-protected-backups",
        "format",
        "mkdir",
        "create-base-path",
        "create-subdirs",
        "is_mountpoint",
        "preallocation",
    ],
    formats: &["raw", "qcow2", "vmdk", "subvol"],
    shared: false,
};

static OTHERS: [Kind; 5] = [
    Kind {
        name: "lvm",
        contents: &["images", "rootdir"],
        default_contents: &["images"],
        required: &["vgname"],
        fixed: &["base", "snapshot-as-volume-chain"],
        optional: &["shared", "saferemove", "saferemove_throughput", "saferemove-stepsize", "tagged_only"],
        formats: &["raw", "qcow2"],
        shared: false,
    },
    Kind {
        name: "lvmthin",
        contents: &["images", "rootdir"],
        default_contents: &["images", "rootdir"],
        required: &["vgname", "thinpool"],
        fixed: &[],
        optional: &[],
        formats: &["raw"],
        shared: false,
    },
    Kind {
        name: "rbd",
        contents: &["images", "rootdir"],
        default_contents: &["images"],
        required: &[],
        fixed: &[],
        optional: &["pool", "data-pool", "namespace", "monhost", "username", "keyring", "krbd"],
        formats: &["raw"],
        shared: true,
    },
    Kind {
        name: "nfs",
        contents: &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"],
        default_contents: &["images"],
        required: &["export", "server"],
        fixed: &["path", "snapshot-as-volume-chain"],
        optional: &[
            "content-dirs",
            "prune-backups",
            "max-protected-backups",
            "options",
            "format",
            "mkdir",
            "create-base-path",
            "create-subdirs",
            "preallocation",
        ],
        formats: &["raw", "qcow2", "vmdk"],
        shared: true,
    },
    // An entry of the cluster's shape, never active: no file systems are simulated.
    Kind {
        name: "cephfs",
        contents: &["backup", "iso", "vztmpl", "snippets", "import"],
        default_contents: &["backup"],
        required: &[],
        fixed: &["path"],
        optional: &[
            "fs-name",
            "subdir",
            "monhost",
            "username",
            "keyring",
            "fuse",
            "options",
            "content-dirs",
            "prune-backups",
            "max-protected-backups",
            "create-base-path",
            "create-subdirs",
            "mkdir",
        ],
        formats: &["raw"],
        shared: true,
    },
];

impl Kind {
    /// The type of that name, if it is simulated.
    pub fn find(name: &str) -> Option<&'static Kind> {
        std::iter::once(&DIR).chain(&OTHERS).find(|kind| kind.name == name)
    }

    /// Whether the type has such an option.
    pub fn has(&self, option: &str) -> bool {
        [COMMON, self.required, self.fixed, self.optional].iter().any(|list| list.contains(&option))
    }

    /// Whether an option keeps its first value for ever.
    pub fn is_fixed(&self, option: &str) -> bool {
        self.required.contains(&option) || self.fixed.contains(&option)
    }

    /// The names of all types that are simulated.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once(&DIR).chain(&OTHERS).map(|kind| kind.name)
    }

    /// Whether images are files.
    pub fn has_files(&self) -> bool {
        matches!(self.name, "dir" | "nfs")
    }
}
