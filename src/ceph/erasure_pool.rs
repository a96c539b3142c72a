//! `pve_ceph_erasure_pool`: an erasure coded pool, with the pool of its metadata.

mod chunks;
mod creation;
mod listed;
mod removal;

use pve_client::api::ceph::crush::ReplicatedShape;
use pve_client::api::ceph::pool::{Erasure, Pool as LivePool, PoolParams};
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Timeouts, Unwritten,
    Updated, require,
};

use super::pool::parts::Part;
use super::pool::{Pool, PoolPlan, bring_part, find_any, own, placing};
use super::topology;
use crate::ground::absence;
use crate::ground::error::Problem;
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;

/// An erasure coded Ceph pool for images: its data is cut into `k` chunks, with `m` more of parity, each on an OSD of its own.
///
/// It takes `(k + m) / k` of the space, where three copies take three times, and survives the loss of any `m` chunks; it is
/// slower, and needs `k + m` failure domains. RBD cannot keep all of an image in such a pool, so PVE makes two: `NAME-data`, and
/// `NAME-metadata`, which keeps copies. A storage on both is a `pve_storage_rbd` with `pool` and `data_pool`.
///
/// What is left out is left alone. Whether the chunks find a place, and what is left when a host dies, is checked before anything
/// is written. How the data is cut up and spread cannot be changed: other values replace both pools, which takes
/// `allow_destroy`, and moving the images first.
///
/// It can only be destroyed after `allow_destroy = true` was applied, and not while there are images. PVE removes the CRUSH
/// rule that it made for the data, and the erasure code profile, along with it.
///
/// One that exists already is not taken over; the error prints the `import` block. One exception: an apply that was killed cannot
/// tell what it has made. One that the journal in Terraform's data folder says this configuration was making, and that is as it
/// is configured, is taken for that, with a warning; what is left of one that was not made completely, and empty, is made anew.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_erasure_pool", area = "Ceph", key(name))]
pub struct ErasurePool {
    /// Name of the two pools without `-data` and `-metadata`.
    #[attr(required, replace, regex = r"^[^:/\s]+$", says = "text without colons, slashes and white space")]
    pub name: String,
    /// Chunks that the data is cut into.
    #[attr(required, replace, range = 2..)]
    pub k: u32,
    /// Chunks of parity: as many may be lost. With a single one, a disk that dies while another is away takes data along.
    #[attr(required, replace, range = 1..)]
    pub m: u32,
    /// What no two chunks may share, as a level of the CRUSH hierarchy: `osd`, `host`, `rack`, ... With `osd` several chunks may
    /// lie on one host.
    ///
    /// Left alone when unset (`host`).
    #[attr(
        keep,
        replace,
        regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$",
        says = "a level of the CRUSH hierarchy, such as `host`"
    )]
    pub failure_domain: Option<String>,
    /// Keeps the data on OSDs of this class only: `hdd`, `ssd`, `nvme`, or one of your own. An OSD must have it already.
    #[attr(optional, replace, regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$", says = "a device class, such as `ssd`")]
    pub device_class: Option<String>,
    /// Chunks of the data that must be there for I/O to go on, at least `k`.
    ///
    /// Left alone when unset (`k + 1`; `k` where there is a single chunk of parity).
    #[attr(keep, range = 1..)]
    pub data_min_size: Option<u32>,
    /// Number of placement groups of the data. The metadata gets 32.
    ///
    /// Left alone when unset (128), and while Ceph's autoscaler is on for the pool.
    #[attr(keep, range = 1..=32768)]
    pub data_pg_num: Option<u32>,
    /// Copies kept of the metadata.
    ///
    /// Left alone when unset (3). A single copy needs `allow_single_copy`.
    #[attr(keep, range = 1..)]
    pub metadata_size: Option<u32>,
    /// Copies of the metadata that must be there for I/O to go on.
    ///
    /// Left alone when unset (2).
    #[attr(keep, range = 1..)]
    pub metadata_min_size: Option<u32>,
    /// Name of the CRUSH rule that places the metadata.
    ///
    /// Left alone when unset (`replicated_rule`: one copy a host).
    #[attr(keep)]
    pub metadata_crush_rule: Option<String>,
    /// Name of the pool of the data: `NAME-data`.
    #[attr(computed)]
    pub data_pool: Option<String>,
    /// Name of the pool of the metadata: `NAME-metadata`.
    #[attr(computed)]
    pub metadata_pool: Option<String>,
    /// Must be true, and applied, before the pools can be destroyed.
    #[attr(local, default = false)]
    pub allow_destroy: bool,
    /// Must be true for `metadata_size = 1`, unless there is a single copy already: one disk dies and every image is gone.
    #[attr(local, default = false)]
    pub allow_single_copy: bool,
    /// False while creation is still settling; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "20m", update = "20m", delete = "20m"))]
    pub timeouts: Timeouts,
}

