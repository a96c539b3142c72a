//! `pve_ceph_pool`: a replicated pool.

mod listed;
pub(super) mod own;
pub(super) mod parts;
pub(super) mod placing;
pub(super) mod removal;

use pve_client::api::ceph::pool::{Pool as Live, PoolParams};
use pve_client::size::Size as Bytes;
use pve_client::{Area, Lock};
use terraform_plugin::{
    Change, Choice, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Path, Read, Resource, Say, Size,
    Timeouts, Unwritten, Updated, require, require_removable,
};

use super::placement::Copies;
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::named::Named;
use crate::ground::pve::{Pve, patience};
use crate::ground::rights;

/// A replicated Ceph pool. It belongs to the cluster, not to a node.
///
/// What is left out is left alone: PVE chooses at creation (3 copies, 2 of them needed for I/O), and nothing is planned
/// for it later. Whether the copies can be placed, and what is left when a host dies, is checked before anything is
/// written; a pool that the cluster can never place is an error of the plan.
///
/// A pool can only be destroyed after `allow_destroy = true` was applied, and not while it holds images.
///
/// A pool that exists already is not taken over; the error prints the `import` block. One exception: an apply that was
/// killed cannot tell what it has made. A pool that the journal in Terraform's data folder says this configuration was
/// making, and that is as it is configured, is taken for that, with a warning.
///
/// `.mgr` is Ceph's own pool, which its manager makes with the default rule, of one copy a host: where there are fewer hosts
/// than copies, its placement groups stay undersized. So this one is taken over as it is and brought to what is configured, and
/// where there is none yet it is waited for. Destroying it gives it back with the size and the rule that it had before; after an
/// import, or where it had that rule already, with `replicated_rule`. It needs no `allow_destroy`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_pool", area = "Ceph", key(name))]
pub struct Pool {
    /// Name.
    #[attr(required, replace, regex = r"^[^:/\s]+$", says = "text without colons, slashes and white space")]
    pub name: String,
    /// Copies kept of every object.
    ///
    /// Left alone when unset (PVE makes pools with 3). A single copy needs `allow_single_copy`. PVE itself sets at most 7; a
    /// pool that keeps more is adopted as it is.
    #[attr(keep, range = 1..)]
    pub size: Option<u32>,
    /// Copies that must be there for I/O to go on.
    ///
    /// Left alone when unset (PVE makes pools with 2).
    #[attr(keep, range = 1..)]
    pub min_size: Option<u32>,
    /// Name of the CRUSH rule that places the copies.
    ///
    /// Left alone when unset (`replicated_rule`: one copy a host).
    #[attr(keep)]
    pub crush_rule: Option<String>,
    /// Number of placement groups.
    ///
    /// Left alone when unset, and while `pg_autoscale_mode` is `on`: Ceph then decides. Ceph splits and merges groups
    /// slowly; what counts is the number asked for.
    #[attr(keep, range = 1..=32768)]
    pub pg_num: Option<u32>,
    /// The least number of placement groups that the autoscaler may choose.
    #[attr(keep, range = 1..=32768)]
    pub pg_num_min: Option<u32>,
    /// Whether Ceph changes the number of placement groups by itself (`on`), only says so (`warn`), or does not care
    /// (`off`).
    #[attr(keep)]
    pub pg_autoscale_mode: Option<AutoscaleMode>,
    /// What the pool is used for: `rbd`, `cephfs` or `rgw`, or what somebody has called it. PVE can set those three, and only
    /// while the pool has none.
    #[attr(keep, length = 1..)]
    pub application: Option<String>,
    /// The size the pool is expected to reach, such as `500G`, for the autoscaler. Unset takes it away.
    #[attr(optional, check = more_than_nothing)]
    pub target_size: Option<Size>,
    /// The share of the cluster's capacity the pool is expected to take, relative to other pools' ratios, for the
    /// autoscaler. Unset takes it away.
    #[attr(optional, check = positive)]
    pub target_size_ratio: Option<f64>,
    /// Must be true, and applied, before the pool can be destroyed.
    #[attr(local, default = false)]
    pub allow_destroy: bool,
    /// Must be true for `size = 1`, unless the pool has a single copy already: one disk dies and its data is gone.
    #[attr(local, default = false)]
    pub allow_single_copy: bool,
    /// False while creation is still settling; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "20m", update = "20m", delete = "20m"))]
    pub timeouts: Timeouts,
}

/// What Ceph's autoscaler does with a pool.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AutoscaleMode {
    /// Changes the number of placement groups.
    On,
    /// Leaves it alone.
    Off,
    /// Leaves it alone and warns when it is off by much.
    Warn,
}

