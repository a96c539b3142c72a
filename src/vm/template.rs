//! `pve_template`: a guest that was made the source of clones. What it takes of a container is in `ct::template`.

use std::collections::BTreeMap;

use pve_client::api::cluster::GuestKind;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::DriveKey;
use pve_client::{Area, Lock};
use terraform_plugin::{
    Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Queried, Read, Resource, Seen, Timeouts, Unwritten,
    Updated, require,
};

use super::guest::{self, Found};
use super::identity;
use super::snapshot::Snapshot;
use super::vm::Vm;
use crate::ct::template as ct;
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::{Pve, patience};
use crate::section::sees_all;

/// Makes a virtual machine or a container a template, which never runs again and which others are cloned from.
///
/// The guest itself belongs to its `pve_vm` or `pve_container`, if one manages it: leave `started` out there, or set it to `false`. There is no
/// way back: destroying this resource leaves the template as it is, and only destroying the guest ends it. One that is a
/// template already is taken as it is.
///
/// A machine's disks become the bases of linked clones, but for those on storages that have none (LVM that is not thin), which stay as
/// they are: clones copy them. Of a container all volumes have to lie where they can be bases. As long as there are linked clones, the guest cannot be destroyed.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "template", area = "Virtual machines", key(vmid))]
pub struct Template {
    /// The guest's number, such as `pve_vm.base.vmid`. What is cloned refers to it here (`pve_template.base.vmid`), so that the
    /// guest is a template by then.
    #[attr(required, replace, range = 100..=999_999_999)]
    pub vmid: u32,
    /// False while disks are left to be made bases; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "1h", update = "1h"))]
    pub timeouts: Timeouts,
}

/// What a conversion changes.
fn areas(vmid: u32) -> [Area; 3] {
    [Area::GuestConfig(vmid), Area::Guests, Area::Content]
}

const TASK: &str = "qmtemplate";

impl Resource<Pve> for Template {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"]), Need::to_apply("/vms/{vmid}", &["VM.Allocate"])]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[("disk", "all disks are converted")]
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &TemplatePlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(vmid) = want.vmid.get() else { return Ok(()) };
        if ct::is_one(cx, vmid).await? {
            return ct::look(cx, vmid, prior, found).await;
        }
        let live = guest::find(cx, vmid).await?;
        if prior.is_some() || live.as_ref().is_some_and(|live| live.config.template) {
            return Ok(());
        }
        found.notice(Problem::new(
            "A template never becomes a machine again",
            format!("vm:{vmid} is to become a template, which cannot be undone: it will never run again."),
        ));
        match live {
            Some(live) => Ok(look(cx, &live, found).await?),
            None => {
                let comes = ["vm", "container"].iter().any(|kind| cx.comes(kind, &vmid.to_string()));
                found.missing(comes, guest::missing(vmid));
                Ok(())
            }
        }
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        if !cx.going::<Vm>().iter().any(|vm| vm.vmid == Some(was.vmid)) && !ct::goes(cx, was.vmid) {
            found.notice(Problem::new(
                "What is a template stays one",
                format!("Guest {} stays as it is, as a template that nothing here knows of any more.", was.vmid),
            ));
        }
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let vmid = want.vmid;
        if unwritten.check(ct::is_one(cx, vmid).await)? {
            return ct::create(cx, want, unwritten).await;
        }
        // A replacement inherits what was known of its predecessor.
        identity::forget(cx);
        let live = unwritten.check(guest::must_exist(cx, vmid).await)?;
        identity::remember(cx, &live.config);
        let written = if live.config.template {
            unwritten.take_over(want.clone())
        } else {
            unwritten.check(require(cx, want, None).await)?;
            let doing = doing(vmid);
            let before = unwritten.check(Before::look(cx, TASK, vmid.to_string()).await)?;
            let ask = async { snapshots(cx, &live).to_template(None).await.during(&doing) };
            let (sent, written) = unwritten.send(want.clone(), ask).await?;
            let ended = match before.settle(cx, sent, Lock::Vm(vmid), &areas(vmid)).await {
                Ok(Ok(mut task)) => task.wait(&patience(cx), |_| {}).await.during(&doing),
                Ok(Err(problem)) => Err(problem),
                Err(problem) => return Ok(written.leave(problem)),
            };
            match ended {
                Ok(()) => written,
                Err(problem) if problem.is_failed_task() || problem.is_refused() || problem.pve().is_none() => {
                    return written.undo(problem, must_be_no_template(cx, vmid)).await;
                }
                Err(problem) => return Ok(written.leave(problem)),
            }
        };
        Ok(written.settle(async |_| finish(cx, want).await).await)
    }

    async fn read(cx: &Cx<Pve>, key: &TemplateKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let path = format!("/vms/{}", key.vmid);
        absence::answer_if_visible(&cx.client, &path, &["VM.Audit"], seen(cx, key.vmid, prior).await).await
    }

    async fn update(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        Ok(Updated::Done(finish(cx, want).await?))
    }

    /// It stays one.
    async fn delete(_cx: &Cx<Pve>, _was: &Self) -> Result<Deleted<Self>, Error> {
        Ok(Deleted::Gone)
    }
}

