//! Which machines a file is given to.

use pve_client::api::cluster::GuestKind;
use terraform_plugin::{Cx, Error, Findings};

use super::place::At;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::vm::vm::Vm;

/// Tells of machines that have it in a drive, unless they go along.
pub(super) async fn tell<M>(cx: &Cx<Pve>, at: &At, found: &mut Findings<M>) -> Result<(), Error> {
    // What others are is copied from, once.
    if at.content != "iso" {
        return Ok(());
    }
    let going: Vec<Option<u32>> = cx.going::<Vm>().into_iter().map(|vm| vm.vmid).collect();
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    let (volid, mut users) = (at.volid(), Vec::new());
    let near = |node: &str| at.node.as_ref().is_none_or(|own| own == node);
    for guest in guests.iter().filter(|guest| guest.kind == GuestKind::Qemu && near(&guest.node)) {
        // One that cannot be read now is no reason to hold up a plan.
        let Ok(config) = cx.client.qemu(&guest.node, guest.vmid).config().await else { continue };
        if config.drives.values().any(|drive| drive.volume == volid) && !going.contains(&Some(guest.vmid)) {
            users.push(format!("vm:{}", guest.vmid));
        }
    }
    if !users.is_empty() {
        let detail = format!(
            "{} has it in a drive, and does not start any more once it is gone. PVE removes it all the same. Take it out of the drive \
             first: {}.",
            if users.len() == 1 { "One machine".to_owned() } else { format!("{} machines", users.len()) },
            users.join(", ")
        );
        found.notice(Problem::new("An ISO image that is to be removed is in use", detail));
    }
    Ok(())
}
