//! `pve_ceph_osd`: an OSD on a disk or partition.

mod creation;
mod device;
mod leftover;
mod look;
mod removal;

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::ceph::osd::Osd as Live;
use pve_client::api::nodes::TaskFilter;
use pve_client::shell::commands::CephCommands;
use pve_client::{Lock, Patience, Upid};
use terraform_plugin::{
    Change, Created, Cx, Deleted, Diagnostic, Error, Failed, Model, Read, Resource, Say, Timeouts, Unwritten, Updated,
};
use tokio::time::Instant;

use super::placement::Member;
use crate::absence;
use crate::error::{During, Problem};
use crate::pve::Pve;
use creation::{Creation, Start, identify, made_by, remember};
use device::{Device, DevicePlan, kernel_name};

/// A Ceph OSD: a disk or partition of a node that holds a share of the cluster's data.
///
/// `node` and `device` say where it is made and are never compared later. What is on the device decides: a free one is
/// used, one with contents only if `wipe_if` names them, and one that is mounted, held or an OSD already never is.
///
/// Destroying takes the OSD out, waits until Ceph says that nothing is lost with it (hours, if there is much to move), and
/// leaves the device free. OSDs are destroyed one after the other.
///
/// An OSD that exists already on the device is not taken over; the error prints the `import` block. One exception: an apply
/// that was killed cannot tell what it has made. An OSD that a task of the same user made there within the last two hours,
/// and that is as it is configured, is taken for that, with a warning.
///
/// PVE reserves making, destroying and erasing to `root@pam` logged in with its password; no token is enough.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_osd", area = "Ceph", key(osd_id))]
pub struct Osd {
    /// The node that has the device.
    #[attr(required, local)]
    pub node: String,
    /// The disk or partition, named by exactly one of `path`, `by_id` and `serial`.
    #[attr(required, local)]
    pub device: Device,
    /// Its device class, which CRUSH rules can ask for. Left alone when unset (Ceph finds out: `hdd`, `ssd` or `nvme`).
    #[attr(keep, regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$", says = "a device class, such as `ssd`")]
    pub crush_device_class: Option<String>,
    /// Whether it is encrypted with dm-crypt. Left alone when unset (PVE: false).
    #[attr(keep, replace)]
    pub encrypted: Option<bool>,
    /// What may be erased from the device, in PVE's words as `pve_node_disks` shows them: `["ext4"]`. A disk with
    /// partitions is judged by each of them.
    #[attr(local, each = erasable)]
    pub wipe_if: Option<BTreeSet<String>>,
    /// Destroys the OSD without waiting until Ceph has moved its data elsewhere. Must be applied before.
    #[attr(local, default = false)]
    pub force: bool,
    /// Its number. Ceph uses numbers again.
    #[attr(computed)]
    pub osd_id: Option<u32>,
    /// Its fsid, which is never used again. Compared before anything is done to the OSD.
    #[attr(computed)]
    pub osd_fsid: Option<String>,
    /// False until it has been up and in once; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "30m", update = "30m", delete = "24h"))]
    pub timeouts: Timeouts,
}

/// Which OSD it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub id: u32,
    /// Its fsid.
    pub fsid: String,
}

fn erasable(word: &String) -> Result<(), String> {
    if word == "mounted" { Err("cannot be `mounted`: what is mounted is never erased".to_owned()) } else { Ok(()) }
}

