//! `pve_pool_member`: a guest or a storage in a resource pool.

use std::sync::Arc;

use pve_client::{Area, Lock, Request};
use serde::Deserialize;
use terraform_plugin::{Change, Cx, Error, Findings, Model, Need, Path, Queried, Say, Seen, Timeouts};

use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;
use crate::section::{Family, OwnRight, Section, ids, listed, lives, said_again, sees_all};

use super::pool::Pool;

/// A guest or a storage that is in a resource pool: whoever has rights on the pool has them on it.
///
/// Each membership is an object of its own; other members are left alone. A storage may be in several pools, a guest in one at
/// most. Destroying it takes the member out of the pool and leaves it as it is otherwise.
///
/// The import id is `POOL/MEMBER`: what stands behind the last `/` is the member, so it is unambiguous for pools in pools, too:
/// `team/web/100` is guest 100 in pool `team/web`. A number is a guest; names of storages begin with a letter.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "pool_member", area = "Access", key(poolid, member), rest = poolid)]
pub struct PoolMember {
    /// The pool, such as `pve_pool.team.poolid`.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$",
        says = "letters, digits, `.`, `_`, `-`; up to three levels separated by `/`"
    )]
    pub poolid: String,
    /// Who is in it: a guest by its number (`pve_vm.web.vmid`) or a storage by its name (`local`).
    #[attr(
        required,
        replace,
        regex = r"^([1-9][0-9]{2,8}|[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9])$",
        says = "the number of a guest, or the name of a storage"
    )]
    pub member: String,
    /// Whether a guest that is in another pool is taken out of that one. Otherwise that is refused.
    #[attr(local)]
    pub allow_move: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// `GET /pools?poolid=POOL`.
#[derive(Deserialize)]
struct Live {
    #[serde(default)]
    members: Vec<Member>,
}

/// What is in a pool: a guest, or a storage.
#[derive(Deserialize)]
struct Member {
    vmid: Option<u32>,
    storage: Option<String>,
}

impl Member {
    fn is(&self, member: &str) -> bool {
        self.storage.as_deref() == Some(member) || self.vmid.is_some_and(|vmid| vmid.to_string() == member)
    }
}

/// `GET /cluster/resources?type=vm`.
#[derive(Deserialize)]
struct Guest {
    vmid: u32,
    pool: Option<String>,
}

/// What it takes to see a storage.
const STORAGE: &[&str] = &["Datastore.Audit", "Datastore.AllocateSpace"];

/// Types of resources that make guests and storages, for plans that make the member as well.
pub(super) const GUESTS: &[&str] = &["vm", "container"];
pub(crate) const STORAGES: &[&str] = &[
    "storage_btrfs",
    "storage_cephfs",
    "storage_cifs",
    "storage_dir",
    "storage_esxi",
    "storage_iscsi",
    "storage_iscsidirect",
    "storage_lvm",
    "storage_lvmthin",
    "storage_nfs",
    "storage_pbs",
    "storage_rbd",
    "storage_zfs",
    "storage_zfspool",
];

/// A membership that is planned to stay as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staying;

impl Planned for Staying {
    /// The pool and the member.
    type Key = (String, String);
}

fn is_guest(member: &str) -> bool {
    member.starts_with(|c: char| c.is_ascii_digit())
}

impl Section for PoolMember {
    const FAMILY: Family = Family { what: "Pool member", ..Family::PLAIN };

    fn needs() -> Vec<Need> {
        vec![
            Need::to_plan("/pool/{poolid}", &["Pool.Audit"]),
            Need::to_apply("/pool/{poolid}", &["Pool.Allocate"]),
            Need::to_apply("/vms/{member}", &["VM.Allocate", "Permissions.Modify"]),
            Need::to_apply("/storage/{member}", &["Datastore.Allocate", "Permissions.Modify"]),
        ]
    }

    fn write(key: &PoolMemberKey) -> Vec<OwnRight> {
        vec![OwnRight { path: format!("/pool/{}", key.poolid), any: &["Pool.Allocate"] }]
    }

