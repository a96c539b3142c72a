//! `pve_ceph_osd`: an OSD on a disk or partition.

mod contents;
mod creation;
mod dead;
mod device;
mod down;
mod foresight;
mod groups;
mod hindrance;
mod identity;
mod leftover;
mod listed;
pub mod look;
mod occupied;
mod parts;
mod place;
mod purge;
mod removal;
mod resume;
mod settings;
mod settle;
mod side;
mod stray;

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::ceph::osd::Osd as Live;
use pve_client::api::disks::Disk;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Size, Timeouts, Unwritten,
    Updated,
};
use tokio::time::Instant;

use super::wait::patience_until;
use crate::ground::absence;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use creation::{Creation, Start, remember};
use device::{Device, DevicePlan};
use identity::{Identity, vanished};
use settle::settled;
use side::{Role, words};

/// A Ceph OSD: a disk or partition of a node that holds a share of the cluster's data.
///
/// `node` and `device` say on which disk it lies. Other words for the same disk change nothing; another disk means another
/// OSD, and the plan replaces it. What is on the device decides: a free one is used, one with contents only if `wipe_if`
/// names them, and one that is mounted, held or an OSD already never is.
///
/// An OSD can only be destroyed after `allow_destroy = true` was applied, and not while a pool would be left without room for
/// its copies. Destroying takes the OSD out, waits until Ceph says that nothing is lost with it (hours, if there is much to
/// move), and leaves the device free. OSDs are destroyed one after the other. A removal that ended early goes on with the
/// next one; if the resource is still configured, the next apply brings the OSD back, or makes a new one there if it was
/// destroyed already.
///
/// A refresh warns of an OSD that has lost its disk, and plans nothing because of it. Another disk in the configuration replaces it
/// in one apply: what lay on the dead one is lost already, so nothing is waited for, and `allow_destroy` counts as it is configured.
/// Ceph's own records tell which OSD it is. It stays as long as Ceph misses copies that only its disk may hold, unless
/// `force = true` is configured, which counts at once there, too.
/// An OSD whose node is dead is destroyed once `force = true` was applied: Ceph's own command takes it out, through another node.
///
/// An OSD that exists already on the device is not taken over; the error prints the `import` block. One exception: an apply
/// that was killed cannot tell what it has made. An OSD that the journal in Terraform's data folder says this configuration
/// was making there, and that is as it is configured, is taken for that, with a warning.
///
/// PVE reserves making, destroying and erasing to `root@pam` logged in with its password; no token is enough. With the
/// provider's `ssh` and without that login, PVE's own `pvesh` makes these calls on the node.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_osd", area = "Ceph", key(osd_id), requires(db_size, db_device), requires(wal_size, wal_device))]
pub struct Osd {
    /// The node that has the device.
    #[attr(required)]
    pub node: String,
    /// The disk or partition, named by exactly one of `path`, `by_id` and `serial`.
    #[attr(required)]
    pub device: Device,
    /// A disk or partition of its own for its database (`block.db`), named as `device` is, such as a part of an SSD for an OSD on
    /// a hard disk. Several OSDs may name the same one. It holds nothing yet, or databases of other OSDs; nothing is ever erased
    /// for it.
    ///
    /// Left alone when unset: a new OSD has its database on `device`. Another device replaces the OSD.
    #[attr(keep)]
    pub db_device: Option<Device>,
    /// How much of `db_device` it takes.
    ///
    /// Left alone when unset (PVE: what Ceph's option `bluestore_block_db_size` says, or a tenth of `device`). Another size
    /// replaces the OSD.
    #[attr(keep, check = least_database)]
    pub db_size: Option<Size>,
    /// A disk or partition of its own for its log (`block.wal`), as `db_device`, and another one than that: without it the log
    /// lies with the database.
    ///
    /// Left alone when unset. Another device replaces the OSD.
    #[attr(keep)]
    pub wal_device: Option<Device>,
    /// How much of `wal_device` it takes.
    ///
    /// Left alone when unset (PVE: what Ceph's option `bluestore_block_wal_size` says, or a hundredth of `device`). Another size
    /// replaces the OSD.
    #[attr(keep, check = least_log)]
    pub wal_size: Option<Size>,
    /// Its device class, which CRUSH rules can ask for.
    ///
    /// Left alone when unset (Ceph finds out: `hdd`, `ssd` or `nvme`).
    #[attr(keep, regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$", says = "a device class, such as `ssd`")]
    pub crush_device_class: Option<String>,
    /// Whether it is given data.
    ///
    /// Left alone when unset. `false` has Ceph move everything away from it, and keeps it. Looked at only while the OSD is
    /// up: Ceph itself takes out what has been down for ten minutes, and one that is down is not brought in.
    #[attr(keep)]
    pub r#in: Option<bool>,
    /// Whether it is encrypted with dm-crypt.
    ///
    /// Left alone when unset (PVE: false).
    #[attr(keep, replace)]
    pub encrypted: Option<bool>,
    /// So many OSDs share the device, for disks that one alone does not keep busy. Not together with `db_device` or `wal_device`.
    /// They are made, changed and destroyed together; `osds` names them. Imported by the number of any of them.
    ///
    /// Left alone when unset (PVE: one).
    #[attr(keep, replace, range = 1..)]
    pub osds_per_device: Option<u32>,
    /// What may be erased from the device, in PVE's words as `pve_node_disks` shows them: `["ext4"]`. A disk with
    /// partitions is judged by each of them. `LVM` is what is left of a volume group; one that is in use is never erased.
    #[attr(local, each = erasable)]
    pub wipe_if: Option<BTreeSet<String>>,
    /// Must be true, and applied, before the OSD can be destroyed. Where its disk is dead and the configuration names another one,
    /// it counts at once.
    #[attr(local, default = false)]
    pub allow_destroy: bool,
    /// Destroys the OSD without waiting until Ceph has moved its data elsewhere, also where its node is dead. Must be true, and
    /// applied, before. Where its disk is dead and the configuration names another one, it counts at once: then also copies are
    /// given up that Ceph still misses.
    #[attr(local, default = false)]
    pub force: bool,
    /// Its number; of several on one device, the lowest. Ceph uses numbers again.
    #[attr(computed)]
    pub osd_id: Option<u32>,
    /// Its fsid, which is never used again. Compared before anything is done to the OSD.
    #[attr(computed)]
    pub osd_fsid: Option<String>,
    /// All OSDs that it is: the fsid of each, by its number.
    #[attr(computed)]
    pub osds: Option<BTreeMap<String, String>>,
    /// False until it has been up and in once; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "30m", update = "30m", delete = "24h"))]
    pub timeouts: Timeouts,
}

