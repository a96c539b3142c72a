//! `pve_ceph_flags`: the flags of all OSDs.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::{Area, Lock, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Error, Findings, Model, Need, Queried, Seen, Timeouts};

use crate::ground::error::{During, Problem};
use crate::ground::evidence::Before;
use crate::ground::pve::{Pve, patience};
use crate::section::{Builtin, Family, OwnRight, Section, lives};

/// Flags that hold for all OSDs of the cluster, such as `noout` during maintenance.
///
/// There is one set of them, and it is always there: creating this sets what is configured. A flag that is not configured is
/// left alone, so that one which is set by hand for an hour is not planned away. Destroying this unsets the flags that were
/// configured when it was made or that it has set since, and no others; after an import, all that are set.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_flags", area = "Ceph", key(id))]
pub struct CephFlags {
    /// Always `ceph`.
    #[attr(default = "ceph", replace, one_of = ["ceph"])]
    pub id: String,
    /// Nothing is backfilled.
    #[attr(keep, usual = false)]
    pub nobackfill: Option<bool>,
    /// Nothing is scrubbed deeply.
    #[attr(keep, usual = false, api = "nodeep-scrub")]
    pub nodeep_scrub: Option<bool>,
    /// No OSD is marked down because others miss it.
    #[attr(keep, usual = false)]
    pub nodown: Option<bool>,
    /// OSDs that were out stay out when they start.
    #[attr(keep, usual = false)]
    pub noin: Option<bool>,
    /// OSDs that are down stay in: nothing is moved because of a node that only reboots.
    #[attr(keep, usual = false)]
    pub noout: Option<bool>,
    /// Nothing is moved to spread the data better.
    #[attr(keep, usual = false)]
    pub norebalance: Option<bool>,
    /// Nothing is recovered.
    #[attr(keep, usual = false)]
    pub norecover: Option<bool>,
    /// Nothing is scrubbed.
    #[attr(keep, usual = false)]
    pub noscrub: Option<bool>,
    /// Tiers of caches do nothing.
    #[attr(keep, usual = false)]
    pub notieragent: Option<bool>,
    /// OSDs may not start.
    #[attr(keep, usual = false)]
    pub noup: Option<bool>,
    /// Nothing is read and nothing is written: every guest on Ceph hangs.
    #[attr(keep, usual = false)]
    pub pause: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// PVE's names of flags, and whether each is to be set.
type Flags = BTreeMap<&'static str, bool>;

/// Where it is remembered which flags this object has set.
const OURS: &str = "set";

const AREAS: &[Area] = &[Area::CephOsds, Area::CephStatus];

impl CephFlags {
    /// What is said of each; nothing of those that are left alone.
    fn flags(&self) -> Flags {
        let all = [
            ("nobackfill", self.nobackfill),
            ("nodeep-scrub", self.nodeep_scrub),
            ("nodown", self.nodown),
            ("noin", self.noin),
            ("noout", self.noout),
            ("norebalance", self.norebalance),
            ("norecover", self.norecover),
            ("noscrub", self.noscrub),
            ("notieragent", self.notieragent),
            ("noup", self.noup),
            ("pause", self.pause),
        ];
        all.into_iter().filter_map(|(name, on)| Some((name, on?))).collect()
    }
}

/// `GET /cluster/ceph/flags`.
#[derive(Deserialize)]
struct Live {
    name: String,
    #[serde(default, deserialize_with = "pve_client::wire::boolean")]
    value: bool,
}

async fn live(cx: &Cx<Pve>) -> Result<CephFlags, Problem> {
    let request = Request::get("cluster/ceph/flags");
    let list = cx.client.shared::<Vec<Live>>(Area::CephOsds, request).await.during("Cannot read Ceph's flags")?;
    let of = |name: &str| list.iter().find(|flag| flag.name == name).map(|flag| flag.value);
    Ok(CephFlags {
        id: "ceph".to_owned(),
        nobackfill: of("nobackfill"),
        nodeep_scrub: of("nodeep-scrub"),
        nodown: of("nodown"),
        noin: of("noin"),
        noout: of("noout"),
        norebalance: of("norebalance"),
        norecover: of("norecover"),
        noscrub: of("noscrub"),
        notieragent: of("notieragent"),
        noup: of("noup"),
        pause: of("pause"),
        timeouts: Timeouts::default(),
    })
}

/// Sets and unsets what differs, and remembers what is ours to unset one day: also those that a run set which was cut off before
/// it could tell. `configured`: whether `wanted` is what is configured, and not what else is kept.
async fn bring(cx: &Cx<Pve>, wanted: &Flags, configured: bool) -> Result<CephFlags, Problem> {
    const DOING: &str = "Cannot change Ceph's flags";
    let is = live(cx).await?.flags();
    let differing: Flags =
        wanted.iter().filter(|(name, on)| is.get(*name) != Some(on)).map(|(n, on)| (*n, *on)).collect();
    let before = Before::look(cx, "cephsetflags", "").await?;
    if !differing.is_empty() {
        let put = Request::put("cluster/ceph/flags");
        let request = differing.iter().fold(put, |request, (name, on)| request.flag(*name, *on));
        let sent = cx.client.write_task(Lock::CephConfig, AREAS, request).await.during(DOING);
        // A flag that is set already is left as it is: it would do no harm to ask twice, and it is not needed.
        let mut task = before.settle(cx, sent, Lock::CephConfig, AREAS).await??;
        task.wait(&patience(cx), |_| {}).await.during(DOING)?;
    }
    let mut ours: BTreeSet<String> = cx.private.get(OURS).unwrap_or_default();
    for (name, on) in if configured { wanted.clone() } else { differing } {
        match on {
            true => drop(ours.insert(name.to_owned())),
            false => drop(ours.remove(name)),
        }
    }
    cx.private.set(OURS, ours);
    live(cx).await
}

impl Section for CephFlags {
    const FAMILY: Family = Family { what: "Flags of", ..Family::PLAIN };

    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"])]
    }

