//! `pve_ceph_manager`: a manager of Ceph.

use pve_client::api::ceph::services::Daemon as Sort;
use pve_client::api::nodes::{TaskEntry, TaskFilter};
use terraform_plugin::{Cx, Error, Findings, Model, Timeouts};

use super::{Daemon, Kind, Seen, daemon, task_id};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A manager of Ceph: one is active, the others stand by. Without one there are no figures and no autoscaler, and PVE's lists of
/// OSDs and pools hang.
///
/// It is waited for until it is active or stands by. The one that the first monitor has brought on its node is taken over: PVE's
/// tasks tell that it came so. Any other that exists already is not; the error prints the `import` block.
///
/// The last one that works is not removed as long as there are OSDs.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_manager", area = "Ceph", key(name))]
pub struct CephManager {
    /// The node it is on.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// Its id. Unset: the name of its node.
    #[attr(keep, replace, length = ..=200, regex = "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", says = "letters, digits and hyphens")]
    pub name: Option<String>,
    /// False until it was seen by the monitors once; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "10m", update = "10m", delete = "10m"))]
    pub timeouts: Timeouts,
}

impl Daemon for CephManager {
    const KIND: Kind = Kind {
        sort: Sort::Manager,
        what: "Manager",
        creates: "cephcreatemgr",
        destroys: "cephdestroymgr",
        works: "active or standing by",
    };

    async fn all(cx: &Cx<Pve>) -> Result<Vec<Seen>, Problem> {
        let managers = cx.client.ceph().managers().await.during("Cannot list the managers of Ceph")?;
        let seen = |manager: &pve_client::api::ceph::services::Manager| Seen {
            name: manager.name.clone(),
            host: manager.host.clone(),
            address: None,
            works: matches!(manager.state.as_str(), "active" | "standby"),
            state: manager.state.clone(),
        };
        Ok(managers.iter().map(seen).collect())
    }

    async fn losable(
        cx: &Cx<Pve>,
        seen: &Seen,
        all: &[Seen],
        going: &[String],
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let id = &seen.name;
        let stays = |one: &&Seen| one.works && one.name != *id && !going.contains(&one.name);
        // With one that does not work, nothing is lost.
        if !seen.works || all.iter().any(|one| stays(&one)) {
            return Ok(());
        }
        let osds = cx.client.ceph().status().await.during("Cannot read Ceph's status")?.osdmap.num_osds;
        if osds > 0 {
            found.mendable(Problem::new(
                format!("Manager \"{id}\" is the last one that works"),
                format!(
                    "Of {} managers {} work, and none of them would be left, with {osds} OSDs still there: Ceph would have no figures, \
                     and PVE's lists of OSDs and pools would hang. Nothing was written. Make another one first.",
                    all.len(),
                    all.iter().filter(|one| one.works).count()
                ),
            ));
        }
        Ok(())
    }

    /// The first monitor begins a task for it, which its own task outlives: the one began while the other ran, on the same node.
    async fn came_along(cx: &Cx<Pve>, seen: &Seen) -> Result<bool, Problem> {
        let Some(node) = seen.host.as_deref().filter(|node| *node == seen.name) else { return Ok(false) };
        let tasks = async |kind: &str| -> Result<Vec<TaskEntry>, Problem> {
            let filter = TaskFilter { kind: Some(kind.to_owned()), ..TaskFilter::default() };
            cx.client.node(node).tasks(&filter).await.during(format!("Cannot list the tasks of node {node}"))
        };
        let mut makers = tasks(Self::KIND.creates).await?;
        makers.retain(|task| task.id == task_id::<Self>(&seen.name) && (task.is_success() || task.is_running()));
        let Some(maker) = makers.iter().max_by_key(|task| task.starttime) else { return Ok(false) };
        let monitors = tasks("cephcreatemon").await?;
        Ok(monitors.iter().filter(|task| task.is_success() || task.is_running()).any(|monitor| {
            let ended = monitor.endtime.unwrap_or(i64::MAX);
            (monitor.starttime..=ended).contains(&maker.starttime) && monitor.user == maker.user
        }))
    }
}

daemon!(CephManager, "ceph_managers");
