//! `pve_mapping_pci`: a name for PCI devices.

use pve_client::Area;
use terraform_plugin::{Cx, Error, Findings, Model, Nested, Timeouts};

use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Right, Section, Sight, nodes, plain};

use super::{DEVICE, DEVICE_SAYS, MAPPING, SEE, in_use, note, write};

/// A name for PCI devices of the nodes, by which virtual machines get one of them on whichever node they are.
///
/// PVE looks at the devices only when a virtual machine starts: a device that is not there is taken. It may be removed while
/// virtual machines name it, who do not start then; destroying it here is refused as long as one does that can be seen.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "mapping_pci", area = "Mappings", key(id))]
pub struct MappingPci {
    /// Its id.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub id: String,
    /// The devices. Several of one node are alternatives: the first one that is free is taken.
    #[attr(required, repeated, length = 1..)]
    pub map: Vec<PciDevice>,
    /// Whether the devices are divided into mediated ones.
    #[attr(keep, usual = false)]
    pub mdev: Option<bool>,
    /// Whether a virtual machine with such a device can be moved while it runs. The device has to be able to.
    #[attr(keep, usual = false, api = "live-migration-capable")]
    pub live_migration_capable: Option<bool>,
    /// A note.
    #[attr(optional, length = 1..=4096, check = texts::one_tidy_line)]
    pub description: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// A PCI device of a node.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct PciDevice {
    /// The node.
    #[attr(required, check = texts::one_word)]
    pub node: String,
    /// Where it is: `0000:01:00.0`, or `0000:01:00` for all its functions. Several with `;` between them are given together.
    #[attr(
        required,
        regex = r"^(?:[a-f0-9]{4,}:[a-f0-9]{2}:[a-f0-9]{2}(?:.[a-f0-9])?;)*[a-f0-9]{4,}:[a-f0-9]{2}:[a-f0-9]{2}(?:.[a-f0-9])?$",
        says = "PCI addresses in lower case, such as `0000:01:00.0`",
        check = texts::one_tidy_line,
        check = no_comma
    )]
    pub path: String,
    /// The ids of vendor and device: `8086:1533`. PVE refuses to start a virtual machine with another device there.
    #[attr(required, regex = DEVICE, says = DEVICE_SAYS)]
    pub id: String,
    /// The ids of the vendor and the device of the board, where the devices differ by them.
    #[attr(optional, regex = DEVICE, says = DEVICE_SAYS, api = "subsystem-id")]
    pub subsystem_id: Option<String>,
    /// The IOMMU group. Another kernel or firmware may number them otherwise, and PVE refuses to start then.
    #[attr(optional)]
    pub iommugroup: Option<i64>,
    /// A note.
    #[attr(optional, length = 1..=4096, check = note)]
    pub description: Option<String>,
}

/// PVE's pattern takes any character before a function, and cannot read this one.
fn no_comma(text: &String) -> Result<(), String> {
    if text.contains(',') { Err("must not have commas".to_owned()) } else { Ok(()) }
}

impl Section for MappingPci {
    const FAMILY: Family = Family {
        path: "cluster/mapping/pci",
        file: "mapping/pci.cfg",
        area: Area::File("mapping/pci.cfg"),
        write: write("/mapping/pci"),
        also: &[write("/mapping/pci/{id}")],
        removal: Some(write("/mapping/pci")),
        sight: Sight::With(Right { path: "/mapping/pci/{id}", any: SEE }),
        ..MAPPING
    };

    async fn possible(
        cx: &Cx<Pve>,
        want: &MappingPciPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let named = want.map.known().into_iter().flatten().filter_map(|of| of.known()?.node.text());
        let before = prior.into_iter().flat_map(|prior| &prior.map).map(|of| of.node.as_str());
        nodes::told_if_missing(cx, named, before, "A mapping", "map", found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        in_use(cx, "hostpci", "mapping", &was.id, found).await
    }
}

plain!(MappingPci, "mappings_pci");
