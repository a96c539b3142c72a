//! `pveceph purge`.
//!
//! Belief throughout: from the sources of PVE's command line; no purge was ever recorded. That a refusal is no exit status is
//! from there, too.

use super::{Ceph, Output, Time};

impl Ceph {
    /// What stands against taking Ceph away from this node, a line each.
    fn against_purge(&self, node: &str) -> Vec<String> {
        let pools = !self.pools.is_empty();
        let osds = self.osds.values().any(|osd| osd.node == node);
        let mdss = self.mdss.iter().any(|mds| mds.daemon.node == node);
        let mons = self.mons.len() > 1 && self.mons.iter().any(|mon| mon.node == node);
        [
            (pools, "- remove pools, this will !!DESTROY DATA!!".to_owned()),
            (osds, format!("- remove active OSD on {node}")),
            (mdss, format!("- remove active MDS on {node}")),
            (mons, format!("- remove other MONs, {node} is not the last MON")),
        ]
        .into_iter()
        .filter_map(|(there, line)| there.then_some(line))
        .collect()
    }

    /// Takes everything of Ceph but its packages and what is on the disks away from a node, and with the last monitor its
    /// configuration from the cluster.
    pub fn purge(&mut self, node: &str, now: Time) -> Output {
        self.advance(now);
        let mut said = Output { status: 0, stdout: String::new(), stderr: String::new() };
        if self.has_quorum() {
            let against = self.against_purge(node);
            if !against.is_empty() {
                said.stderr = format!("Unable to purge Ceph!\n\nTo continue:\n{}\n", against.join("\n"));
                return said;
            }
        } else {
            said.stderr = "Error gathering ceph info, already purged? Message: rados_connect failed\n".to_owned();
        }
        let foreign = !self.mons.is_empty() && self.mons.iter().all(|mon| mon.node != node);
        self.mons.retain(|mon| mon.node != node);
        self.mgrs.retain(|mgr| mgr.node != node);
        self.mdss.retain(|mds| mds.daemon.node != node);
        if foreign {
            said.stdout = "Foreign MON address in ceph.conf. Keeping config & keyrings\n".to_owned();
        } else {
            said.stdout = "Removing config & keyring files\n".to_owned();
            self.forget(now);
        }
        said
    }

    /// Without its configuration there is no cluster any more: volumes of OSDs stay on their disks, and daemons that nobody has
    /// removed are left on their nodes.
    fn forget(&mut self, now: Time) {
        let mut nothing = Self::absent(self.release.clone(), now);
        std::mem::swap(self, &mut nothing);
        self.nodes = nothing.nodes;
        self.leftovers = nothing.leftovers;
        self.side_volumes = nothing.side_volumes;
        self.leftovers.extend(nothing.osds.iter().filter_map(|(id, osd)| osd.leftover(*id)));
        let lost = nothing.mgrs.into_iter();
        self.mgrs = lost.map(|mgr| super::Mgr { seen: false, settles_at: None, running: false, ..mgr }).collect();
    }
}
