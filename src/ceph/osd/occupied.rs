//! An OSD lies on the device already: whose it is decides what is said.

use pve_client::api::disks::Disk;
use terraform_plugin::{Cx, Error, Findings, Resource};

use super::contents::carried;
use super::creation::TASK;
use super::device::kernel_name;
use super::foresight::Replaced;
use super::hindrance::Hindrance;
use super::{Osd, OsdPlan, stray};
use crate::ground::error::Problem;
use crate::ground::evidence::Before;
use crate::ground::pve::Pve;

/// What is wanted, and what was found in its place.
pub struct Occupied<'a> {
    /// The plan.
    pub want: &'a OsdPlan,
    /// Its node.
    pub node: &'a str,
    /// The entry of the node's list that it names.
    pub target: &'a Disk,
    /// All entries.
    pub list: &'a [Disk],
}

impl Occupied<'_> {
    /// Says what speaks against it. `hindrance`: that the OSD exists already.
    pub async fn told(
        self,
        cx: &Cx<Pve>,
        id: u32,
        hindrance: Hindrance,
        found: &mut Findings<Osd>,
    ) -> Result<(), Error> {
        // It makes room, whatever the words for its disk were.
        if cx.ledger.knows::<Replaced>(&id) {
            return Ok(());
        }
        let holders: Vec<_> = cx.held::<Osd>().into_iter().filter(|osd| osd.numbers().contains(&id)).collect();
        // One of this state may be about to register.
        if !holders.iter().any(|holder| self.is_there(holder)) {
            let carrier = carried(self.target, self.list).map_or(self.target, |(entry, _)| entry);
            let asks = !found.is_plan();
            if let Some(stray) = stray::told(cx, self.node, (carrier, id), self.list, asks).await? {
                found.exists(stray);
                return Ok(());
            }
        }
        let place = <Osd as Resource<Pve>>::place(self.want);
        let same = |osd: &Osd| Some(osd.device.on(&osd.node)) == place;
        // In the same words it is the one that is replaced, or a renamed block.
        if !holders.is_empty() && !holders.iter().any(same) {
            found.mendable(self.held_otherwise(id));
        } else if found.is_plan() {
            found.exists(hindrance);
        } else {
            let name = kernel_name(&self.target.devpath);
            let maker = Before::peek(cx, Some(self.node), TASK, name).await?.maker();
            found.exists(Problem::from(hindrance).noting(maker));
        }
        Ok(())
    }

    /// Whether that OSD of the state is said to be here, be it in other words.
    fn is_there(&self, holder: &Osd) -> bool {
        let names = |entry: &Disk| entry.devpath == self.target.devpath;
        holder.node == self.node && holder.device.find(self.list, self.node).is_ok_and(names)
    }

    fn held_otherwise(&self, id: u32) -> Error {
        let what = format!("osd.{id} lies on {} of {}", self.target.devpath, self.node);
        let detail = format!(
            "{what}, and another resource of this state holds it. Two resources cannot have one disk. If it was renamed (or a \
             key of its `for_each`), and its device is named in other words now, say so, and nothing is destroyed:\n\n\
             moved {{\n  from = pve_ceph_osd.OLD\n  to   = pve_ceph_osd.NEW\n}}"
        );
        Error::new("Two resources name one disk", detail).at("device")
    }
}
