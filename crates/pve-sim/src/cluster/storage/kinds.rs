//! The storage types: what each may hold and which options it has.

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
    /// All other options, in groups, those that every type has left out.
    pub optional: &'static [&'static [&'static str]],
    /// Formats of images, the default first.
    pub formats: &'static [&'static str],
    /// Whether every node sees the same by its nature.
    pub shared: bool,
}

/// Options of every type; `bwlimit` not of all.
const COMMON: &[&str] = &["content", "nodes", "disable", "bwlimit"];

/// Options of types that keep files.
const FILES: &[&str] = &[
    "content-dirs",
    "create-base-path",
    "create-subdirs",
    "format",
    "max-protected-backups",
    "mkdir",
    "preallocation",
    "prune-backups",
];

/// What files can be.
const ANY_FILES: &[&str] = &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"];

/// What no type has said otherwise.
const NOTHING: Kind = Kind {
    name: "",
    contents: &["images"],
    default_contents: &["images"],
    required: &[],
    fixed: &[],
    optional: &[],
    formats: &["raw"],
    shared: true,
};

/// The type of PVE's own `local`.
pub(super) static DIR: Kind = Kind {
    name: "dir",
    contents: &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"],
    default_contents: &["images", "rootdir"],
    required: &["path"],
    fixed: &["snapshot-as-volume-chain"],
    optional: &[FILES, &["shared", "is_mountpoint"]],
    formats: &["raw", "qcow2", "vmdk", "subvol"],
    shared: false,
};

static OTHERS: [Kind; 13] = [
    Kind {
        name: "btrfs",
        contents: DIR.contents,
        default_contents: DIR.default_contents,
        required: &["path"],
        optional: &[FILES, &["shared", "is_mountpoint", "nocow"]],
        formats: &["raw", "subvol"],
        shared: false,
        ..NOTHING
    },
    Kind {
        name: "lvm",
        contents: &["images", "rootdir"],
        required: &["vgname"],
        fixed: &["base"],
        optional: &[&[
            "shared",
            "saferemove",
            "saferemove_throughput",
            "saferemove-stepsize",
            "tagged_only",
            "snapshot-as-volume-chain",
        ]],
        formats: &["raw", "qcow2"],
        shared: false,
        ..NOTHING
    },
    Kind {
        name: "lvmthin",
        contents: &["images", "rootdir"],
        default_contents: &["images", "rootdir"],
        required: &["thinpool", "vgname"],
        shared: false,
        ..NOTHING
    },
    Kind {
        name: "zfspool",
        contents: &["images", "rootdir"],
        default_contents: &["images", "rootdir"],
        required: &["pool"],
        optional: &[&["blocksize", "sparse", "mountpoint"]],
        formats: &["raw", "subvol"],
        shared: false,
        ..NOTHING
    },
    Kind {
        name: "zfs",
        required: &["blocksize", "iscsiprovider", "pool", "portal", "target"],
        optional: &[&["nowritecache", "sparse", "comstar_hg", "comstar_tg", "lio_tpg", "zfs-base-path"]],
        ..NOTHING
    },
    Kind {
        name: "rbd",
        contents: &["images", "rootdir"],
        optional: &[&["pool", "data-pool", "namespace", "monhost", "username", "keyring", "krbd"]],
        ..NOTHING
    },
    Kind {
        name: "nfs",
        contents: ANY_FILES,
        required: &["export", "server"],
        fixed: &["path", "snapshot-as-volume-chain"],
        optional: &[FILES, &["options"]],
        formats: &["raw", "qcow2", "vmdk"],
        ..NOTHING
    },
    Kind {
        name: "cifs",
        contents: ANY_FILES,
        required: &["server", "share"],
        fixed: &["path", "snapshot-as-volume-chain"],
        optional: &[FILES, &["options", "username", "password", "domain", "smbversion", "subdir"]],
        formats: &["raw", "qcow2", "vmdk"],
        ..NOTHING
    },
    Kind {
        name: "cephfs",
        contents: &["backup", "iso", "vztmpl", "snippets", "import"],
        default_contents: &["backup"],
        fixed: &["path"],
        optional: &[FILES, &["fs-name", "subdir", "monhost", "username", "keyring", "fuse", "options"]],
        ..NOTHING
    },
    Kind { name: "iscsi", contents: &["images", "none"], required: &["portal", "target"], ..NOTHING },
    Kind { name: "iscsidirect", contents: &["images", "none"], required: &["portal", "target"], ..NOTHING },
    Kind {
        name: "pbs",
        contents: &["backup", "none"],
        default_contents: &["backup"],
        required: &["datastore", "server"],
        optional: &[&[
            "namespace",
            "port",
            "username",
            "password",
            "fingerprint",
            "encryption-key",
            "master-pubkey",
            "prune-backups",
            "max-protected-backups",
        ]],
        formats: &[],
        ..NOTHING
    },
    Kind {
        name: "esxi",
        contents: &["import"],
        default_contents: &["import"],
        required: &["server", "username"],
        optional: &[&["password", "port", "skip-cert-verification", "shared"]],
        formats: &[],
        shared: false,
        ..NOTHING
    },
];

impl Kind {
    /// The type of that name.
    pub fn find(name: &str) -> Option<&'static Kind> {
        std::iter::once(&DIR).chain(&OTHERS).find(|kind| kind.name == name)
    }

    /// Whether the type has such an option.
    pub fn has(&self, option: &str) -> bool {
        let never = match option {
            "bwlimit" => matches!(self.name, "btrfs" | "esxi" | "pbs"),
            "content-dirs" => self.name == "btrfs",
            "preallocation" => self.name == "cephfs",
            _ => false,
        };
        let own = [COMMON, self.required, self.fixed];
        !never && own.iter().chain(self.optional).any(|list| list.contains(&option))
    }

    /// Whether an option keeps its first value for ever.
    pub fn is_fixed(&self, option: &str) -> bool {
        let required = self.name != "esxi" && self.required.contains(&option);
        required || self.fixed.contains(&option)
    }

    /// The names of all types.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once(&DIR).chain(&OTHERS).map(|kind| kind.name)
    }

    /// Whether images are files.
    pub fn has_files(&self) -> bool {
        matches!(self.name, "dir" | "btrfs" | "nfs" | "cifs" | "cephfs")
    }
}
