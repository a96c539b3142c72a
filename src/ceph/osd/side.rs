//! Devices of their own for the database and the log of an OSD, which it may share with those of other OSDs.

pub mod checks;
pub mod left;
pub mod words;

use pve_client::api::ceph::osd::{Osd as Live, OsdSide, VolumeKind};
use pve_client::api::disks::Disk;
use terraform_plugin::{Attr, Cx, Size};

use super::device::{Device, DevicePlan};
use super::hindrance::Hindrance;
use super::{Osd, OsdPlan, look};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What a device of its own is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// RocksDB.
    Database,
    /// Its log.
    Log,
}

/// All of them.
pub const ROLES: [Role; 2] = [Role::Database, Role::Log];

impl Role {
    /// The attribute that names the device.
    pub fn device(self) -> &'static str {
        match self {
            Self::Database => "db_device",
            Self::Log => "wal_device",
        }
    }

    /// The attribute that says how much of it.
    pub fn size(self) -> &'static str {
        match self {
            Self::Database => "db_size",
            Self::Log => "wal_size",
        }
    }

    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Log => "log",
        }
    }

    /// The least that PVE takes.
    pub fn least(self) -> u64 {
        match self {
            Self::Database => 1 << 30,
            Self::Log => 1 << 29,
        }
    }

    fn kind(self) -> VolumeKind {
        match self {
            Self::Database => VolumeKind::Db,
            Self::Log => VolumeKind::Wal,
        }
    }

    /// Whether an OSD has one, as far as its daemon has told.
    pub fn of(self, live: &Live) -> Option<bool> {
        match self {
            Self::Database => live.db,
            Self::Log => live.wal,
        }
    }
}

impl Osd {
    pub(super) fn side(&self, role: Role) -> Option<&Device> {
        match role {
            Role::Database => self.db_device.as_ref(),
            Role::Log => self.wal_device.as_ref(),
        }
    }

    pub(super) fn side_size(&self, role: Role) -> Option<&Size> {
        match role {
            Role::Database => self.db_size.as_ref(),
            Role::Log => self.wal_size.as_ref(),
        }
    }

    fn with_side(self, role: Role, device: Option<Device>, size: Option<Size>) -> Self {
        match role {
            Role::Database => Self { db_device: device, db_size: size, ..self },
            Role::Log => Self { wal_device: device, wal_size: size, ..self },
        }
    }
}

impl OsdPlan {
    pub(super) fn side(&self, role: Role) -> &Attr<DevicePlan> {
        match role {
            Role::Database => &self.db_device,
            Role::Log => &self.wal_device,
        }
    }

    pub(super) fn side_size(&self, role: Role) -> &Attr<Size> {
        match role {
            Role::Database => &self.db_size,
            Role::Log => &self.wal_size,
        }
    }

    fn side_mut(&mut self, role: Role) -> (&mut Attr<DevicePlan>, &mut Attr<Size>) {
        match role {
            Role::Database => (&mut self.db_device, &mut self.db_size),
            Role::Log => (&mut self.wal_device, &mut self.wal_size),
        }
    }
}

/// Where a database or log lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Lies {
    /// The disk or partition below its volume.
    pub path: String,
    /// The same in the words of a configuration.
    pub device: Device,
    /// Bytes of the volume.
    pub size: u64,
}

