//! `pve_ceph_filesystem`: a file system of Ceph with its two pools.

mod copies;
mod creation;
mod listed;
mod removal;
mod servers;

use pve_client::api::ceph::pool::Pool as LivePool;
use pve_client::api::ceph::services::FileSystem;
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Timeouts, Unwritten,
    Updated, require,
};
use tokio::time::Instant;

use super::pool::parts::Part;
use super::pool::{Pool, placing};
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;

/// A file system of Ceph (CephFS), with its two pools: one for its data and one for its metadata.
///
/// It needs a metadata server that stands by when it is made: name those in `depends_on`. It is complete once one of them
/// serves it. Both pools are made with it and go with it; how many copies they keep, and where, is said here. What is left out is
/// left alone.
///
/// It can only be destroyed after `allow_destroy = true` was applied, not while a storage of this cluster lies on it
/// (`pve_storage_cephfs`), and not while it holds data. Metadata servers are first taken away from it, by Ceph's own command
/// in PVE's terminal, which takes the login of `root@pam`; they stand by then. What has mounted it hangs there: nodes keep
/// the mount of a storage that is gone until `umount -l` or a reboot.
///
/// A file system that exists already is not taken over; the error prints the `import` block. One exception: an apply that was
/// killed cannot tell what it has made. One that the journal in Terraform's data folder says this configuration was making is
/// taken for that, with a warning.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_filesystem", area = "Ceph", key(name))]
pub struct CephFilesystem {
    /// Name.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$",
        says = "letters, digits, `-`, `_` and `.`, and no `-` at the beginning"
    )]
    pub name: String,
    /// Copies kept of the data.
    ///
    /// Left alone when unset (Ceph's usual number, 3). A single copy needs `allow_single_copy`.
    #[attr(keep, range = 1..)]
    pub data_size: Option<u32>,
    /// Copies of the data that must be there for I/O to go on.
    ///
    /// Left alone when unset (2).
    #[attr(keep, range = 1..)]
    pub data_min_size: Option<u32>,
    /// Name of the CRUSH rule that places the data.
    ///
    /// Left alone when unset (`replicated_rule`: one copy a host).
    #[attr(keep)]
    pub data_crush_rule: Option<String>,
    /// Number of placement groups of the data; at creation the metadata gets a quarter of it.
    ///
    /// Left alone when unset (128), and while Ceph's autoscaler is on for the pool.
    #[attr(keep, range = 8..=32768)]
    pub data_pg_num: Option<u32>,
    /// Copies kept of the metadata.
    ///
    /// Left alone when unset (Ceph's usual number, 3). A single copy needs `allow_single_copy`.
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
    /// Name of the pool of its data: `NAME_data`.
    #[attr(computed)]
    pub data_pool: Option<String>,
    /// Name of the pool of its metadata: `NAME_metadata`.
    #[attr(computed)]
    pub metadata_pool: Option<String>,
    /// Must be true, and applied, before the file system can be destroyed.
    #[attr(local, default = false)]
    pub allow_destroy: bool,
    /// Must be true for a size of 1, unless the pool has a single copy already: one disk dies and its data is gone.
    #[attr(local, default = false)]
    pub allow_single_copy: bool,
    /// False until it was served by a metadata server once; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "20m", update = "20m", delete = "20m"))]
    pub timeouts: Timeouts,
}

/// A file system and what its pools are like.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) filesystem: FileSystem,
    pub(super) data: Option<LivePool>,
    pub(super) metadata: Option<LivePool>,
}