impl Resource<Pve> for Osd {
    fn place(plan: &OsdPlan) -> Option<String> {
        let device = plan.device.known()?.settled().filter(|device| *device != Device::default())?;
        Some(device.on(plan.node.text()?))
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        let reclassed = change.is_update() && change.changed(|p| &p.crush_device_class);
        if (change.is_create() || change.is_destroy() || reclassed) && !cx.client.has_root() {
            say.warning(
                "node",
                "OSDs need the login of root@pam",
                "PVE lets nobody else make or destroy one, and no token is enough. Set `username = \"root@pam\"` and \
                 `password` on the provider (PVE_USERNAME, PVE_PASSWORD) before the apply.",
            );
        }
        if change.is_create()
            && let Some(node) = change.plan.node.text()
            && let Some(device) = change.plan.device.known().and_then(DevicePlan::settled)
        {
            let member = Member {
                osd: None,
                host: node.to_owned(),
                device_class: change.plan.crush_device_class.text().map(str::to_owned),
                above: BTreeMap::from([("root".to_owned(), "default".to_owned())]),
            };
            cx.ledger.note(device.on(node), member);
        }
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let deadline = Instant::now() + cx.timeout;
        let creation = match unwritten.check(Creation::prepare(cx, want).await)? {
            Start::Make(creation) => creation,
            Start::Made(found) => {
                cx.ledger.forget::<Member>(&want.device.on(&want.node));
                let written = unwritten.take_over(want.identified(&found));
                return Ok(written.settle(async |_| settled(cx, want, &found, deadline).await).await);
            }
        };
        let (sent, written) = unwritten.send(want.clone(), creation.begin(cx, deadline)).await?;
        let mut task = match creation.settle(cx, sent).await {
            Ok(Ok(task)) => task,
            Ok(Err(problem)) => {
                return written.undo(problem, creation.must_have_made_nothing(cx)).await;
            }
            Err(problem) => return Ok(written.leave(problem)),
        };
        remember(cx, task.upid());
        match creation.finish(cx, &mut task, deadline).await {
            Ok(found) => {
                cx.ledger.forget::<Member>(&want.device.on(&want.node));
                // The disks of the node are free for the next creation while this OSD starts.
                drop((task, creation));
                Ok(written
                    .settle(async |notes| {
                        notes.note(want.identified(&found));
                        settled(cx, want, &found, deadline).await
                    })
                    .await)
            }
            Err(problem) if problem.is_failed_task() => {
                written.undo(problem, creation.take_back(cx, task.upid())).await
            }
            Err(problem) => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &OsdKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        absence::answer(&cx.client, find(cx, key.osd_id, prior).await).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let deadline = Instant::now() + cx.timeout;
        let found = match identity(prior) {
            Some(found) => found,
            None => resume(cx, prior, want, deadline).await?,
        };
        let mut model = want.identified(&found);
        let live = look::osd(cx, found.id).await?.ok_or_else(|| vanished(found.id))?;
        if differs(want.crush_device_class.as_deref(), &live) {
            let node = live.host.clone().unwrap_or_else(|| want.node.clone());
            must_be_ours(cx, &model, found.id, &node).await?;
            reclass(cx, want, found.id).await?;
        }
        if !prior.ready {
            match started(cx, found.id, deadline).await {
                Ok(live) => model = model.with_live(&live),
                Err(problem) => return Ok(Updated::unfinished(model, problem)),
            }
        }
        let live = look::osd(cx, found.id).await?.ok_or_else(|| vanished(found.id))?;
        Ok(Updated::Done(model.with_live(&live)))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        if let Some(id) = was.osd_id {
            removal::remove(cx, was, id).await?;
        } else if let Some(found) = unidentified(cx, was).await? {
            removal::remove(cx, &was.identified(&found), found.id).await?;
        }
        Ok(Deleted::Gone)
    }
}

impl Osd {
    fn identified(&self, found: &Identity) -> Self {
        Self { osd_id: Some(found.id), osd_fsid: Some(found.fsid.clone()), ..self.clone() }
    }

