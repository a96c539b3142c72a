//! `pve_mapping_usb`: a name for USB devices.

use pve_client::Area;
use terraform_plugin::{Cx, Error, Findings, Model, Nested, Timeouts};

use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Right, Section, Sight, nodes, plain};

use super::{DEVICE, DEVICE_SAYS, MAPPING, SEE, in_use, note, write};

/// A name for USB devices of the nodes, by which virtual machines get one of them on whichever node they are.
///
/// PVE looks at the devices only when a virtual machine starts: a device that is not there is taken. It may be removed while
/// virtual machines name it, who do not start then; destroying it here is refused as long as one does that can be seen.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "mapping_usb", area = "Mappings", key(id))]
pub struct MappingUsb {
    /// Its id.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub id: String,
    /// The devices. Several of one node are alternatives.
    #[attr(required, repeated, length = 1..)]
    pub map: Vec<UsbDevice>,
    /// A note.
    #[attr(optional, length = 1..=4096, check = texts::one_tidy_line)]
    pub description: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// A USB device of a node.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct UsbDevice {
    /// The node.
    #[attr(required, check = texts::one_word)]
    pub node: String,
    /// The ids of vendor and device: `1050:0407`.
    #[attr(required, regex = DEVICE, says = DEVICE_SAYS)]
    pub id: String,
    /// The port, as bus and ports on the way: `1-2.3`. Unset: wherever the device is plugged in.
    #[attr(optional, regex = r"^(\d+)\-(\d+(\.\d+)*)$", says = "BUS-PORT, such as `1-2.3`")]
    pub path: Option<String>,
    /// A note.
    #[attr(optional, length = 1..=4096, check = note)]
    pub description: Option<String>,
}

impl Section for MappingUsb {
    const FAMILY: Family = Family {
        path: "cluster/mapping/usb",
        file: "mapping/usb.cfg",
        area: Area::File("mapping/usb.cfg"),
        write: write("/mapping/usb"),
        also: &[write("/mapping/usb/{id}")],
        removal: Some(write("/mapping/usb")),
        sight: Sight::With(Right { path: "/mapping/usb/{id}", any: SEE }),
        ..MAPPING
    };

    async fn possible(
        cx: &Cx<Pve>,
        want: &MappingUsbPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let named = want.map.known().into_iter().flatten().filter_map(|of| of.known()?.node.text());
        let before = prior.into_iter().flat_map(|prior| &prior.map).map(|of| of.node.as_str());
        nodes::told_if_missing(cx, named, before, "A mapping", "map", found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        in_use(cx, "usb", "mapping", &was.id, found).await
    }
}

plain!(MappingUsb, "mappings_usb");
