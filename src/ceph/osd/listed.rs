//! All OSDs, for the data source.

use terraform_plugin::{Cx, Diagnostic, Error, Listed};

use super::removal::is_dead;
use super::{Osd, imported};
use crate::ground::error::During;
use crate::ground::pve::Pve;

impl Listed<Pve> for Osd {
    const PLURAL: &'static str = "ceph_osds";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let tree = cx.client.ceph().osds().await.during("Cannot list the OSDs of Ceph")?;
        let mut all = Vec::new();
        let mut silent = Vec::new();
        for live in &tree.osds {
            match imported(cx, live).await {
                // Several on one device are one object, told once.
                Ok(osd) if osd.numbers().iter().any(|other| *other < live.id) => {}
                Ok(osd) => all.push(osd),
                // Ceph knows it as well as ever; only its node could tell of its disk.
                Err(problem) if is_dead(&problem) => {
                    let node = live.host.clone().unwrap_or_default();
                    all.push(Self::imported(live, node, None, &[]));
                    silent.push(format!("osd.{}", live.id));
                }
                Err(problem) => return Err(problem.into()),
            }
        }
        if !silent.is_empty() {
            cx.warn(Diagnostic::warning(
                "OSDs are told without their disks",
                format!(
                    "{}: the nodes that have them do not answer, so `device` and `osd_fsid` are not known.",
                    silent.join(", ")
                ),
            ));
        }
        Ok(all)
    }

    fn incomplete(&self) -> Option<Error> {
        let number = self.osd_id.filter(|_| self.osd_fsid.is_none())?;
        Some(Error::new(
            format!("osd.{number} is left out"),
            format!(
                "Node {} does not answer, and nobody else could tell which disk it lies on. Ask again when it is back.",
                self.node
            ),
        ))
    }
}