/// Where the database or log of an OSD lies; `None` if that is its own device, or nobody tells.
pub async fn lies(cx: &Cx<Pve>, node: &str, id: u32, role: Role, list: &[Disk]) -> Result<Option<Lies>, Problem> {
    let doing = format!("Cannot read where the {} of osd.{id} lies", role.word());
    let on = |path: &str, size: u64| {
        let disk = list.iter().find(|disk| disk.devpath == path)?;
        Some(Lies { path: path.to_owned(), device: Device::of(disk, list), size })
    };
    match cx.client.ceph().osd_volume_of(node, id, role.kind()).await {
        Ok(volume) => {
            let groups = cx.client.disks(node).volume_groups().await.during(&doing)?;
            let below = groups.named(&volume.vg_name).and_then(|group| group.devices().next());
            if let Some(found) = below.and_then(|path| on(path, volume.lv_size)) {
                return Ok(Some(found));
            }
        }
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error).during(&doing),
    }
    // A partition that PVE has made for it is no volume; its daemon names the disk.
    let told = match cx.client.ceph().osd_metadata(node, id).await {
        Ok(told) => told,
        Err(error) => {
            tracing::debug!(%error, osd = id, "its daemon has not told where it lies");
            return Ok(None);
        }
    };
    let name = match role {
        Role::Database => "db",
        Role::Log => "wal",
    };
    let device = told.devices.into_iter().find(|device| device.device == name);
    Ok(device.and_then(|device| on(&format!("/dev/{}", device.physical_device?), device.size)))
}

/// An OSD with what its daemon tells of devices that the state does not name, or names and it does not have. Asks its node only
/// where the two differ.
pub async fn seen(cx: &Cx<Pve>, live: &Live, mut osd: Osd) -> Osd {
    for role in ROLES {
        match (osd.side(role).is_some(), role.of(live)) {
            (false, Some(true)) => match found(cx, &osd.node, live.id, role).await {
                Ok(Some(lies)) => {
                    osd = osd.with_side(role, Some(lies.device), Some(Size::from_bytes(lies.size)));
                }
                Ok(None) => {}
                Err(problem) => tracing::debug!(?problem, osd = live.id, "where its parts lie is not told"),
            },
            // What is down tells what was.
            (true, Some(false)) if live.up => osd = osd.with_side(role, None, None),
            _ => {}
        }
    }
    osd
}

/// A new OSD with the sizes that were left to PVE.
pub async fn measured(cx: &Cx<Pve>, id: u32, mut osd: Osd) -> Osd {
    for role in ROLES {
        let Some(device) = osd.side(role).filter(|_| osd.side_size(role).is_none()).cloned() else { continue };
        match found(cx, &osd.node, id, role).await {
            Ok(lies) => {
                let size = lies.map(|lies| Size::from_bytes(lies.size));
                osd = osd.with_side(role, Some(device), size);
            }
            Err(problem) => tracing::debug!(?problem, osd = id, "how large its parts are is not told"),
        }
    }
    osd
}

async fn found(cx: &Cx<Pve>, node: &str, id: u32, role: Role) -> Result<Option<Lies>, Problem> {
    let list = look::disks(cx, node).await?;
    lies(cx, node, id, role, &list).await
}

/// The devices on which parts of an OSD lie beside its own.
pub async fn paths(cx: &Cx<Pve>, was: &Osd, live: &Live, node: &str) -> Result<Vec<String>, Problem> {
    let mut paths = Vec::new();
    for role in ROLES {
        if was.side(role).is_some() || role.of(live) == Some(true) {
            paths.extend(found(cx, node, live.id, role).await?.map(|lies| lies.path));
        }
    }
    Ok(paths)
}

/// Whether an OSD that exists has its parts where they are wanted.
pub async fn as_wanted(cx: &Cx<Pve>, want: &Osd, id: u32, list: &[Disk]) -> Result<bool, Problem> {
    for role in ROLES {
        let wanted = match want.side(role) {
            Some(device) => Some(device.find_as(role.device(), list, &want.node)?.devpath.clone()),
            None => None,
        };
        if lies(cx, &want.node, id, role, list).await?.map(|lies| lies.path) != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What PVE is asked for.
pub fn asked(want: &Osd, role: Role, list: &[Disk]) -> Result<Option<OsdSide>, Hindrance> {
    let Some(device) = want.side(role) else { return Ok(None) };
    let device = device.find_as(role.device(), list, &want.node)?.devpath.clone();
    Ok(Some(OsdSide { device, size: want.side_size(role).map(Size::bytes) }))
}