/// What there is of one: both pools, or what a creation or a removal that was cut off has left.
#[derive(Clone, Debug)]
struct Live {
    data: Option<LivePool>,
    metadata: Option<LivePool>,
    /// What the rule of the data says, if it is one that Ceph made.
    shape: Option<ReplicatedShape>,
}

impl Live {
    fn is_whole(&self) -> bool {
        self.data.is_some() && self.metadata.is_some()
    }

    fn pools(&self) -> impl Iterator<Item = &LivePool> {
        self.data.iter().chain(&self.metadata)
    }
}

impl Resource<Pve> for ErasurePool {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"])]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[
            ("add_storages", "a storage is an object of its own: `pve_storage_rbd`"),
            ("application", "PVE's own, `rbd`: other uses need no second pool"),
            ("size", "`metadata_size`; the data's is `k + m`"),
            (
                "min_size",
                "`metadata_min_size`; PVE takes none for the data at creation, `data_min_size` is set afterwards",
            ),
            ("pg_num", "`data_pg_num`"),
            ("crush_rule", "`metadata_crush_rule`; the data's is made of `failure_domain` and `device_class`"),
            ("pg_autoscale_mode", "PVE would set the same for both pools"),
            ("pg_num_min", "PVE would set the same for both pools"),
            ("target_size", "PVE would set the same for both pools"),
            ("target_size_ratio", "PVE would set the same for both pools"),
            (
                "erasure-coding",
                "`k`, `m`, `failure_domain` and `device_class`; a profile that was made elsewhere is not named",
            ),
        ]
    }

    fn validate(config: &ErasurePoolPlan, say: &mut Say<Self>) {
        let error = placing::more_than_kept(&copies(config), Part::Metadata.names());
        error.into_iter().for_each(|error| say.push(error));
        chunks::validate(config, say);
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        rights::warn(cx, change, say, "/", "Sys.Modify").await;
        if change.is_destroy() {
            return;
        }
        let name = |part: Part| match &change.plan.name {
            Attr::Known(name) => Attr::Known(pool_of(name, part)),
            _ => Attr::Unknown,
        };
        let (data, metadata) = (name(Part::Data), name(Part::Metadata));
        let lacks = |of: fn(&Self) -> &Option<String>| change.prior.as_ref().is_some_and(|prior| of(prior).is_none());
        let lacking =
            [("data_pool", lacks(|prior| &prior.data_pool)), ("metadata_pool", lacks(|prior| &prior.metadata_pool))];
        change.plan.data_pool = data;
        change.plan.metadata_pool = metadata;
        // One without the other is of no use, and cannot be made alone.
        lacking.into_iter().filter(|(_, lacks)| *lacks).for_each(|(attribute, _)| change.replace(attribute));
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &ErasurePoolPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(name) = want.name.text() else { return Ok(()) };
        if prior.is_none() {
            match find(cx, name).await? {
                Some(live) if live.is_whole() => found.exists(named(name).existing()),
                Some(_) => found.exists(creation::in_the_way(cx, name).await?),
                None => creation::nothing_else(cx, name, found).await?,
            }
        }
        chunks::check(cx, name, want, prior, found).await?;
        let (plan, was) = (copies(want), prior.map(kept));
        let names = Part::Metadata.names();
        if let Some(error) = placing::single_copy(&plan, was.as_ref(), names, "every image") {
            found.certain(error);
            return Ok(());
        }
        if let Some(error) = placing::contradiction(&plan, was.as_ref(), names) {
            found.certain(error);
            return Ok(());
        }
        Ok(placing::check(cx, &pool_of(name, Part::Metadata), &plan, was.as_ref(), names, found).await?)
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        creation::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &ErasurePoolKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let found = match find(cx, &key.name).await {
            // Of half of one there is nothing to import.
            Ok(live) => match live.filter(|live| prior.is_some() || live.is_whole()) {
                Some(live) => Self::from_live(&key.name, &live, prior).map(Some),
                None => Ok(None),
            },
            Err(problem) => Err(problem),
        };
        absence::answer(&cx.client, found).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        require(cx, want, Some(prior)).await?;
        Ok(Updated::Done(bring(cx, want).await?))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        removal::remove(cx, was).await
    }
}

