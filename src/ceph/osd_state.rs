//! `pve_osd_state`: an OSD is taken in or out, or looked through for faults.

use terraform_plugin::{Action, Choice, Cx, Error, Model, Need, Progress, Say};

use super::osd::look;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What is done.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OsdOperation {
    /// It is given data.
    In,
    /// Its data are moved away.
    Out,
    /// Its placement groups are compared with their other copies.
    Scrub,
    /// The same, with everything read.
    DeepScrub,
}

/// Takes an OSD in or out, or has what is on it looked through for faults.
///
/// `out` has Ceph move all data of the OSD elsewhere, `in` has it move data there; the daemon runs on all the while. The action
/// ends when Ceph has taken note: moving and scrubbing go on by themselves, and the data source `pve_ceph_status` shows how far
/// they are. What is so already is left alone.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "osd_state", area = "Ceph")]
pub struct OsdState {
    /// The OSD's number.
    #[attr(required)]
    pub osd_id: u32,
    /// `in` (it is given data), `out` (its data are moved away), `scrub` (its placement groups are compared with their other
    /// copies) or `deep_scrub` (the same, and every byte is read).
    #[attr(required)]
    pub operation: OsdOperation,
}

impl Action<Pve> for OsdState {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit", "Datastore.Audit"]), Need::to_apply("/", &["Sys.Modify"])]
    }

    async fn plan(cx: &Cx<Pve>, config: &OsdStatePlan, say: &mut Say<Self>) {
        let (Some(id), Some(OsdOperation::Out)) = (config.osd_id.get(), config.operation.get()) else { return };
        // What cannot be seen now may be made by this plan.
        let Ok(Some(live)) = look::osd(cx, id).await else { return };
        if live.in_ {
            let detail = format!("osd.{id} has {} placement groups. All of them are moved to other OSDs.", live.pgs);
            say.warning("operation", "Ceph will move the data of an OSD elsewhere", detail);
        }
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let id = config.osd_id;
        let tree = cx.client.ceph().osds().await.during("Cannot list the OSDs")?;
        let Some(live) = tree.osd(id) else {
            let known: Vec<String> = tree.osds.iter().map(|osd| osd.id.to_string()).collect();
            let detail = format!("There are: {}. Nothing was done.", known.join(", "));
            return Err(Error::new(format!("There is no osd.{id}"), detail).at("osd_id"));
        };
        let ceph = cx.client.ceph();
        let doing = |what: &str| format!("Cannot {what} osd.{id}");
        match config.operation {
            OsdOperation::In if live.in_ => progress.say(format!("osd.{id} is in already")),
            OsdOperation::Out if !live.in_ => progress.say(format!("osd.{id} is out already")),
            OsdOperation::In => {
                ceph.osd_in(id).await.during(doing("take in"))?;
                progress.say(format!("osd.{id} is in: Ceph moves data onto it"));
            }
            OsdOperation::Out => {
                ceph.osd_out(id).await.during(doing("take out"))?;
                progress.say(format!(
                    "osd.{id} is out: Ceph moves the data of its {} placement groups elsewhere",
                    live.pgs
                ));
            }
            OsdOperation::Scrub | OsdOperation::DeepScrub if !live.up => return Err(down(id).into()),
            operation => {
                let deep = operation == OsdOperation::DeepScrub;
                ceph.osd_scrub(id, deep).await.during(doing("scrub"))?;
                let how = if deep { "read through" } else { "compared" };
                progress
                    .say(format!("osd.{id}: Ceph has noted that its placement groups are to be {how}, as load allows"));
            }
        }
        Ok(())
    }
}

fn down(id: u32) -> Problem {
    Problem::new(format!("osd.{id} is down"), "What does not run cannot be scrubbed. Nothing was done.").at("osd_id")
}
