//! `pve_pool`: a resource pool.

use std::sync::Arc;

use pve_client::{Area, Lock, Request};
use serde::Deserialize;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Timeouts, Unwritten,
    Updated, require, require_removable,
};

use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Sight};
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;
use crate::ground::texts;
use crate::storage::rbd::StorageRbd;
use crate::vm::vm::Vm;

use super::pool_member::PoolMember;

/// A resource pool: guests and storages under one name, for permissions. (For Ceph's pools see `pve_ceph_pool`.)
///
/// Who is in it is told by `pve_pool_member`. A pool with members is not destroyed.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "pool", area = "Access", key(poolid))]
pub struct Pool {
    /// Its id. `a/b` is a pool in pool `a`. PVE cannot rename a pool: a change replaces it.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$",
        says = "letters, digits, `.`, `_`, `-`; up to three levels separated by `/`"
    )]
    pub poolid: String,
    /// A note.
    #[attr(optional, check = texts::not_blank, same = texts::same_but_ends)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// `GET /pools`.
#[derive(Deserialize)]
pub struct Live {
    poolid: String,
    comment: Option<String>,
    /// Only where one pool is asked for.
    #[serde(default)]
    members: Vec<Member>,
}

/// What is in a pool: a guest, or a storage.
#[derive(Deserialize)]
struct Member {
    id: String,
    vmid: Option<u32>,
    storage: Option<String>,
}

/// Who sees a pool in PVE's list.
const SEEN_WITH: &[&str] = &["Pool.Audit"];

