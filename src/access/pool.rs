//! `pve_pool`: a resource pool.

use pve_client::Request;
use serde::Deserialize;
use terraform_plugin::{Cx, Error, Findings, Model, Timeouts};

use crate::ct::container::Container;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Live, Right, Section, Sight, plain};
use crate::storage::rbd::StorageRbd;
use crate::vm::vm::Vm;

use super::USER_CFG;
use super::pool_member::{PoolMember, Staying};

/// A resource pool: guests and storages under one name, for permissions. (For Ceph's pools see `pve_ceph_pool`.)
///
/// Who is in it is told by `pve_pool_member`. A pool with members is not destroyed.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "pool", area = "Access", key(poolid))]
pub struct Pool {
    /// Its id. `a/b` is a pool in pool `a`.
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

/// `GET /pools?poolid=POOL`.
#[derive(Deserialize)]
struct Full {
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

impl Section for Pool {
    const FAMILY: Family = Family {
        what: "Pool",
        path: "pools",
        write: Right { path: "/pool/{poolid}", any: &["Pool.Allocate"] },
        sight: Sight::With(Right { path: "/pool/{poolid}", any: &["Pool.Audit"] }),
        in_parameters: true,
        ..USER_CFG
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("vms", "`pve_pool_member` is a member"),
        ("storage", "`pve_pool_member` is a member"),
        ("allow-move", "`pve_pool_member` takes it for its member"),
    ];

    fn seen(&mut self, _live: &Live) {
        self.comment = self.comment.take().filter(|comment| !comment.trim().is_empty());
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &PoolPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(poolid) = want.poolid.text().filter(|_| prior.is_none()) else { return Ok(()) };
        let Some((parent, _)) = poolid.rsplit_once('/') else { return Ok(()) };
        let key = PoolKey { poolid: parent.to_owned() };
        if Self::find(cx, &key).await?.is_none() {
            let path = format!("/pool/{parent}");
            let ours = cx.client.access().on(&path).await.during("Cannot read our own permissions")?;
            // Not in the list is no proof for whom lists are filtered.
            if ours.has("Pool.Audit") {
                let problem = Problem::new(
                    format!("Pool \"{parent}\" does not exist"),
                    format!("Pool \"{poolid}\" is to be made in it. Nothing was written. Make that one first."),
                );
                found.missing(cx.comes("pool", parent), problem.at("poolid"));
            }
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        let poolid = &was.poolid;
        // It may be there unseen, and its members with it: PVE looks at them.
        if Self::find(cx, &PoolKey { poolid: poolid.clone() }).await?.is_none() {
            return Ok(());
        }
        let request = Request::get("pools").param("poolid", poolid);
        let pools: Vec<Full> = cx.client.call(request).await.during(format!("Cannot read pool \"{poolid}\""))?;
        let members: Vec<Member> = pools.into_iter().flat_map(|pool| pool.members).collect();
        let (vms, storages) = (cx.going::<Vm>(), cx.going::<StorageRbd>());
        let containers = cx.going::<Container>();
        let (going, held) = (cx.going::<PoolMember>(), cx.held::<PoolMember>());
        let is = |of: &PoolMember, name: &str| of.poolid == *poolid && of.member == name;
        // What refers to a pool that is replaced is planned after it, and says itself if it is to stay.
        let ahead = found.is_plan();
        let renamed = cx.replaced::<Self>().iter().any(|pool| pool.poolid == *poolid);
        let undecided = |name: &str| {
            ahead
                && (renamed || held.iter().any(|of| is(of, name)))
                && !cx.ledger.knows::<Staying>(&(poolid.clone(), name.to_owned()))
        };
        let leaves = |name: &str| going.iter().any(|of| is(of, name)) || undecided(name);
        let goes = |member: &Member| {
            let id = member.vmid.map(|vmid| vmid.to_string());
            if id.as_deref().or(member.storage.as_deref()).is_some_and(leaves) {
                return true;
            }
            let vm = vms.iter().any(|vm| vm.vmid == member.vmid) || containers.iter().any(|ct| ct.vmid == member.vmid);
            let vm = member.vmid.is_some() && vm;
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
}

plain!(Pool);