fn least_database(size: &Size) -> Result<(), String> {
    words::at_least(Role::Database, size)
}

fn least_log(size: &Size) -> Result<(), String> {
    words::at_least(Role::Log, size)
}

fn erasable(word: &String) -> Result<(), String> {
    if word == "mounted" { Err("cannot be `mounted`: what is mounted is never erased".to_owned()) } else { Ok(()) }
}

impl Resource<Pve> for Osd {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"]), Need::to_apply("/", &[])]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn validate(config: &OsdPlan, say: &mut Say<Self>) {
        let several = config.osds_per_device.get().is_some_and(|count| count > 1);
        if several && !(config.db_device.is_null() && config.wal_device.is_null()) {
            let detail = "PVE makes several OSDs on a device only with their databases and logs on that.";
            say.error("osds_per_device", "Several OSDs on a device have no other device", detail);
        }
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        foresight::rights(cx, change, say);
        foresight::protected(cx, change, say);
        words::left_out(change);
        if !place::reworded(cx, change, say).await {
            words::reworded(cx, change, say).await;
        }
        foresight::outside(cx, change, say).await;
        foresight::brought_in(cx, change, say).await;
        foresight::left(cx, change, say).await;
        foresight::one_alone(change);
        foresight::member(cx, change);
    }

    /// The disk is what two blocks can have in common before the number is known.
    fn place(plan: &OsdPlan) -> Option<String> {
        let device = plan.device.known().and_then(DevicePlan::settled).filter(|device| *device != Device::default())?;
        Some(device.on(plan.node.text()?))
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &OsdPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        match prior {
            None => foresight::possible(cx, want, found).await,
            // It exists, or a creation was begun that tells by itself what became of it.
            Some(_) => Ok(()),
        }
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let deadline = Instant::now() + cx.timeout;
        let creation = match unwritten.check(Creation::prepare(cx, want).await)? {
            Start::Make(creation) => creation,
            Start::Made(found) => {
                foresight::came(cx, want);
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
                foresight::came(cx, want);
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
                written.undo(problem, creation.take_back(cx, want, task.upid())).await
            }
            Err(problem) => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &OsdKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        absence::answer(&cx.client, find(cx, key.osd_id, prior).await).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let deadline = Instant::now() + cx.timeout;
        place::must_be_named(cx, prior, want).await?;
        words::must_be_named(cx, prior, want).await?;
        let want = match prior.osd_id {
            Some(_) => want.known_as(prior),
            None => want.identified(&resume::resume(cx, prior, want, deadline).await?),
        };
        let unfinished = !prior.ready || foresight::was_removing(cx, prior).await;
        let mut lives = Vec::new();
        for (id, member) in want.members() {
            if unfinished && let Err(problem) = settle::carried_on(cx, &member, id, deadline).await {
                return Ok(Updated::unfinished(want, problem));
            }
            let live = look::osd(cx, id).await?.ok_or_else(|| vanished(id))?;
            settings::bring_to(cx, prior, &member, &live).await?;
            lives.push(look::osd(cx, id).await?.ok_or_else(|| vanished(id))?);
        }
        let done = want.with_lives(&lives);
        Ok(Updated::Done(match want.osd_id {
            Some(id) => side::measured(cx, id, done).await,
            None => done,
        }))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        if was.osd_id.is_some() {
            return removal::remove(cx, was).await;
        }
        match &resume::unidentified(cx, was).await?[..] {
            found @ [_, ..] => removal::remove(cx, &was.identified(found)).await,
            [] => Ok(match resume::freed(cx, was, Instant::now() + cx.timeout).await {
                Ok(()) => Deleted::Gone,
                Err(problem) => Deleted::unfinished(was.clone(), problem),
            }),
        }
    }
}

