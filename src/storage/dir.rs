//! `pve_storage_dir`: a folder on the nodes.

use std::collections::BTreeSet;

use terraform_plugin::{Change, Cx, Model, Say, Timeouts};

use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Builtin, Family, Section, plain};

use super::entry::{Backups, Directories, Entry, Layout, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A folder on the nodes as a storage: each has its own, unless something else mounts the same there (`shared`).
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE makes the folder, and one below it for each word of `content`; the other nodes do so
/// within seconds, and a folder that cannot be made shows there as a storage that is not active.
///
/// Destroying it removes the entry, never data, and is refused while disks of guests lie there: every node that uses the
/// storage is asked, and one that cannot be asked is not taken for empty.
///
/// `local` is PVE's own and always there: it is taken over as it is and its settings are changed, its path cannot be, and
/// removing it from the configuration leaves it as it is then.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_dir", area = "Storage", key(storage))]
pub struct StorageDir {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The folder, such as `/mnt/backup`.
    #[attr(required, replace, length = 1.., regex = "^/.+$", says = "a path that begins with `/`", check = texts::one_tidy_line)]
    pub path: String,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers), `vztmpl` (templates of those),
    /// `iso`, `backup`, `snippets`, `import`.
    ///
    /// Left alone when unset (PVE: `images`, `rootdir`).
    #[attr(keep, length = 1.., one_of = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// Whether all nodes see the same there. It only says so: mounting it is up to you.
    #[attr(keep, usual = false)]
    pub shared: Option<bool>,
    /// `yes`: it is used only while something is mounted at `path`, so that nothing fills the root disk otherwise; a path: while something is mounted there.
    #[attr(optional, check = texts::one_tidy_line)]
    pub is_mountpoint: Option<String>,
    #[attr(flatten)]
    pub directories: Directories,
    /// The format of new disks where nobody asks for one: `raw`, `qcow2`, `vmdk` or `subvol`.
    #[attr(keep, usual = "raw", one_of = ["raw", "qcow2", "vmdk", "subvol"])]
    pub format: Option<String>,
    #[attr(flatten)]
    pub layout: Layout,
    #[attr(flatten)]
    pub backups: Backups,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageDir {
    const FAMILY: Family = Family {
        fixed: &[("type", "dir")],
        blames: &[
            ("expected to be a mount point", "is_mountpoint"),
            ("multiple content types", "content_dirs"),
            ("directory", "path"),
        ],
        ..STORAGE
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] =
        &[("mkdir", "PVE's old word for `create_base_path` and `create_subdirs`")];

    const UNLIKE: &'static [(&'static str, &'static str)] = &[("snapshot_as_volume_chain", super::FIXED)];

    fn builtin(key: &StorageDirKey) -> Builtin {
        if key.storage == LOCAL { Builtin::Stays } else { Builtin::No }
    }

    async fn planned(_cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_destroy() || change.plan.storage.text() != Some(LOCAL) {
            return;
        }
        if change.plan.path.text().is_some_and(|path| path != LOCAL_PATH) {
            say.error(
                "path",
                "PVE's own storage cannot be moved",
                format!("\"{LOCAL}\" always lies at {LOCAL_PATH}. Nothing was written. Choose another id for another folder."),
            );
        }
        if !change.plan.entry.nodes.is_null() {
            say.error(
                "nodes",
                "PVE's own storage is on every node",
                format!("PVE forgets `nodes` of \"{LOCAL}\". Nothing was written. Leave it out."),
            );
        }
    }

    looked_at!();
}

plain!(StorageDir);

/// PVE's own, and where it lies.
const LOCAL: &str = "local";
const LOCAL_PATH: &str = "/var/lib/vz";
