//! Storages: entries of the cluster's `storage.cfg`.

pub mod btrfs;
pub mod cephfs;
pub mod cifs;
pub mod content;
pub mod dir;
pub mod entry;
pub mod esxi;
pub mod images;
pub mod iscsi;
pub mod iscsidirect;
pub mod list;
pub mod lvm;
pub mod lvmthin;
pub mod nfs;
pub mod pbs;
pub mod rbd;
pub mod used;
pub mod zfs;
pub mod zfspool;

use pve_client::Area;
use terraform_plugin::Registry;

use crate::ground::pve::Pve;
use crate::section::{Family, Right, Sight};

/// Who sees a storage in PVE's list.
const SIGHT: Sight = Sight::With(Right { path: "/storage/{storage}", any: SEE });

/// What it takes to see one.
const SEE: &[&str] = &["Datastore.Audit", "Datastore.AllocateSpace"];

/// What lies in `storage.cfg`. The list tells everything.
const STORAGE: Family = Family {
    what: "Storage",
    path: "storage",
    file: "storage.cfg",
    area: Area::Storage,
    write: Right { path: "/storage", any: &["Datastore.Allocate"] },
    sight: SIGHT,
    ..Family::PLAIN
};

/// Why an attribute replaces although PVE's call takes the parameter.
#[cfg_attr(not(test), allow(dead_code, reason = "as `Section::UNLIKE`"))]
const FIXED: &str = "it can be changed for other types; for this one PVE refuses it, even unchanged";

/// The form of a storage's id.
const ID: &str = r"^[A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]$";

/// The same in words.
const ID_SAYS: &str =
    "at least two characters: a letter, then letters, digits, `-`, `_`, `.`, ending with a letter or digit";

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .object::<content::appliance::ApplianceTemplate>()
        .data::<content::appliances::ApplianceTemplates>()
        .object::<content::oci_image::OciImage>()
        .data::<content::oci_tags::OciTags>()
        .object::<btrfs::StorageBtrfs>()
        .query::<btrfs::StorageBtrfs>()
        .object::<cephfs::StorageCephfs>()
        .query::<cephfs::StorageCephfs>()
        .object::<cifs::StorageCifs>()
        .query::<cifs::StorageCifs>()
        .object::<content::download::StorageDownload>()
        .object::<content::file::StorageFile>()
        .data::<content::files::StorageFiles>()
        .object::<dir::StorageDir>()
        .query::<dir::StorageDir>()
        .object::<esxi::StorageEsxi>()
        .query::<esxi::StorageEsxi>()
        .object::<iscsi::StorageIscsi>()
        .query::<iscsi::StorageIscsi>()
        .object::<iscsidirect::StorageIscsidirect>()
        .query::<iscsidirect::StorageIscsidirect>()
        .object::<lvm::StorageLvm>()
        .query::<lvm::StorageLvm>()
        .object::<lvmthin::StorageLvmthin>()
        .query::<lvmthin::StorageLvmthin>()
        .object::<nfs::StorageNfs>()
        .query::<nfs::StorageNfs>()
        .object::<pbs::StoragePbs>()
        .query::<pbs::StoragePbs>()
        .object::<rbd::StorageRbd>()
        .query::<rbd::StorageRbd>()
        .object::<zfs::StorageZfs>()
        .query::<zfs::StorageZfs>()
        .object::<zfspool::StorageZfspool>()
        .query::<zfspool::StorageZfspool>()
        .data::<list::Storages>()
}