/// Ceph's word for "not set" is 0.
fn more_than_nothing(size: &Size) -> Result<(), String> {
    if size.bytes() > 0 { Ok(()) } else { Err("must be more than nothing: leave it out".to_owned()) }
}

fn positive(ratio: &f64) -> Result<(), String> {
    if *ratio > 0.0 { Ok(()) } else { Err("must be more than 0: leave it out".to_owned()) }
}

/// What PVE can say that a pool is used for.
const APPLICATIONS: [&str; 3] = ["rbd", "cephfs", "rgw"];

/// What PVE makes pools with when nothing is said (`POST /nodes/{node}/ceph/pool`).
pub(super) const USUAL: Copies = Copies { size: 3, min_size: 2 };

impl Resource<Pve> for Pool {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"])]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[
            ("add_storages", "a storage is an object of its own: `pve_storage_rbd`"),
            ("erasure-coding", "such a pool is an object of its own: `pve_ceph_erasure_pool`"),
        ]
    }

    fn validate(config: &PoolPlan, say: &mut Say<Self>) {
        placing::more_than_kept(config, |own| own).into_iter().for_each(|error| say.push(error));
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        rights::warn(cx, change, say, "/", "Sys.Modify").await;
        if change.is_destroy() {
            return;
        }
        if let (Some(prior), Some(wanted)) = (&change.prior, change.plan.application.text())
            && !change.changed(|p| &p.name)
            && let Some(is) = prior.application.as_deref().filter(|is| *is != wanted)
        {
            say.error(
                "application",
                format!("Pool \"{}\" is used for {is}", prior.name),
                format!(
                    "PVE can say what a pool is used for only while it is used for nothing. Leave `application` out, or, if you are \
                     sure, disable \"{is}\" first (`ceph osd pool application disable` on a node)."
                ),
            );
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &PoolPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(name) = want.name.text() else { return Ok(()) };
        let live = if prior.is_none() { find(cx, name).await? } else { None };
        let taken_over = live.as_ref().filter(|_| name == own::NAME).map(|live| Self::from_live(live, None));
        if live.is_some() && taken_over.is_none() {
            found.exists(named(name).existing());
        }
        let prior = prior.or(taken_over.as_ref());
        let was = prior.and_then(|prior| prior.application.as_deref());
        if let Some(wanted) =
            want.application.text().filter(|wanted| !APPLICATIONS.contains(wanted) && was != Some(*wanted))
        {
            let detail = format!("There are: {}. Nothing was written.", APPLICATIONS.join(", "));
            found.certain(Error::new(format!("PVE knows no use \"{wanted}\" of a pool"), detail).at("application"));
        }
        let loses = "data of every virtual machine in the pool";
        if let Some(error) = placing::single_copy(want, prior, |own| own, loses) {
            found.certain(error);
            return Ok(());
        }
        if let Some(error) = placing::contradiction(want, prior, |own| own) {
            found.certain(error);
            return Ok(());
        }
        Ok(placing::check(cx, name, want, prior, |own| own, found).await?)
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        if was.name == own::NAME {
            return Ok(());
        }
        if !was.allow_destroy {
            let (summary, detail) = removal::not_allowed(&was.name);
            found.certain(Error::new(summary, detail).at("allow_destroy"));
            return Ok(());
        }
        removal::removable(cx, &was.name, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        if want.name == own::NAME {
            return own::take_over(cx, want, unwritten).await;
        }
        let before = unwritten.check(Before::look(cx, "cephcreatepool", &want.name).await)?;
        if unwritten.check(left_behind(cx, want, &before).await)? {
            return Ok(unwritten.take_over(want.clone()).settle(async |_| bring_to(cx, want).await).await);
        }
        unwritten.check(require(cx, want, None).await)?;
        let doing = format!("Cannot create pool \"{}\"", want.name);
        let params = want.params();
        let request = async { cx.client.ceph().create_pool(&want.name, &params).await.during(&doing) };
        let (sent, written) = unwritten.send(want.clone(), request).await?;
        let mut task = match before.settle(cx, sent, Lock::CephPool, AREAS).await {
            Ok(Ok(task)) => task,
            Ok(Err(problem)) => return written.undo(problem, must_be_absent(cx, &want.name)).await,
            Err(problem) => return Ok(written.leave(problem)),
        };
        match task.wait(&patience(cx), |_| {}).await.during(&doing) {
            Ok(()) => Ok(written.settle(async |_| bring_to(cx, want).await).await),
            // PVE makes the pool first and sets its values one by one: what it could not set leaves a pool behind.
            Err(problem) if problem.is_failed_task() => written.undo(problem, removal::remove(cx, &want.name)).await,
            Err(problem) => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &PoolKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        absence::answer(
            &cx.client,
            find(cx, &key.name).await.map(|live| live.map(|live| Self::from_live(&live, prior))),
        )
        .await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        require(cx, want, Some(prior)).await?;
        Ok(Updated::Done(bring_to(cx, want).await?))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        if was.name == own::NAME {
            own::give_back(cx).await?;
            return Ok(Deleted::Gone);
        }
        require_removable(cx, was).await?;
        if find(cx, &was.name).await?.is_some() {
            removal::destroy(cx, &was.name).await?;
        }
        Ok(Deleted::Gone)
    }
}

impl Pool {
    /// What PVE is to be asked for at creation.
    fn params(&self) -> PoolParams {
        PoolParams {
            size: self.size,
            min_size: self.min_size,
            pg_num: self.pg_num,
            pg_num_min: self.pg_num_min,
            pg_autoscale_mode: self.pg_autoscale_mode.map(|mode| mode.to_string()),
            crush_rule: self.crush_rule.clone(),
            application: self.application.clone(),
            target_size: self.target_size.as_ref().map(|size| Bytes::from_bytes(size.bytes())),
            target_size_ratio: self.target_size_ratio,
            ..PoolParams::default()
        }
    }

    /// The pool as it is. While the autoscaler is on, the number of placement groups is its business, and what was
    /// asked for stays in the state.
    pub fn from_live(live: &Live, asked: Option<&Self>) -> Self {
        let mode: Option<AutoscaleMode> = live.pg_autoscale_mode.as_deref().and_then(|mode| mode.parse().ok());
        // Without the manager nothing tells the number that was asked for, only how far it has come.
        let untold = mode == Some(AutoscaleMode::On) || live.autoscale_status.is_none();
        let asked_pg_num = asked.and_then(|a| a.pg_num).filter(|_| untold);
        let asked_application = asked.and_then(|a| a.application.as_deref());
        let application = live.applications().find(|a| Some(*a) == asked_application).or(live.applications().next());
        Self {
            name: live.name.clone(),
            size: Some(live.size),
            min_size: Some(live.min_size),
            crush_rule: live.crush_rule_name.clone(),
            pg_num: Some(asked_pg_num.unwrap_or_else(|| live.pg_num_target())),
            pg_num_min: live.pg_num_min,
            pg_autoscale_mode: mode,
            application: application.map(str::to_owned),
            target_size: live.target_size.filter(|bytes| *bytes > 0).map(Size::from_bytes),
            target_size_ratio: live.target_size_ratio.filter(|ratio| *ratio > 0.0),
            ready: true,
            ..Self::default()
        }
    }

    /// What has to be set so that `live` becomes what is wanted. Size goes alone and first: PVE compares all values with
    /// those before the call, and Ceph moves min_size when size is set.
    fn difference(&self, live: &Live) -> PoolParams {
        let is = Self::from_live(live, Some(self));
        if self.size.is_some() && self.size != is.size {
            return PoolParams { size: self.size, ..PoolParams::default() };
        }
        let on = self.pg_autoscale_mode.or(is.pg_autoscale_mode) == Some(AutoscaleMode::On);
        let bytes = |size: &Option<Size>| size.as_ref().map(Size::bytes);
        PoolParams {
            min_size: differing(self.min_size, is.min_size),
            pg_num: if on { None } else { differing(self.pg_num, Some(live.pg_num_target())) },
            pg_num_min: differing(self.pg_num_min, is.pg_num_min),
            pg_autoscale_mode: differing(self.pg_autoscale_mode, is.pg_autoscale_mode).map(|m| m.to_string()),
            crush_rule: differing(self.crush_rule.clone(), is.crush_rule),
            application: differing(self.application.clone(), is.application),
            target_size: (bytes(&self.target_size) != bytes(&is.target_size))
                .then(|| Bytes::from_bytes(bytes(&self.target_size).unwrap_or(0))),
            target_size_ratio: (self.target_size_ratio != is.target_size_ratio)
                .then(|| self.target_size_ratio.unwrap_or(0.0)),
            ..PoolParams::default()
        }
    }
}

/// The areas of PVE that a pool's tasks change.
pub(super) const AREAS: &[Area] = &[Area::CephPools, Area::CephStatus, Area::Crush];

/// What is wanted, if it is set and not what is there.
fn differing<T: PartialEq>(want: Option<T>, is: Option<T>) -> Option<T> {
    if want == is { None } else { want }
}

/// The replicated pool of that name.
async fn find(cx: &Cx<Pve>, name: &str) -> Result<Option<Live>, Problem> {
    match find_any(cx, name).await? {
        Some(live) if live.kind == "erasure" => Err(Problem::new(
            format!("Pool \"{name}\" is erasure coded"),
            "`pve_ceph_pool` manages replicated pools only; `pve_ceph_erasure_pool` such as PVE makes, each with the pool of its \
             metadata. Nothing was written.",
        )),
        live => Ok(live),
    }
}

/// The pool of that name, erasure coded or not.
pub(super) async fn find_any(cx: &Cx<Pve>, name: &str) -> Result<Option<Live>, Problem> {
    let live = cx.client.ceph().pool(name).await.during(format!("Cannot read pool \"{name}\""))?;
    match live {
        Some(live) if live.autoscale_status.is_none() => Ok(Some(completed(cx, live).await?)),
        live => Ok(live),
    }
}

/// Without Ceph's manager, or its autoscaler, the list of pools lacks what the autoscaler is told. Absent is not unset: the
/// pool's own status has it.
async fn completed(cx: &Cx<Pve>, live: Live) -> Result<Live, Problem> {
    let doing = format!("Cannot read pool \"{}\"", live.name);
    let status = cx.client.ceph().pool_status(&live.name).await.during(doing)?;
    let (pg_num_min, target_size) = (status.pg_num_min, status.target_size);
    Ok(Live { pg_num_min, target_size, target_size_ratio: status.target_size_ratio, ..live })
}

fn named(name: &str) -> Named {
    Named {
        kind: "pve_ceph_pool".to_owned(),
        attribute: "name",
        key: name.to_owned(),
        what: format!("Pool \"{name}\""),
    }
}

/// PVE would change an existing pool and call it a success.
async fn must_be_absent(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    named(name).must_be_absent(find(cx, name).await?)
}

pub(super) fn made_twice(name: &str) -> Problem {
    Problem::new(
        format!("Pool \"{name}\" is made by another resource already"),
        "Two resources of this configuration name the same pool; nothing was written for this one. Remove one of them.",
    )
    .at("name")
}

/// Whether the pool is there because a run of ours was cut off while making it; an error if it is there otherwise.
async fn left_behind(cx: &Cx<Pve>, want: &Pool, before: &Before) -> Result<bool, Problem> {
    // PVE would take the second request for a change of what the first one makes.
    if before.begun_here() {
        return Err(made_twice(&want.name));
    }
    // First: it may be in the making still.
    let former = before.of_former_run(cx, &want.name, Lock::CephPool, AREAS).await?;
    let (live, named) = (find(cx, &want.name).await?, named(&want.name));
    match (live, former) {
        (Some(live), Some(upid)) if want.difference(&live).is_empty() => {
            evidence::tell_taken_over(cx, &named.what, &upid);
            Ok(true)
        }
        (Some(_), _) => Err(named.existing().noting(before.maker())),
        (None, _) => Ok(false),
    }
}

/// Sets what differs from what is wanted, until nothing does.
async fn bring_to(cx: &Cx<Pve>, want: &Pool) -> Result<Pool, Problem> {
    bring_part(cx, want, attribute).await
}

/// The same for a pool that is part of another model, which calls the attributes otherwise.
pub(super) async fn bring_part(
    cx: &Cx<Pve>,
    want: &Pool,
    attribute: fn(&str) -> Option<Path>,
) -> Result<Pool, Problem> {
    let doing = format!("Cannot change pool \"{}\"", want.name);
    // Size, then the rest, then what Ceph moved meanwhile.
    for _ in 0..4 {
        let live = find_any(cx, &want.name).await?.ok_or_else(|| vanished(&want.name))?;
        let params = want.difference(&live);
        if params.is_empty() {
            return Ok(Pool::from_live(&live, Some(want)));
        }
        let task = cx.client.ceph().update_pool(&want.name, &params).await.during(&doing);
        let mut task = task.map_err(|problem| problem.with_attributes(attribute))?;
        task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    }
    let live = find_any(cx, &want.name).await?.ok_or_else(|| vanished(&want.name))?;
    Err(Problem::new(
        doing,
        format!(
            "PVE's tasks succeeded, yet Ceph does not show the values asked for: {:?}. Apply again.",
            want.difference(&live)
        ),
    ))
}

pub(super) fn vanished(name: &str) -> Problem {
    Problem::new(format!("Pool \"{name}\" is gone"), "Somebody removed it meanwhile. Apply again to make it anew.")
}

/// The pool's attributes are named as PVE's parameters are.
fn attribute(parameter: &str) -> Option<Path> {
    Some(Path::attr(parameter))
}
