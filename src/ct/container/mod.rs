//! `pve_container`: a container.

mod change;
mod create;
mod destroy;
mod env;
mod left_behind;
mod listed;
mod mounts;
mod options;
mod placement;
mod possible;
mod settings;
mod waiting;

use std::collections::BTreeMap;

use terraform_plugin::{
    Change, Choice, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Nested, Path, Read, Resource, Say,
    Timeouts, Unwritten, Updated,
};

use super::{guest, identity};
use crate::ground::absence;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::guest::power;
use crate::guest::power::Reboot;
use crate::vm::planned;
use mounts::{MountPoint, RootFs};
use options::Options;

/// A container.
///
/// It is made from a template or an OCI image (`template_file`), as a `clone`, or from a backup (`restore`). How it was made is
/// told to PVE once and never compared later. What is left out is left alone: PVE, the image, the original or the backup
/// chooses, and nothing is planned for it. An imported container with nothing but `vmid` written down plans nothing.
///
/// Where it runs at the moment is told by the data source `pve_container`: migrations and failovers plan nothing, unless
/// `placement = "pinned"`. While it is under HA (`pve_ha_resource` with `ct:`), HA alone starts and stops it.
///
/// A running container takes some changes (mount points, features, DNS, environment, ...) only at its next start; a warning says
/// so, or `reboot = "if_needed"` restarts it.
///
/// PVE gives containers no uuid. Before a container is changed or destroyed, the MAC addresses of its network devices and its
/// name are compared with those that were last seen: if none of them is the same, its number was used again, and the operation
/// is refused. A container without network devices is known by its number alone.
///
/// A container that exists already is not taken over; the error prints the `import` block. One exception: what an apply that was
/// killed was making, by the journal in Terraform's data folder and by PVE's list of tasks, is taken for that, with a warning.
///
/// A container can only be destroyed after `allow_destroy = true` was applied.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "container", area = "Containers", key(vmid))]
pub struct Container {
    /// Its number, unique in the cluster. Unset: the next free one.
    #[attr(keep, replace, range = 100..=999_999_999)]
    pub vmid: Option<u32>,
    /// The node it is made on. Unset: that of the container it is cloned from, or the online one that has all storages and the
    /// archive and carries the fewest guests. Compared later only with `placement = "pinned"`.
    #[attr(keep)]
    pub node: Option<String>,
    /// Whether it is brought back to `node` when it is elsewhere: `initial` leaves it where it is; `pinned` migrates it, which ends
    /// a running container and starts it there, by HA where it is under HA.
    #[attr(local, rouses, default = Placement::Initial)]
    pub placement: Placement,
    /// The resource pool (`pve_pool`) it is made in. Never compared later. Where `pve_pool_member` says so, leave this out.
    #[attr(local, check = texts::one_word)]
    pub pool: Option<String>,
    /// The template or OCI image that it is made from, as a volume: `local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst`. An
    /// image brings its own `entrypoint` and `env`; those that are set here are written over them before the container is started.
    #[attr(local, check = texts::one_tidy_line)]
    pub template_file: Option<String>,
    /// The container that it is a copy of.
    #[attr(local)]
    pub clone: Option<CloneOf>,
    /// The backup that it is made from.
    #[attr(local)]
    pub restore: Option<Restore>,
    /// Whether root inside is nobody outside. Left alone when unset (PVE's default: yes since 9.0).
    #[attr(keep, replace)]
    pub unprivileged: Option<bool>,
    /// Its root file system. Left alone when unset (a new one: 4 GiB on `local`).
    #[attr(keep)]
    pub rootfs: Option<RootFs>,
    /// Mount points: `mp0` to `mp255`. Left alone as a whole when unset. One that is taken out of the map is unmounted; its volume
    /// stays with the container as `unusedN`, unless its `when_removed` says that it is destroyed.
    #[attr(keep)]
    pub mount_points: Option<BTreeMap<String, MountPoint>>,
    /// All else.
    #[attr(flatten)]
    pub options: Options,
    /// Environment of what `entrypoint` starts (PVE 9.1). Left alone as a whole when unset; an empty map removes it.
    #[attr(keep, check = env::check)]
    pub env: Option<BTreeMap<String, String>>,
    /// The password of root inside. PVE takes it when the container is made, and never again.
    #[attr(optional, sensitive, write_only(version = password_version), length = 5..)]
    pub password: Option<String>,
    /// A note beside `password`. Another number is refused: PVE cannot change the password of a container that exists.
    #[attr(local)]
    pub password_version: Option<u32>,
    /// Public keys for root inside, one a line. PVE takes them when the container is made, and never again.
    #[attr(local)]
    pub ssh_keys: Option<String>,
    /// Whether it runs. Left alone when unset (a new one is not started). While it is under HA, HA alone decides and this is only
    /// a note.
    #[attr(keep)]
    pub started: Option<bool>,
    /// Whether a running container is restarted for changes that it takes at its next start only: `if_needed` ends it, by force
    /// after three minutes, and starts it again. With `never` they wait, and a warning says so.
    #[attr(local, rouses, default = Reboot::Never)]
    pub reboot: Reboot,
    /// Must be true, and applied, before the container can be destroyed with all its volumes.
    #[attr(local, default = false)]
    pub allow_destroy: bool,
    /// False while creation is still settling; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "30m", update = "2h", delete = "20m"))]
    pub timeouts: Timeouts,
}