    /// With what Ceph says of it. Up, in and weight change by themselves and are not kept.
    fn with_live(&self, live: &Live) -> Self {
        Self {
            crush_device_class: live.device_class.clone(),
            encrypted: Some(self.encrypted.unwrap_or(false)),
            ready: self.ready || (live.up && live.in_ && self.osd_fsid.is_some()),
            ..self.clone()
        }
    }
}

fn identity(osd: &Osd) -> Option<Identity> {
    Some(Identity { id: osd.osd_id?, fsid: osd.osd_fsid.clone()? })
}

fn vanished(id: u32) -> Problem {
    Problem::new(format!("osd.{id} is gone"), "Somebody destroyed it meanwhile. Apply again to make it anew.")
}

/// Until `deadline`, or Ctrl-C.
fn patience_until(cx: &Cx<Pve>, deadline: Instant) -> Patience {
    let left = deadline.saturating_duration_since(Instant::now());
    Patience { timeout: Some(left), stop: cx.stop.token(), ..Patience::default() }
}

/// The OSD as it is. One list tells it for all OSDs; what that does not tell is asked for once, at the import or when an
/// unfinished creation left it open.
async fn find(cx: &Cx<Pve>, id: u32, prior: Option<&Osd>) -> Result<Option<Osd>, Problem> {
    let Some(live) = look::osd(cx, id).await? else { return Ok(None) };
    if !live.up {
        look::tell_if_node_is_dead(cx, &live, prior.map(|prior| prior.node.as_str())).await;
    }
    let Some(prior) = prior else { return imported(cx, &live).await.map(Some) };
    let mut osd = prior.with_live(&live);
    if osd.osd_fsid.is_none() {
        osd.osd_fsid = look::fsid(cx, &prior.node, id).await?;
    }
    Ok(Some(osd.with_live(&live)))
}

async fn imported(cx: &Cx<Pve>, live: &Live) -> Result<Osd, Problem> {
    let id = live.id;
    let node = live.host.clone().ok_or_else(|| {
        let detail = "It hangs below no host in CRUSH, so nothing tells the node that it lies on.";
        Problem::new(format!("Nobody knows where osd.{id} is"), detail)
    })?;
    let fsid = look::fsid(cx, &node, id).await?;
    let list = look::disks(cx, &node).await?;
    let mut on: Vec<_> = list.iter().filter(|disk| disk.osd_ids.contains(&id)).collect();
    on.sort_by_key(|disk| !disk.is_partition());
    let device = on.first().map(|disk| Device::of(disk, &list)).unwrap_or_default();
    let encrypted = on.first().map(|disk| disk.osdencrypted || disk.encrypted);
    let osd = Osd { node, device, encrypted, osd_id: Some(id), osd_fsid: fsid, ready: true, ..Osd::default() };
    Ok(osd.with_live(live))
}

/// Numbers are used again: nothing is done to an OSD that is another one by now.
async fn must_be_ours(cx: &Cx<Pve>, was: &Osd, id: u32, node: &str) -> Result<(), Problem> {
    let found = look::fsid(cx, node, id).await?;
    if was.osd_fsid.is_none() || found == was.osd_fsid {
        return Ok(());
    }
    let (known, found) = (was.osd_fsid.as_deref().unwrap_or("none"), found.as_deref().unwrap_or("none"));
    Err(Problem::new(
        format!("osd.{id} is another OSD now"),
        format!(
            "The one in the state had fsid {known}; on {node} there is {found}. Numbers are used again. Nothing was \
             written. Take it out of the state (`terraform state rm`), and import the new one if it is to be managed."
        ),
    ))
}

/// The OSD that was made, once it is up and in.
async fn settled(cx: &Cx<Pve>, want: &Osd, found: &Identity, deadline: Instant) -> Result<Osd, Problem> {
    let live = started(cx, found.id, deadline).await?;
    Ok(want.identified(found).with_live(&live))
}

/// Waits until the OSD is up and in.
async fn started(cx: &Cx<Pve>, id: u32, deadline: Instant) -> Result<Live, Problem> {
    look::until(cx, deadline, &format!("osd.{id} has not been up and in yet"), async || {
        let live = look::osd(cx, id).await?;
        Ok(match live {
            Some(live) if live.up && live.in_ => Ok(live),
            Some(live) => Err(format!(
                "It is {} and {}.",
                if live.up { "up" } else { "down" },
                if live.in_ { "in" } else { "out" }
            )),
            None => Err("Ceph does not list it.".to_owned()),
        })
    })
    .await
}

/// What became of a creation whose end nobody saw: its task, followed; or the OSD on the device, if such a task has run;
/// or nothing, and it is made now.
async fn resume(cx: &Cx<Pve>, prior: &Osd, want: &Osd, deadline: Instant) -> Result<Identity, Problem> {
    if let Some(found) = unidentified(cx, prior).await? {
        return Ok(found);
    }
    let creation = match Creation::prepare(cx, want).await? {
        Start::Make(creation) => creation,
        Start::Made(found) => return Ok(found),
    };
    let sent = creation.begin(cx, deadline).await;
    let mut task = creation.settle(cx, sent).await??;
    remember(cx, task.upid());
    match creation.finish(cx, &mut task, deadline).await {
        Err(problem) if problem.is_failed_task() => {
            creation.take_back(cx, task.upid()).await?;
            Err(problem)
        }
        finished => finished,
    }
}

/// The OSD that a creation of ours has made without our seeing its number.
async fn unidentified(cx: &Cx<Pve>, was: &Osd) -> Result<Option<Identity>, Problem> {
    let node = &was.node;
    let remembered: Option<Upid> = cx.private.get::<String>("task").and_then(|upid| upid.parse().ok());
    if let Some(upid) = &remembered {
        let doing = format!("Cannot follow the creation of an OSD on {node}");
        let lock = Lock::NodeDisks(node.clone());
        let mut task = cx.client.attach(upid.clone(), lock, creation::AREAS).await.during(&doing)?;
        let ended = task.wait(&patience_until(cx, Instant::now() + cx.timeout), |_| {}).await.during(&doing);
        match ended {
            Err(problem) if !problem.is_failed_task() => tracing::warn!(?problem, "the task tells nothing any more"),
            _ => {}
        }
    }
    let list = look::disks(cx, node).await?;
    let target = was.device.find(&list, node)?;
    if target.osd_ids.is_empty() {
        return Ok(None);
    }
    let filter = TaskFilter { kind: Some(creation::TASK.to_owned()), ..TaskFilter::default() };
    let tasks = cx.client.node(node).tasks(&filter).await.during(format!("Cannot list the tasks of node {node}"))?;
    let name = kernel_name(&target.devpath);
    let Some(task) = tasks.iter().find(|task| task.id == name) else {
        return Err(Problem::new(
            format!("Whose is the OSD on {} of {node}?", target.devpath),
            "The state holds an OSD whose creation was interrupted before its number was known, and no task tells that it was \
             made by us. If it is yours, take the resource out of the state (`terraform state rm`) and import it.",
        ));
    };
    let hint = match task.upid.parse() {
        Ok(upid) => made_by(cx, node, &upid).await,
        Err(_) => None,
    };
    let found = identify(cx, node, &target.devpath, hint).await?;
    cx.warn(Diagnostic::warning(
        format!("osd.{} on {} of {node} is taken for the one that was to be made", found.id, target.devpath),
        format!("Its creation was interrupted before its number was known; task {} made it.", task.upid),
    ));
    Ok(Some(found))
}

fn differs(wanted: Option<&str>, live: &Live) -> bool {
    wanted.is_some() && wanted != live.device_class.as_deref()
}

/// Gives the OSD the class that is wanted. PVE has no call for it.
async fn reclass(cx: &Cx<Pve>, want: &Osd, id: u32) -> Result<(), Problem> {
    let Some(class) = want.crush_device_class.as_deref() else { return Ok(()) };
    let doing = format!("Cannot give osd.{id} the class \"{class}\"");
    let node = super::shell_node(cx, &doing).await?;
    let shell = cx.client.shell(node);
    CephCommands::new(&cx.client, &shell).set_device_class(id, class).await.during(&doing)?;
    // Ceph's commands say that all is well to much that is not.
    match look::osd(cx, id).await? {
        Some(live) if !differs(Some(class), &live) => Ok(()),
        Some(live) => {
            let found = live.device_class.as_deref().unwrap_or("none");
            Err(Problem::new(doing, format!("Ceph's command succeeded, yet its class is {found}. Apply again.")))
        }
        None => Err(vanished(id)),
    }
}