impl ErasurePool {
    /// What PVE is to be asked for. The other settings of the call are for the metadata, but for the number of placement groups.
    fn params(&self) -> PoolParams {
        PoolParams {
            size: self.metadata_size,
            min_size: self.metadata_min_size,
            crush_rule: self.metadata_crush_rule.clone(),
            pg_num: self.data_pg_num,
            add_storages: Some(false),
            erasure: Some(Erasure {
                k: self.k,
                m: self.m,
                failure_domain: self.failure_domain.clone(),
                device_class: self.device_class.clone(),
            }),
            ..PoolParams::default()
        }
    }

    /// As it is. `prior`: the state, or what is wanted.
    fn from_live(name: &str, live: &Live, prior: Option<&Self>) -> Result<Self, Problem> {
        let known = prior.cloned().unwrap_or_default();
        let mut model = Self { name: name.to_owned(), data_pool: None, metadata_pool: None, ready: true, ..known };
        if let Some(live) = &live.data {
            let asked = Pool { pg_num: model.data_pg_num, ..Pool::default() };
            let data = Pool::from_live(live, Some(&asked));
            (model.k, model.m) = match live.chunks() {
                Some(told) => told,
                None if model.k.saturating_add(model.m) == live.size => (model.k, model.m),
                None => return Err(chunks::untold(live)),
            };
            model.data_min_size = data.min_size;
            model.data_pg_num = data.pg_num;
            model.data_pool = Some(live.name.clone());
        }
        if let Some(shape) = &live.shape {
            model.failure_domain = Some(shape.failure_domain.clone());
            model.device_class = shape.device_class.clone();
        }
        if let Some(live) = &live.metadata {
            let metadata = Pool::from_live(live, None);
            model.metadata_size = metadata.size;
            model.metadata_min_size = metadata.min_size;
            model.metadata_crush_rule = metadata.crush_rule;
            model.metadata_pool = Some(live.name.clone());
        }
        Ok(model)
    }
}

/// The name of one of its pools.
fn pool_of(name: &str, part: Part) -> String {
    format!("{name}-{}", part.word())
}

/// What is planned for the pool of the metadata.
fn copies(plan: &ErasurePoolPlan) -> PoolPlan {
    PoolPlan {
        size: plan.metadata_size,
        min_size: plan.metadata_min_size,
        crush_rule: plan.metadata_crush_rule.clone(),
        allow_single_copy: plan.allow_single_copy,
        ..PoolPlan::default()
    }
}

/// The pool of the metadata as the model tells it.
fn kept(model: &ErasurePool) -> Pool {
    Pool {
        size: model.metadata_size,
        min_size: model.metadata_min_size,
        crush_rule: model.metadata_crush_rule.clone(),
        ..Pool::default()
    }
}

/// What there is of it; nothing if there is neither of its pools.
async fn find(cx: &Cx<Pve>, name: &str) -> Result<Option<Live>, Problem> {
    let of = async |part: Part, erasure: bool| {
        let live = find_any(cx, &pool_of(name, part)).await?;
        Ok::<_, Problem>(live.filter(|live| (live.kind == "erasure") == erasure))
    };
    let (data, metadata) = (of(Part::Data, true).await?, of(Part::Metadata, false).await?);
    if data.is_none() && metadata.is_none() {
        return Ok(None);
    }
    let shape = match data.as_ref().and_then(|data| data.crush_rule_name.as_deref()) {
        Some(rule) => topology::crush_map(&cx.api).await?.rule(rule).and_then(|rule| rule.erasure_shape()),
        None => None,
    };
    Ok(Some(Live { data, metadata, shape }))
}

/// Has both pools be as is wanted, as far as that can be changed.
async fn bring(cx: &Cx<Pve>, want: &ErasurePool) -> Result<ErasurePool, Problem> {
    let gone = || {
        Problem::new(
            format!("Erasure coded pool \"{}\" is gone", want.name),
            "Somebody removed it, or one of its two pools, meanwhile. Apply again to make it anew.",
        )
    };
    let Some(Live { data: Some(data), metadata: Some(metadata), .. }) = find(cx, &want.name).await? else {
        return Err(gone());
    };
    let data = Pool { min_size: want.data_min_size, pg_num: want.data_pg_num, ..own::untouched(&data) };
    bring_part(cx, &data, Part::Data.attribute()).await?;
    let Pool { size, min_size, crush_rule, .. } = kept(want);
    let metadata = Pool { size, min_size, crush_rule, ..own::untouched(&metadata) };
    bring_part(cx, &metadata, Part::Metadata.attribute()).await?;
    let live = find(cx, &want.name).await?.filter(Live::is_whole).ok_or_else(gone)?;
    ErasurePool::from_live(&want.name, &live, Some(want))
}

fn named(name: &str) -> Named {
    Named {
        kind: "pve_ceph_erasure_pool".to_owned(),
        attribute: "name",
        key: name.to_owned(),
        what: format!("Erasure coded pool \"{name}\""),
    }
}