/// Whether a container is brought back to its node.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// It is not.
    #[default]
    Initial,
    /// It is.
    Pinned,
}

/// A container that is copied.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct CloneOf {
    /// Its number. One that is no template has to be stopped.
    #[attr(required, range = 100..=999_999_999)]
    pub vmid: u32,
    /// Whether its volumes are copied. Unset: unless it is a template, whose clones stand upon it where the storage can do that.
    #[attr(optional)]
    pub full: Option<bool>,
    /// The storage that copies are put on. Unset: where the originals lie.
    #[attr(optional, check = texts::one_word)]
    pub storage: Option<String>,
}

/// A backup that is brought back.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Restore {
    /// The backup, as a volume: `local:backup/vzdump-lxc-101-2026_11_29-20_33_30.tar.zst`.
    #[attr(required, check = texts::one_tidy_line)]
    pub backup: String,
    /// The storage that its volumes are made on, where `rootfs` does not say. Unset: `local`.
    #[attr(optional, check = texts::one_word)]
    pub storage: Option<String>,
    /// Whether its network devices get new MAC addresses.
    #[attr(optional)]
    pub unique: Option<bool>,
}

impl Resource<Pve> for Container {
    fn needs() -> Vec<Need> {
        const CHANGES: [&[&str]; 8] = [
            &["VM.Allocate"],
            &["VM.Config.CPU"],
            &["VM.Config.Disk"],
            &["VM.Config.Memory"],
            &["VM.Config.Network"],
            &["VM.Config.Options"],
            &["VM.PowerMgmt"],
            &["VM.Audit"],
        ];
        let mut needs = vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"])];
        needs.extend(CHANGES.map(|any| Need::to_apply("/vms/{vmid}", any)));
        needs.push(Need::to_apply("/storage", &["Datastore.AllocateSpace"]));
        needs.push(Need::to_apply("/sdn/zones/localnetwork", &["SDN.Use"]));
        needs
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[
            ("template", "`pve_template` makes one"),
            ("force, ignore-unpack-errors", "nothing is written over, and half a container is none"),
            ("lock, debug, unused[n]", "PVE's own business"),
            ("idmap", "of a mount point: left as it is"),
            ("ha-managed, start", "`pve_ha_resource` and `started`"),
        ]
    }

    /// Volumes are copied when they go to another storage.
    const UPDATES_SETTLE: bool = true;

    fn validate(config: &ContainerPlan, say: &mut Say<Self>) {
        crate::guest::validate::<Options, _>(&config.options, say);
        mounts::validate(config, say);
        let sources = [
            ("template_file", config.template_file.is_known()),
            ("clone", config.clone.is_known()),
            ("restore", config.restore.is_known()),
        ];
        let set: Vec<&str> = sources.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        if let [first, second, ..] = set[..] {
            let cure = format!("It is made from one thing: leave out `{first}` or `{second}`.");
            say.error(second, "A container with two origins", cure);
        }
        if config.placement.is(&Placement::Pinned) && config.node.is_null() {
            say.error(
                "node",
                "Pinned to nowhere",
                "`placement = \"pinned\"` takes a `node`. Name one, or leave `placement` out.",
            );
        }
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_destroy() {
            return;
        }
        mounts::foresee(change);
        mounts::plan(change.prior.as_ref(), &change.config, &change.plan, say);
        if let Some(vmid) = change.plan.vmid.get() {
            planned::take_vmid(&cx.ledger, vmid);
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &ContainerPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        possible::look(cx, want, prior, found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        destroy::look(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        create::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &ContainerKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let path = format!("/vms/{}", key.vmid);
        absence::answer_if_visible(&cx.client, &path, &["VM.Audit"], look(cx, key.vmid, prior).await).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        Ok(change::change(cx, prior, want).await?)
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        destroy::destroy(cx, was).await?;
        Ok(Deleted::Gone)
    }
}

/// The container as it is.
async fn look(cx: &Cx<Pve>, vmid: u32, prior: Option<&Container>) -> Result<Option<Container>, Problem> {
    let Some(found) = guest::find(cx, vmid).await? else { return Ok(None) };
    identity::complete(cx, &found.config);
    let started = power::seen(cx, &found.guest, prior.and_then(|prior| prior.started)).await?;
    let mut container = Container::from_live(vmid, &found.guest.node, &found.config, started, prior);
    container.ready = found.config.lock.as_deref() != Some("create")
        && prior.is_none_or(|prior| prior.ready || prior.agrees_with(&found.config, started));
    Ok(Some(container))
}

/// The place of the number.
fn vmid_path() -> Path {
    Path::attr("vmid")
}
