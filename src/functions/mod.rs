//! Functions: they take apart and put together the texts in which PVE speaks, and ask nobody.

mod disk;
mod survives;
mod upid;
mod volume;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .function::<disk::DiskObject>()
        .function::<disk::DiskString>()
        .function::<survives::Survives>()
        .function::<upid::UpidParts>()
        .function::<volume::VolumeParts>()
}