fn doing(vmid: u32) -> String {
    format!("Cannot make vm:{vmid} a template")
}

fn snapshots<'a>(cx: &'a Cx<Pve>, live: &'a Found) -> pve_client::api::snapshots::Snapshots<'a> {
    cx.client.snapshots(GuestKind::Qemu, &live.guest.node, live.guest.vmid)
}

/// What speaks against it.
async fn look(cx: &Cx<Pve>, live: &Found, found: &mut Findings<Template>) -> Result<(), Problem> {
    let vmid = live.guest.vmid;
    found.check(guest::must_be_unlocked(live));
    let status = live.api(cx).status().await.during(format!("Cannot look at vm:{vmid}"))?;
    if status.is_running() {
        let problem = Problem::new(
            format!("vm:{vmid} runs"),
            "What runs cannot become a template. Nothing was written. Set `started = false` in its `pve_vm` and apply that, or shut it \
             down in PVE (under HA: by the `state` of its `pve_ha_resource`).",
        );
        found.mendable(problem.at("vmid"));
    }
    let all = snapshots(cx, live).list().await.during(format!("Cannot list the snapshots of vm:{vmid}"))?;
    let going = cx.going::<Snapshot>();
    let goes = |name: &str| found.is_plan() && going.iter().any(|one| one.vmid == vmid && one.name == name);
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).filter(|name| !goes(name)).collect();
    if !names.is_empty() {
        let problem = Problem::new(
            format!("vm:{vmid} has snapshots"),
            format!(
                "What has snapshots cannot become a template. Nothing was written. Remove them first: {}.",
                names.join(", ")
            ),
        );
        found.mendable(problem.at("vmid"));
    }
    let kinds = kinds(cx).await?;
    let stay: Vec<String> = disks(&live.config)
        .filter(|(_, volume)| !can_be_base(&kinds, volume))
        .map(|(key, volume)| format!("{key} ({volume})"))
        .collect();
    if !stay.is_empty() {
        found.notice(Problem::new(
            "A template without linked clones",
            format!(
                "vm:{vmid}: {} cannot be the base of linked clones where they lie, and stay as they are. Clones have to be full.",
                stay.join(", ")
            ),
        ));
    }
    Ok(())
}

/// The disks that a conversion is about, with their volumes.
fn disks(config: &Config) -> impl Iterator<Item = (DriveKey, &str)> {
    let disks = config.drives.iter().filter(|(key, drive)| key.is_attached() && drive.is_disk());
    disks.filter(|(_, drive)| drive.storage().is_some()).map(|(key, drive)| (*key, drive.volume.as_str()))
}

/// The types of all storages.
async fn kinds(cx: &Cx<Pve>) -> Result<BTreeMap<String, String>, Problem> {
    let all = cx.client.storage().list().await.during("Cannot list the storages")?;
    Ok(all.iter().map(|storage| (storage.storage.clone(), storage.kind.clone())).collect())
}

/// Whether the storage of a volume lets it be the base of linked clones. Of one that we may not see nothing is expected.
fn can_be_base(kinds: &BTreeMap<String, String>, volume: &str) -> bool {
    let kind = volume.split_once(':').and_then(|(storage, _)| kinds.get(storage));
    kind.is_some_and(|kind| !matches!(kind.as_str(), "lvm" | "iscsi" | "iscsidirect" | "esxi"))
}

