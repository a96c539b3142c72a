//! Which OSD it is. Numbers are used again; an fsid never is.

use pve_client::shell::commands::CephCommands;
use terraform_plugin::Cx;

use super::{Osd, look, place};
use crate::ceph::shell_node;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Which OSD it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub id: u32,
    /// Its fsid.
    pub fsid: String,
}

/// Nothing is done to an OSD that is another one by now: its volume on this node tells.
pub async fn must_be_ours(cx: &Cx<Pve>, was: &Osd, id: u32, node: &str) -> Result<(), Problem> {
    match look::fsid(cx, node, id).await? {
        Some(found) => must_be_the_one(cx, was, id, &found, node).await,
        None => Err(without_volume(id, node)),
    }
}

/// The same, where the fsid on this node is known. One that was imported when nothing told its fsid is known by its disk.
pub async fn must_be_the_one(cx: &Cx<Pve>, was: &Osd, id: u32, found: &str, node: &str) -> Result<(), Problem> {
    if was.osd_fsid.is_none() && !place::lies_where_it_is_said(cx, was, id).await? {
        return Err(nobody_knows(id));
    }
    compare(was, id, found, &format!("on {node}"))
}

/// The same by Ceph's own records, through any node that works: what its node and its disk cannot tell any more.
pub async fn must_be_ours_to_ceph(cx: &Cx<Pve>, was: &Osd, id: u32) -> Result<(), Problem> {
    if was.osd_fsid.is_none() {
        return Err(nobody_knows(id));
    }
    match by_ceph(cx, id).await? {
        Some(found) => compare(was, id, &found, "by Ceph's records"),
        None => Err(vanished(id)),
    }
}

/// The fsid of the OSD with this number in Ceph's own records, listed or not.
pub async fn by_ceph(cx: &Cx<Pve>, id: u32) -> Result<Option<String>, Problem> {
    let doing = format!("Cannot ask Ceph which OSD osd.{id} is");
    let shell = cx.client.shell(shell_node(cx, &doing).await?);
    CephCommands::new(&cx.client, &shell).osd_fsid(id).await.during(&doing)
}

fn nobody_knows(id: u32) -> Problem {
    let detail = "It was imported when nothing told its fsid, and numbers are used again. Nothing was written. Remove it by hand \
                  (`ceph osd purge`), if it is the one, and take it out of the state (`terraform state rm`).";
    Problem::new(format!("Nobody knows whether osd.{id} is the one in the state"), detail)
}

/// Whether an fsid that was found is the one in the state.
pub fn compare(was: &Osd, id: u32, found: &str, whence: &str) -> Result<(), Problem> {
    match &was.osd_fsid {
        Some(known) if known != found => Err(Problem::new(
            format!("osd.{id} is another OSD now"),
            format!(
                "The one in the state had fsid {known}; {whence} it is {found}. Numbers are used again. Nothing was \
                 written. Take it out of the state (`terraform state rm`), and import the new one if it is to be managed."
            ),
        )),
        _ => Ok(()),
    }
}

/// Its disk cannot tell which OSD it is.
pub fn without_volume(id: u32, node: &str) -> Problem {
    Problem::new(
        format!("osd.{id} has no volume on {node}"),
        "The node knows none of it (`ceph-volume lvm list`): its disk has died or was taken out, or LVM does not see it. \
         Nothing was written. If it is not to come back, destroy the OSD once Ceph sees that it is down, or name another disk: Ceph's \
         own records tell then which one it is, and it is taken out of Ceph without its disk.",
    )
}

pub fn vanished(id: u32) -> Problem {
    Problem::new(format!("osd.{id} is gone"), "Somebody destroyed it meanwhile. Apply again to make it anew.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_fsid_is_another_osd_and_none_to_compare_is_not() {
        let known = Osd { osd_fsid: Some("a".to_owned()), ..Osd::default() };
        assert!(compare(&known, 3, "a", "on n").is_ok() && compare(&Osd::default(), 3, "b", "on n").is_ok());
        let other = compare(&known, 3, "b", "by Ceph's records").unwrap_err();
        assert_eq!(other.doing(), "osd.3 is another OSD now");
    }
}