impl Resource<Pve> for CephFilesystem {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"])]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[("add-storage", "a storage is an object of its own: `pve_storage_cephfs`"), ("pg_num", "`data_pg_num`")]
    }

    fn validate(config: &CephFilesystemPlan, say: &mut Say<Self>) {
        for part in Part::BOTH {
            let error = placing::more_than_kept(&part.planned(config), part.names());
            error.into_iter().for_each(|error| say.push(error));
        }
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        rights::warn(cx, change, say, "/", "Sys.Modify").await;
        if change.is_create() && !change.is_destroy() {
            let pool = |kind: &str| match &change.plan.name {
                Attr::Known(name) => Attr::Known(format!("{name}_{kind}")),
                _ => Attr::Unknown,
            };
            let (data, metadata) = (pool("data"), pool("metadata"));
            change.plan.data_pool = data;
            change.plan.metadata_pool = metadata;
        }
        if let Some(prior) = change.prior.as_ref().filter(|_| change.is_update())
            && cx.was_removing::<Self>(&prior.name).await
        {
            // It may have been left without a metadata server.
            change.plan.ready = Attr::Unknown;
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &CephFilesystemPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(name) = want.name.text() else { return Ok(()) };
        if prior.is_none() {
            if find(cx, name).await?.is_some() {
                found.exists(named(name).existing());
            } else {
                creation::pools_in_the_way(cx, name).await?.into_iter().for_each(|problem| found.exists(problem));
                servers::check(cx, name, found).await?;
            }
        }
        for part in Part::BOTH {
            part.check(cx, name, want, prior, found).await?;
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        creation::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &CephFilesystemKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let found = find(cx, &key.name).await;
        absence::answer(&cx.client, found.map(|live| live.map(|live| Self::from_live(&live, prior)))).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        require(cx, want, Some(prior)).await?;
        let deadline = Instant::now() + cx.timeout;
        let stays = cx.was_removing::<Self>(&want.name).await;
        if stays && !servers::serving(cx, &want.name).await? {
            servers::let_join(cx, &want.name).await?;
        }
        if prior.ready && !stays {
            return Ok(Updated::Done(copies::bring(cx, want).await?));
        }
        Ok(match creation::settled(cx, want, deadline).await {
            Ok(made) => Updated::Done(made),
            Err(problem) => Updated::unfinished(want.clone(), problem),
        })
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        removal::remove(cx, was).await
    }
}

impl CephFilesystem {
    /// As it is. `prior`: the state, or what is wanted.
    pub(super) fn from_live(live: &Live, prior: Option<&Self>) -> Self {
        let known = prior.cloned().unwrap_or_default();
        let asked = Pool { pg_num: known.data_pg_num, ..Pool::default() };
        let data = live.data.as_ref().map(|pool| Pool::from_live(pool, Some(&asked))).unwrap_or_default();
        let metadata = live.metadata.as_ref().map(|pool| Pool::from_live(pool, None)).unwrap_or_default();
        Self {
            name: live.filesystem.name.clone(),
            data_size: data.size,
            data_min_size: data.min_size,
            data_crush_rule: data.crush_rule,
            data_pg_num: data.pg_num,
            metadata_size: metadata.size,
            metadata_min_size: metadata.min_size,
            metadata_crush_rule: metadata.crush_rule,
            data_pool: live.filesystem.data_pool.clone(),
            metadata_pool: live.filesystem.metadata_pool.clone(),
            ready: prior.is_none_or(|prior| prior.ready),
            ..known
        }
    }
}

/// The file system of that name, with its pools.
async fn find(cx: &Cx<Pve>, name: &str) -> Result<Option<Live>, Problem> {
    let doing = format!("Cannot read file system \"{name}\"");
    let all = cx.client.ceph().filesystems().await.during(&doing)?;
    let Some(filesystem) = all.iter().find(|filesystem| filesystem.name == name) else { return Ok(None) };
    whole(cx, filesystem).await.map(Some)
}

async fn whole(cx: &Cx<Pve>, filesystem: &FileSystem) -> Result<Live, Problem> {
    let pools = cx.client.ceph().pools().await.during("Cannot list the pools of Ceph")?;
    let pool = |name: &Option<String>| pools.iter().find(|pool| Some(&pool.name) == name.as_ref()).cloned();
    Ok(Live {
        data: pool(&filesystem.data_pool),
        metadata: pool(&filesystem.metadata_pool),
        filesystem: filesystem.clone(),
    })
}

fn named(name: &str) -> Named {
    Named {
        kind: "pve_ceph_filesystem".to_owned(),
        attribute: "name",
        key: name.to_owned(),
        what: format!("File system \"{name}\""),
    }
}