    /// PVE shows of a pool's members only those that one may see.
    fn sight(key: &PoolMemberKey) -> Option<OwnRight> {
        Some(match is_guest(&key.member) {
            true => OwnRight { path: format!("/vms/{}", key.member), any: &["VM.Audit"] },
            false => OwnRight { path: format!("/storage/{}", key.member), any: STORAGE },
        })
    }

    async fn find(cx: &Cx<Pve>, key: &PoolMemberKey) -> Result<Option<Self>, Problem> {
        let request = Request::get("pools").param("poolid", &key.poolid);
        let pools: Arc<Vec<Live>> = match cx.client.shared(Area::Access, request).await {
            Ok(pools) => pools,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(Problem::during(format!("Cannot read pool \"{}\"", key.poolid), error)),
        };
        let mut members = pools.iter().flat_map(|pool| &pool.members);
        Ok(members.find(|member| member.is(&key.member)).map(|_| Self {
            poolid: key.poolid.clone(),
            member: key.member.clone(),
            ..Self::default()
        }))
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        let moves = want.allow_move == Some(true) && is_guest(&want.member);
        write(cx, want, |request| if moves { request.flag("allow-move", true) } else { request }, "put", "into")
            .await?;
        Ok(want.clone())
    }

    async fn change(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Self, Problem> {
        said_again(cx, want).await
    }

    async fn end(cx: &Cx<Pve>, was: &Self) -> Result<(), Problem> {
        let answer = write(cx, was, |request| request.flag("delete", true), "take", "out of").await;
        match answer {
            // Of a pool that is gone, or that it is not in: nothing is left to do.
            Err(problem) if problem.pve().is_some_and(|error| error.to_string().contains("is not a pool member")) => {
                Ok(())
            }
            answer => answer,
        }
    }

    /// A pool is planned before those that refer to it: who stays in one that is to go tells of it, if the pool could not.
    async fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        let Some(key) = change.prior_key().filter(|_| !change.is_destroy()) else { return };
        if change.plan.poolid.text() != Some(&key.poolid) || change.plan.member.text() != Some(&key.member) {
            return;
        }
        cx.ledger.note((key.poolid.clone(), key.member.clone()), Staying);
        if cx.going::<Pool>().iter().any(|pool| pool.poolid == key.poolid) {
            say.warning(
                Path::attr("poolid"),
                "A pool that is to go keeps a member",
                format!(
                    "Pool \"{0}\" is to be destroyed, and {1} stays in it by this block: PVE destroys empty pools only, so that will \
                     fail. Name the pool by a reference (`pve_pool.NAME.poolid`), and the member goes along, or take the block out.",
                    key.poolid, key.member
                ),
            );
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &PoolMemberPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if let Some(poolid) = want.poolid.text() {
            let pools = ids(cx, "pools", Area::Access, "poolid").await?;
            let ours = cx.client.access().on(&format!("/pool/{poolid}")).await;
            // Not seen is no proof.
            if !pools.contains(poolid) && ours.is_ok_and(|ours| ours.has("Pool.Audit")) {
                let problem = Problem::new(
                    format!("Pool \"{poolid}\" does not exist"),
                    format!("Nothing was written. There are: {}. `pve_pool` makes more.", listed(&pools)),
                );
                found.missing(cx.comes("pool", poolid), problem.at("poolid"));
            }
        }
        match want.member.text() {
            Some(member) if is_guest(member) => guest(cx, want, member, found).await,
            Some(member) => storage(cx, member, found).await,
            None => Ok(()),
        }
    }
}

/// PVE would take a number that no guest has, and refuses a guest that is in another pool.
async fn guest(
    cx: &Cx<Pve>,
    want: &PoolMemberPlan,
    member: &str,
    found: &mut Findings<PoolMember>,
) -> Result<(), Error> {
    let request = Request::get("cluster/resources").param("type", "vm");
    let guests: Arc<Vec<Guest>> = cx.client.shared(Area::Guests, request).await.during("Cannot list the guests")?;
    let Some(guest) = guests.iter().find(|guest| guest.vmid.to_string() == member) else {
        if cx.client.access().on(&format!("/vms/{member}")).await.is_ok_and(|ours| ours.has("VM.Audit")) {
            let problem = Problem::new(
                format!("There is no guest {member}"),
                "PVE would take the number all the same, and nothing would be in the pool. Nothing was written.",
            );
            found.missing(GUESTS.iter().any(|kind| cx.comes(kind, member)), problem.at("member"));
        }
        return Ok(());
    };
    let Some(other) = guest.pool.as_deref().filter(|other| want.poolid.text().is_some_and(|poolid| poolid != *other))
    else {
        return Ok(());
    };
    if want.allow_move.known() == Some(&true) {
        return Ok(());
    }
    let leaves = cx.going::<PoolMember>().iter().any(|going| going.poolid == other && going.member == member);
    let problem = Problem::new(
        format!("Guest {member} is in pool \"{other}\""),
        "A guest is in one pool at most. Nothing was written. Take it out of that one first, or set `allow_move = true` to have it \
         moved.",
    );
    found.missing(leaves, problem.at("member"));
    Ok(())
}

/// PVE would take any name.
async fn storage(cx: &Cx<Pve>, member: &str, found: &mut Findings<PoolMember>) -> Result<(), Error> {
    let storages = ids(cx, "storage", Area::Storage, "storage").await?;
    if storages.contains(member) {
        return Ok(());
    }
    let ours = cx.client.access().on(&format!("/storage/{member}")).await;
    if ours.is_ok_and(|ours| ours.has_any(&["Datastore.Audit", "Datastore.AllocateSpace"])) {
        let problem = Problem::new(
            format!("Storage \"{member}\" does not exist"),
            format!(
                "PVE would take the name all the same, and nothing would be in the pool. Nothing was written. There are: {}.",
                listed(&storages)
            ),
        );
        found.missing(STORAGES.iter().any(|kind| cx.comes(kind, member)), problem.at("member"));
    }
    Ok(())
}

async fn write(
    cx: &Cx<Pve>,
    of: &PoolMember,
    with: impl FnOnce(Request) -> Request,
    doing: &str,
    where_to: &str,
) -> Result<(), Problem> {
    let (parameter, what) = match is_guest(&of.member) {
        true => ("vms", "guest"),
        false => ("storage", "storage"),
    };
    let request = Request::put("pools").param("poolid", &of.poolid).param(parameter, &of.member);
    let doing = format!("Cannot {doing} {what} {} {where_to} pool \"{}\"", of.member, of.poolid);
    let answer = cx.client.write::<()>(Lock::File("user.cfg"), &[Area::Access, Area::Guests], with(request)).await;
    answer.during(doing).map_err(|problem| {
        problem.with_attributes(|parameter| match parameter {
            "poolid" => Some("poolid".into()),
            "vms" | "storage" => Some("member".into()),
            _ => None,
        })
    })
}

lives!(PoolMember);

impl Queried<Pve> for PoolMember {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        for (path, any) in [
            ("/pool/{poolid}", &["Pool.Audit"] as &[_]),
            ("/vms/{member}", &["VM.Audit"]),
            ("/storage/{member}", STORAGE),
        ] {
            sees_all(cx, path, any, "pve_pool_member").await?;
        }
        let mut all = Vec::new();
        for poolid in ids(cx, "pools", Area::Access, "poolid").await? {
            let request = Request::get("pools").param("poolid", &poolid);
            let pools: Arc<Vec<Live>> =
                cx.client.shared(Area::Access, request).await.during(format!("Cannot read pool \"{poolid}\""))?;
            let members = pools.iter().flat_map(|pool| &pool.members);
            let names = members
                .filter_map(|member| member.vmid.map(|vmid| vmid.to_string()).or_else(|| member.storage.clone()));
            all.extend(names.map(|member| Seen::whole(Self { poolid: poolid.clone(), member, ..Self::default() })));
        }
        Ok(all)
    }
}