impl Osd {
    /// As an import finds it, by what Ceph says of it and the disks of its node. Without a device if none of them carries it.
    pub fn imported(live: &Live, node: String, fsid: Option<String>, list: &[Disk]) -> Self {
        let on = contents::carrier(list, live.id);
        let device = on.map(|disk| Device::of(disk, list)).unwrap_or_default();
        let encrypted = on.map(|disk| disk.osdencrypted || disk.encrypted);
        let osd =
            Self { node, device, encrypted, osd_id: Some(live.id), osd_fsid: fsid, ready: true, ..Self::default() };
        osd.with_live(live)
    }

    /// As these OSDs, of which the first gives it its number.
    fn identified(&self, found: &[Identity]) -> Self {
        let all: BTreeMap<String, String> =
            found.iter().map(|found| (found.id.to_string(), found.fsid.clone())).collect();
        let count = u32::try_from(all.len()).ok();
        let first = found.iter().min_by_key(|found| found.id);
        Self {
            osd_id: first.map(|first| first.id),
            osd_fsid: first.map(|first| first.fsid.clone()),
            osds_per_device: self.osds_per_device.or(count),
            osds: Some(all),
            ..self.clone()
        }
    }

    /// What is wanted of the OSDs that the state names. Until they are finished the plan leaves open what they are.
    fn known_as(&self, prior: &Self) -> Self {
        let known = prior.osds.clone().or_else(|| {
            let (id, fsid) = (prior.osd_id?, prior.osd_fsid.clone()?);
            (!prior.ready).then(|| BTreeMap::from([(id.to_string(), fsid)]))
        });
        Self { osd_id: prior.osd_id, osd_fsid: prior.osd_fsid.clone(), osds: known, ..self.clone() }
    }

    /// With those of its OSDs that there are.
    fn counted(self, lives: &[Live]) -> Self {
        let there = |id: &u32| lives.iter().any(|live| live.id == *id);
        let members = self.members().into_iter().filter(|(id, _)| there(id));
        let all: BTreeMap<_, _> = members.filter_map(|(id, member)| Some((id.to_string(), member.osd_fsid?))).collect();
        if all.is_empty() {
            return self;
        }
        Self { osds_per_device: u32::try_from(all.len()).ok(), osds: Some(all), ..self }
    }

    /// How many OSDs there are to be.
    fn count(&self) -> usize {
        self.osds_per_device.map_or(1, |count| count as usize)
    }

    /// The OSDs that it is, each as one of its own.
    fn members(&self) -> Vec<(u32, Self)> {
        let one = |(id, fsid): (&String, &String)| {
            let id = id.parse().ok()?;
            // Of the one that gives it its number, that is told beside it.
            let fsid = if self.osd_id == Some(id) { self.osd_fsid.clone() } else { Some(fsid.clone()) };
            Some((id, Self { osd_id: Some(id), osd_fsid: fsid, osds: None, ..self.clone() }))
        };
        let mut members: Vec<(u32, Self)> = self.osds.iter().flatten().filter_map(one).collect();
        members.sort_by_key(|(id, _)| *id);
        if members.is_empty() {
            members.extend(self.osd_id.map(|id| (id, self.clone())));
        }
        members
    }

    /// The numbers of the OSDs that it is.
    pub fn numbers(&self) -> Vec<u32> {
        self.members().into_iter().map(|(id, _)| id).collect()
    }

