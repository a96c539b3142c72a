//! What a disk may be imported from.

use terraform_plugin::{Cx, Findings};

use super::{Vm, disks, named};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// The folder of a volume's name that tells what it is; disks of guests have none, or a number.
fn content(volume: &str) -> Option<&str> {
    let (_, name) = volume.split_once(':')?;
    let folder = name.split_once('/').map(|(folder, _)| folder);
    Some(folder.filter(|folder| folder.parse::<u32>().is_err() && !folder.starts_with("base-")).unwrap_or("images"))
}

/// Looks whether a disk can be made from what is named: its type, and right before the write whether it is there. In a plan it may
/// be about to be fetched.
pub async fn look(cx: &Cx<Pve>, name: &str, source: &str, node: Option<&str>, found: &mut Findings<Vm>) {
    let at = disks::path(name).at("import_from");
    // Files of the node are for root, and PVE looks at them.
    if source.starts_with('/') {
        return;
    }
    let cure = "Nothing was written. `pve_storage_download` with `content = \"import\"` fetches an image to a storage whose content \
                types have `import`; its volume is then `STORAGE:import/FILE`, with the file ending in .qcow2, .raw or .vmdk.";
    match content(source) {
        Some("images" | "import") => {}
        Some(kind) => {
            let problem = Problem::new(
                format!("A disk cannot be made from {source}"),
                format!("It is stored as `{kind}`, and PVE makes disks from `import` and `images` only. {cure}"),
            );
            return found.mendable(problem.at(at));
        }
        None => {
            let problem =
                Problem::new(format!("\"{source}\" is no volume"), format!("A volume is `STORAGE:NAME`. {cure}"));
            return found.mendable(problem.at(at));
        }
    }
    let Some(node) = node.filter(|_| !found.is_plan()) else { return };
    if named::is_there(cx, source, node).await == Some(false) {
        let problem = Problem::new(format!("There is no {source} on {node}"), cure);
        found.mendable(problem.at(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_tell_what_they_are() {
        for (volume, kind) in [
            ("local:import/debian.qcow2", Some("import")),
            ("local:iso/debian.iso", Some("iso")),
            ("local:100/vm-100-disk-0.qcow2", Some("images")),
            ("ceph:vm-100-disk-0", Some("images")),
            ("ceph:base-9-disk-0/vm-100-disk-0", Some("images")),
            ("debian.qcow2", None),
        ] {
            assert_eq!(content(volume), kind, "{volume}");
        }
    }
}