/// Whether it is a base: `base-100-disk-0`, also as a file, and not a clone of one.
pub fn is_base(volume: &str) -> bool {
    let name = volume.split_once(':').map_or(volume, |(_, name)| name);
    name.rsplit('/').next().unwrap_or(name).starts_with("base-")
}

/// The disks that could be bases and are none.
async fn left(cx: &Cx<Pve>, config: &Config) -> Result<Vec<DriveKey>, Problem> {
    if disks(config).all(|(_, volume)| is_base(volume)) {
        return Ok(Vec::new());
    }
    let kinds = kinds(cx).await?;
    Ok(disks(config)
        .filter(|(_, volume)| !is_base(volume) && can_be_base(&kinds, volume))
        .map(|(key, _)| key)
        .collect())
}

/// The disks that are left, one after the other.
async fn finish(cx: &Cx<Pve>, want: &Template) -> Result<Template, Problem> {
    if ct::is_one(cx, want.vmid).await? {
        return ct::finish(cx, want).await;
    }
    let (vmid, doing) = (want.vmid, doing(want.vmid));
    // One that a run which was cut off has begun goes on by itself.
    if let Some(upid) = Before::peek(cx, None, TASK, vmid.to_string()).await?.running() {
        // What came of it is looked at.
        evidence::has_succeeded(cx, &upid, Lock::Vm(vmid), &areas(vmid)).await?;
    }
    let live = guest::must_exist(cx, vmid).await?;
    identity::must_be_the_same(cx, &live)?;
    if !live.config.template {
        let mut task = snapshots(cx, &live).to_template(None).await.during(&doing)?;
        task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    }
    let live = guest::must_exist(cx, vmid).await?;
    for disk in left(cx, &live.config).await? {
        let doing = format!("Cannot make {disk} of vm:{vmid} the base of clones");
        let mut task = snapshots(cx, &live).to_template(Some(&disk.to_string())).await.during(&doing)?;
        task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    }
    Ok(Template { ready: true, ..want.clone() })
}

async fn must_be_no_template(cx: &Cx<Pve>, vmid: u32) -> Result<(), Problem> {
    match guest::find(cx, vmid).await? {
        Some(live) if live.config.template => Err(Problem::new(
            format!("vm:{vmid} has become a template all the same"),
            "Some of its disks may not be bases of clones yet. The next apply carries on.",
        )),
        _ => Ok(()),
    }
}

/// The template as it is; a machine that is none is not there.
async fn seen(cx: &Cx<Pve>, vmid: u32, prior: Option<&Template>) -> Result<Option<Template>, Problem> {
    if ct::is_one(cx, vmid).await? {
        return ct::seen(cx, vmid, prior).await;
    }
    let Some(live) = guest::find(cx, vmid).await?.filter(|live| live.config.template) else { return Ok(None) };
    identity::complete(cx, &live.config);
    let ready = prior.is_some_and(|prior| prior.ready) || left(cx, &live.config).await?.is_empty();
    Ok(Some(Template { vmid, ready, ..prior.cloned().unwrap_or_default() }))
}

impl Queried<Pve> for Template {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        sees_all(cx, "/vms/{vmid}", &["VM.Audit"], "pve_template").await?;
        let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
        let templates = guests.iter().filter(|guest| guest.template);
        Ok(templates
            .map(|guest| {
                let seen = Seen::there(TemplateKey { vmid: guest.vmid });
                match &guest.name {
                    Some(name) => seen.titled(format!("{name} ({})", guest.vmid)),
                    None => seen,
                }
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_told_by_their_names_and_clones_of_them_are_none() {
        for base in ["local:161/base-161-disk-0.qcow2", "ceph-vm:base-162-disk-0"] {
            assert!(is_base(base), "{base}");
        }
        for other in
            ["ceph-vm:base-162-disk-0/vm-166-disk-0", "local:161/base-161-disk-0.qcow2/164/vm-164-disk-0.qcow2"]
        {
            assert!(!is_base(other), "{other}");
        }
        let kinds = [("thick", "lvm"), ("thin", "lvmthin")].map(|(id, kind)| (id.to_owned(), kind.to_owned())).into();
        assert!(can_be_base(&kinds, "thin:vm-1-disk-0") && !can_be_base(&kinds, "thick:vm-1-disk-0"));
        assert!(!can_be_base(&kinds, "unseen:vm-1-disk-0"));
    }
}