    /// With what Ceph says of all of them. Where they differ among themselves, that counts which is not as it was.
    fn with_lives(&self, lives: &[Live]) -> Self {
        let mut all = lives.iter().map(|live| self.with_live(live));
        let Some(first) = all.next() else { return self.clone() };
        all.fold(first, |so_far, one| Self {
            crush_device_class: match one.crush_device_class == self.crush_device_class {
                true => so_far.crush_device_class,
                false => one.crush_device_class,
            },
            r#in: if one.r#in == self.r#in { so_far.r#in } else { one.r#in },
            ready: so_far.ready && one.ready,
            ..so_far
        })
    }

    /// With what Ceph says of it. Up, weight and being taken out while down change by themselves and are not kept.
    fn with_live(&self, live: &Live) -> Self {
        Self {
            crush_device_class: live.device_class.clone(),
            r#in: if live.up { Some(live.in_) } else { self.r#in },
            encrypted: Some(self.encrypted.unwrap_or(false)),
            ready: self.ready || (live.up && live.in_ && self.osd_fsid.is_some()),
            ..self.clone()
        }
    }

    /// What it is called in messages: by its number, or by where it was to be made.
    fn called(&self) -> String {
        let numbers: Vec<_> = self.numbers().iter().map(|id| format!("osd.{id}")).collect();
        match &numbers[..] {
            [_, ..] => numbers.join(" and "),
            [] => format!("The OSD on {} of {}", self.device.words(), self.node),
        }
    }
}

/// The OSD as it is. One list tells it for all OSDs; what that does not tell is asked for once, at the import or when an
/// unfinished creation left it open.
async fn find(cx: &Cx<Pve>, id: u32, prior: Option<&Osd>) -> Result<Option<Osd>, Problem> {
    let mut lives = Vec::new();
    let numbers = prior.map_or_else(|| vec![id], Osd::numbers);
    for number in &numbers {
        lives.extend(look::osd(cx, *number).await?);
    }
    let Some(live) = lives.first() else {
        return Ok(match prior {
            // Ceph lists a new OSD when its daemon has registered, some seconds after PVE's task is over.
            Some(prior) if !prior.ready && look::lies_on(cx, &prior.node, id).await? => Some(prior.clone()),
            // Its removal is not over.
            Some(prior) if !leftover::of(cx, prior).await?.is_empty() => Some(prior.clone()),
            _ => None,
        });
    };
    let Some(prior) = prior else {
        let osd = imported(cx, live).await?;
        if !live.up {
            down::tell(cx, live, Some(&osd.node), None).await;
        }
        return Ok(Some(osd));
    };
    for down in lives.iter().filter(|live| !live.up) {
        down::tell(cx, down, Some(&prior.node), Some(prior)).await;
    }
    let mut osd = prior.clone();
    // Numbers are used again: one whose fsid nothing told so far is known by its disk.
    if osd.osd_fsid.is_none() && place::lies_where_it_is_said(cx, prior, id).await? {
        osd.osd_fsid = look::fsid(cx, &prior.node, id).await?;
    }
    osd = osd.with_lives(&lives);
    // Those that are not listed yet may be about to register.
    if prior.ready || lives.len() == numbers.len() {
        osd = osd.counted(&lives);
    }
    Ok(Some(side::seen(cx, live, osd).await))
}

async fn imported(cx: &Cx<Pve>, live: &Live) -> Result<Osd, Problem> {
    let id = live.id;
    let node = place::node_of(cx, live).await?.ok_or_else(|| {
        let detail = "It never ran, and hangs below no node in CRUSH, so nothing tells the node that it lies on.";
        Problem::new(format!("Nobody knows where osd.{id} is"), detail)
    })?;
    let fsid = look::fsid(cx, &node, id).await?;
    let list = look::disks(cx, &node).await?;
    let mut all = Vec::new();
    for other in contents::carrier(&list, id).map(|disk| disk.osd_ids.clone()).unwrap_or_default() {
        let listed = look::osd(cx, other).await?.is_some();
        let of = if other == id { fsid.clone() } else { look::fsid(cx, &node, other).await?.filter(|_| listed) };
        all.extend(of.map(|fsid| (other.to_string(), fsid)));
    }
    let mut osd = Osd::imported(live, node, fsid, &list);
    if !all.is_empty() {
        osd.osds_per_device = u32::try_from(all.len()).ok();
        osd.osds = Some(all.into_iter().collect());
    }
    if osd.device == Device::default() {
        osd.device = place::lay_on(cx, live, &osd.node).await?;
    }
    Ok(side::seen(cx, live, osd).await)
}

#[cfg(test)]
mod tests;