impl Resource<Pve> for Pool {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/pool/{poolid}", SEEN_WITH), Need::to_apply("/pool/{poolid}", &["Pool.Allocate"])]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if let Some(poolid) = change.plan.poolid.text().map(str::to_owned) {
            let path = format!("/pool/{poolid}");
            rights::warn(cx, change, say, &path, "Pool.Allocate").await;
            // Without it PVE's lists leave the pool out, so nobody could tell what became of it.
            rights::warn(cx, change, say, &path, "Pool.Audit").await;
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &PoolPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(poolid) = want.poolid.text().filter(|_| prior.is_none()) else { return Ok(()) };
        if find(cx, poolid).await?.is_some() {
            found.exists(named(poolid).existing());
        }
        if let Some((parent, _)) = poolid.rsplit_once('/')
            && find(cx, parent).await?.is_none()
            && is_visible(cx, parent).await?
        {
            let problem = Problem::new(
                format!("Pool \"{parent}\" does not exist"),
                format!("Pool \"{poolid}\" is to be made in it. Nothing was written. Make that one first."),
            );
            found.missing(cx.comes("pool", parent), problem.at("poolid"));
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        let poolid = &was.poolid;
        if find(cx, poolid).await?.is_none() {
            return Ok(());
        }
        let request = Request::get("pools").param("poolid", poolid);
        let pools: Vec<Live> = cx.client.call(request).await.during(format!("Cannot read pool \"{poolid}\""))?;
        let members: Vec<Member> = pools.into_iter().flat_map(|pool| pool.members).collect();
        let (vms, storages) = (cx.going::<Vm>(), cx.going::<StorageRbd>());
        let memberships = cx.going::<PoolMember>();
        let leaves = |name: &str| memberships.iter().any(|of| of.poolid == *poolid && of.member == name);
        let goes = |member: &Member| {
            let id = member.vmid.map(|vmid| vmid.to_string());
            if id.as_deref().or(member.storage.as_deref()).is_some_and(leaves) {
                return true;
            }
            let vm = member.vmid.is_some() && vms.iter().any(|vm| vm.vmid == member.vmid);
            vm || member.storage.as_ref().is_some_and(|id| storages.iter().any(|storage| storage.storage == *id))
        };
        if !members.is_empty() {
            let names: Vec<&str> = members.iter().map(|member| member.id.as_str()).collect();
            let problem = Problem::new(
                format!("Pool \"{poolid}\" has members"),
                format!(
                    "PVE destroys empty pools only. Nothing was written. Take out of it, or destroy: {}.",
                    names.join(", ")
                ),
            );
            found.missing(members.iter().all(goes), problem);
        }
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        if unwritten.check(left_behind(cx, want).await)?.is_some() {
            return Ok(unwritten.take_over(want.clone()).made(want.clone()));
        }
        unwritten.check(require(cx, want, None).await)?;
        let doing = format!("Cannot create pool \"{}\"", want.poolid);
        let request = Request::post("pools").param("poolid", &want.poolid).opt("comment", want.comment.as_ref());
        let request = async { write(cx, request).await.during(&doing) };
        let (answer, written) = unwritten.send(want.clone(), request).await?;
        let path = format!("/pool/{}", want.poolid);
        match evidence::arrived(cx, answer, find(cx, &want.poolid), Sight::With(&path, SEEN_WITH)).await {
            Ok(Ok(live)) => Ok(written.made(live)),
            Ok(Err(problem)) => written.undo(problem, must_be_absent(cx, &want.poolid)).await,
            Err(problem) => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &PoolKey, _prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let path = format!("/pool/{}", key.poolid);
        absence::answer_if_visible(&cx.client, &path, SEEN_WITH, find(cx, &key.poolid).await).await
    }

    async fn update(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        // An empty text takes the comment away.
        let request = Request::put("pools").param("poolid", &want.poolid);
        let request = request.param("comment", want.comment.as_deref().unwrap_or_default());
        write(cx, request).await.during(format!("Cannot change pool \"{}\"", want.poolid))?;
        Ok(Updated::Done(want.clone()))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        // Not in the list is no proof for whom lists are filtered.
        if find(cx, &was.poolid).await?.is_none() && is_visible(cx, &was.poolid).await? {
            return Ok(Deleted::Gone);
        }
        require_removable(cx, was).await?;
        let request = Request::delete("pools").param("poolid", &was.poolid);
        match write(cx, request).await.during(format!("Cannot destroy pool \"{}\"", was.poolid)) {
            Err(problem) if !problem.is_absent() => Err(problem.into()),
            _ => Ok(Deleted::Gone),
        }
    }
}

async fn find(cx: &Cx<Pve>, poolid: &str) -> Result<Option<Pool>, Problem> {
    let pools: Arc<Vec<Live>> =
        cx.client.shared(Area::Access, Request::get("pools")).await.during(format!("Cannot read pool \"{poolid}\""))?;
    Ok(pools.iter().find(|pool| pool.poolid == poolid).map(Pool::from_live))
}

impl Pool {
    /// The pool as it is.
    pub fn from_live(live: &Live) -> Self {
        Self {
            poolid: live.poolid.clone(),
            comment: live.comment.clone().filter(|comment| !comment.trim().is_empty()),
            ..Self::default()
        }
    }
}

/// Whether we would see the pool if it were there.
async fn is_visible(cx: &Cx<Pve>, poolid: &str) -> Result<bool, Problem> {
    let ours = cx.client.access().on(&format!("/pool/{poolid}")).await.during("Cannot read our own permissions")?;
    Ok(ours.has_any(SEEN_WITH))
}

fn named(poolid: &str) -> Named {
    Named {
        kind: "pve_pool".to_owned(),
        attribute: "poolid",
        key: poolid.to_owned(),
        what: format!("Pool \"{poolid}\""),
    }
}

/// The pool, if it is there because a run for this state was cut off while making it; an error if it is there otherwise.
async fn left_behind(cx: &Cx<Pve>, want: &Pool) -> Result<Option<Pool>, Problem> {
    let live = find(cx, &want.poolid).await?;
    named(&want.poolid).left_behind(cx, live, |live| live.comment == want.comment).await
}

async fn must_be_absent(cx: &Cx<Pve>, poolid: &str) -> Result<(), Problem> {
    named(poolid).must_be_absent(find(cx, poolid).await?)
}

async fn write(cx: &Cx<Pve>, request: Request) -> Result<(), pve_client::Error> {
    cx.client.write(Lock::File("user.cfg"), &[Area::Access], request).await
}