    fn write(_key: &CephFlagsKey) -> Vec<OwnRight> {
        vec![OwnRight { path: "/".to_owned(), any: &["Sys.Modify"] }]
    }

    fn sight(_key: &CephFlagsKey) -> Option<OwnRight> {
        None
    }

    fn builtin(_key: &CephFlagsKey) -> Builtin {
        Builtin::Resets
    }

    async fn find(cx: &Cx<Pve>, _key: &CephFlagsKey) -> Result<Option<Self>, Problem> {
        live(cx).await.map(Some)
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        bring(cx, &want.flags(), true).await
    }

    async fn change(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Self, Problem> {
        // It is made by being changed, from nothing that is known.
        bring(cx, &want.flags(), *prior == Self::default()).await
    }

    async fn end(cx: &Cx<Pve>, was: &Self) -> Result<(), Problem> {
        let ours: Option<BTreeSet<String>> = cx.private.get(OURS);
        let goes = |name: &str| ours.as_ref().is_none_or(|ours| ours.contains(name));
        let flags = was.flags().into_iter().filter(|(name, on)| *on && goes(name));
        bring(cx, &flags.map(|(name, _)| (name, false)).collect(), false).await.map(drop)
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &CephFlagsPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let _ = cx;
        if want.pause.is(&true) && prior.and_then(|prior| prior.pause) != Some(true) {
            found.notice(Problem::new(
                "Ceph is to be paused",
                "With `pause` nothing is read and nothing is written: every guest whose disks are on Ceph hangs, until it is unset.",
            ));
        }
        Ok(())
    }
}

lives!(CephFlags, plain = false);

impl Queried<Pve> for CephFlags {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        Ok(vec![Seen::whole(live(cx).await?)])
    }
}
