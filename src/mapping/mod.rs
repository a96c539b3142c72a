//! Mappings: names for devices and folders of nodes, so that guests can use them whichever node they are on.

pub mod dir;
pub mod pci;
pub mod usb;

use std::collections::BTreeSet;

use pve_client::Error as PveError;
use pve_client::api::cluster::GuestKind;
use pve_client::property_string::PropertyString;
use terraform_plugin::{Cx, Error, Findings, Registry};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Right};
use crate::vm::vm::Vm;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry.listed::<dir::MappingDir>().listed::<pci::MappingPci>().listed::<usb::MappingUsb>()
}

/// What lies in the files of `/etc/pve/mapping`. A change has to say the whole map again.
const MAPPING: Family = Family { what: "Mapping", digest: true, always: &["map"], ..Family::PLAIN };

/// Who sees a mapping.
const SEE: &[&str] = &["Mapping.Use", "Mapping.Modify", "Mapping.Audit"];

const MODIFY: &[&str] = &["Mapping.Modify"];

/// What writing a mapping of one type takes.
const fn write(path: &'static str) -> Right {
    Right { path, any: MODIFY }
}

/// The form of the ids of vendor and device.
const DEVICE: &str = "^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}$";

/// The same in words.
const DEVICE_SAYS: &str = "VENDOR:DEVICE, four hexadecimal digits each";

/// A note among other settings of one text.
fn note(text: &String) -> Result<(), String> {
    texts::one_tidy_line(text)?;
    match text.contains(',') {
        true => Err("must not have commas: PVE separates settings by them".to_owned()),
        false => Ok(()),
    }
}

/// Tells if virtual machines use the mapping: PVE removes it all the same. `option`: the beginning of the setting that names
/// it; `key`: the part of it that does.
async fn in_use<M>(cx: &Cx<Pve>, option: &str, key: &str, id: &str, found: &mut Findings<M>) -> Result<(), Error> {
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    let mut users = BTreeSet::new();
    for guest in guests.iter().filter(|guest| guest.kind == GuestKind::Qemu) {
        let doing = format!("Cannot read the configuration of vm:{}", guest.vmid);
        let config = match cx.client.qemu(&guest.node, guest.vmid).config().await {
            Ok(config) => config,
            // As long as its node is off nobody sees what it names.
            Err(PveError::NodeUnreachable { .. }) => continue,
            Err(error) => return Err(Problem::during(doing, error).into()),
        };
        let mut settings = config.other.iter().filter(|(name, _)| is_one_of(name, option));
        if settings.any(|(_, value)| names(value, key, id)) {
            users.insert(guest.vmid);
        }
    }
    if users.is_empty() {
        return Ok(());
    }
    let going = cx.going::<Vm>();
    let all_go = users.iter().all(|vmid| going.iter().any(|vm| vm.vmid == Some(*vmid)));
    let users: Vec<String> = users.iter().map(ToString::to_string).collect();
    let problem = Problem::new(
        format!("Mapping \"{id}\" is in use"),
        format!(
            "PVE would remove it all the same, and virtual machines that name it would not start again: {}. Nothing was written. Take \
             `{option}N` out of them first.",
            users.join(", ")
        ),
    );
    found.missing(all_go, problem);
    Ok(())
}

/// Whether a setting is `option` with a number.
fn is_one_of(name: &str, option: &str) -> bool {
    name.strip_prefix(option).is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a setting names the mapping, with the key or without.
fn names(setting: &str, key: &str, id: &str) -> bool {
    let Ok(setting) = setting.parse::<PropertyString>() else { return false };
    let bare = setting.default_value().filter(|_| key == dir::KEY);
    setting.get(key).or(bare) == Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_name_a_mapping_are_told() {
        assert!(is_one_of("hostpci0", "hostpci") && is_one_of("usb13", "usb"));
        assert!(!is_one_of("usb", "usb") && !is_one_of("usbx", "usb") && !is_one_of("virtiofs0", "virtio"));
        assert!(names("mapping=gpu,pcie=1", "mapping", "gpu") && !names("mapping=gpu2", "mapping", "gpu"));
        assert!(!names("0000:01:00.0", "mapping", "0000:01:00.0"), "a device of the node");
        assert!(names("share,cache=auto", dir::KEY, "share") && names("dirid=share", dir::KEY, "share"));
    }
}
