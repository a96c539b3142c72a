//! What speaks against making or changing a container, seen from a plan with what is known by then, and right before the write.

use pve_client::api::lxc::config::Config;
use pve_client::api::lxc::roots::roots;
use pve_client::api::params::Params;
use terraform_plugin::{Cx, Error, Findings, Path};

use super::left_behind::must_be_absent;
use super::{Container, ContainerPlan, Placement, mounts, placement, settings, waiting};
use crate::ct::{guest, identity};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::guest::migrating;
use crate::guest::power::Reboot;

pub async fn look(
    cx: &Cx<Pve>,
    want: &ContainerPlan,
    prior: Option<&Container>,
    found: &mut Findings<Container>,
) -> Result<(), Error> {
    // What is not known yet is looked at right before the write.
    let known: Container = crate::guest::known::known(want)?;
    match prior {
        Some(prior) => match prior.vmid {
            Some(vmid) => change(cx, vmid, (want, &known), prior, found).await,
            // Its creation was cut off before it had a number.
            None => Ok(()),
        },
        None => creation(cx, want, &known, found).await,
    }
}

async fn creation(
    cx: &Cx<Pve>,
    want: &ContainerPlan,
    known: &Container,
    found: &mut Findings<Container>,
) -> Result<(), Error> {
    if let Some(vmid) = known.vmid
        && let Err(problem) = must_be_absent(cx, vmid).await
    {
        found.exists(problem);
    }
    let made = [want.template_file.may_be_set(), want.clone.may_be_set(), want.restore.may_be_set()];
    if !made.contains(&true) {
        let cure = "Set `template_file` (a template or an OCI image), `clone`, or `restore`. Nothing was written.";
        found.certain(Problem::new("A container of nothing", cure).at("template_file"));
    }
    if known.mount_points.as_ref().is_some_and(|mounts| !mounts.is_empty())
        && want.rootfs.is_null()
        && known.clone.is_none()
    {
        let cure = "PVE makes mount points only beside a root. Set `rootfs`. Nothing was written.";
        found.certain(Problem::new("Mount points without a root", cure).at("rootfs"));
    }
    for name in known.mount_points.iter().flat_map(|all| all.keys()) {
        if says_nothing(want, name) && known.clone.is_none() && known.restore.is_none() {
            found.certain(incomplete(name));
        }
    }
    roots_own(cx, &known.params(None, None), None, found);
    storages(cx, known, found).await?;
    if let Some(of) = &known.clone {
        let source = guest::find(cx, of.vmid).await?;
        match source {
            Some(source) if !source.config.template && source.guest.status == "running" => found.mendable(
                Problem::new(
                    format!("ct:{} runs", of.vmid),
                    "PVE clones a running container only from a snapshot. Stop it, or make a template of it. Nothing was written.",
                )
                .at(Path::attr("clone").at("vmid")),
            ),
            Some(_) => {}
            None => found.mendable(
                Problem::new(format!("ct:{} does not exist", of.vmid), "There is nothing to clone. Nothing was written.")
                    .at(Path::attr("clone").at("vmid")),
            ),
        }
    }
    Ok(())
}

/// Whether nothing is said of what a mount point mounts; what is not known yet may come.
fn says_nothing(want: &ContainerPlan, name: &str) -> bool {
    let mount = want.mount_points.known().and_then(|all| all.get(name)?.known());
    mount.is_some_and(|mount| mount.volume.is_null() && (mount.storage.is_null() || mount.size.is_null()))
}

fn incomplete(name: &str) -> Problem {
    Problem::new(
        format!("{name} has nothing to mount"),
        "A new volume takes `storage` and `size`; `volume` names what is there. Nothing was written.",
    )
    .at(mounts::path(name))
}

/// Storages have to take containers.
async fn storages(cx: &Cx<Pve>, known: &Container, found: &mut Findings<Container>) -> Result<(), Error> {
    let all = cx.client.storage().list().await.during("Cannot list the storages")?;
    let root = known.rootfs.as_ref().and_then(|root| root.storage.as_deref()).map(|id| ("rootfs", id));
    let mounts = known.mount_points.iter().flatten();
    let mounts = mounts.filter_map(|(name, mount)| Some((name.as_str(), mount.storage.as_deref()?)));
    for (name, id) in root.into_iter().chain(mounts) {
        let Some(storage) = all.iter().find(|storage| storage.storage == id) else { continue };
        if !storage.content.iter().any(|content| content == "rootdir") {
            found.mendable(
                Problem::new(
                    format!("Storage {id} does not take containers"),
                    format!("{name} cannot lie there. Nothing was written. Add `rootdir` to its `content`, or name another one."),
                )
                .at(mounts::path(name).at("storage")),
            );
        }
    }
    Ok(())
}

/// Settings that PVE lets nobody change but root@pam.
fn roots_own(cx: &Cx<Pve>, params: &Params, live: Option<&Config>, found: &mut Findings<Container>) {
    if cx.client.reaches_root() {
        return;
    }
    let none = std::collections::BTreeMap::new();
    for name in roots(params, live.map_or(&none, |live| &live.settings)) {
        let at = settings::attribute(&name);
        let said = at.as_ref().map_or_else(|| name.clone(), ToString::to_string);
        let problem = Problem::new(
            format!("`{said}` takes the login of root@pam"),
            format!(
                "PVE lets nobody else change `{name}` in this way, and no token will do. Nothing was written. Set `username = \
                 \"root@pam\"` and `password` on the provider (PVE_USERNAME, PVE_PASSWORD), or `ssh`; or leave it out."
            ),
        );
        found.mendable(match at {
            Some(at) => problem.at(at),
            None => problem,
        });
    }
}

async fn change(
    cx: &Cx<Pve>,
    vmid: u32,
    (want, known): (&ContainerPlan, &Container),
    prior: &Container,
    found: &mut Findings<Container>,
) -> Result<(), Error> {
    // What was imported, or made without a password, notes a version; one that is taken away asks for nothing.
    if known.password_version.is_some() && prior.password_version.is_none() {
        told_once("password", found);
    }
    if known.ssh_keys.is_some() && known.ssh_keys != prior.ssh_keys {
        told_once("ssh_keys", found);
    }
    if prior.password_version.is_some() && known.password_version.is_some_and(|now| Some(now) != prior.password_version)
    {
        found.certain(
            Problem::new(
                "PVE cannot change a container's password",
                "It takes it when the container is made. Change it inside (`pct exec`, `passwd`), and set `password_version` back to \
                 what it was; or replace the container. Nothing was written.",
            )
            .at("password_version"),
        );
    }
    let Some(live) = guest::find(cx, vmid).await? else { return Ok(()) };
    found.check(identity::must_be_the_same(cx, &live));
    // While it is still being made, its creation is waited for.
    let on_its_way = live.config.lock.as_deref() == Some("migrate") && known.placement == Placement::Pinned;
    if live.config.lock.as_deref() != Some("create") && !on_its_way {
        found.check(guest::must_be_unlocked(&live));
    }
    if let Some(target) = placement::elsewhere(&live, known) {
        migrating::announce(cx, &live.guest, target, found).await?;
    }
    let config = &live.config;
    let params = known.params(Some(prior), Some(config));
    roots_own(cx, &params, Some(config), found);
    if config.mounts.get("rootfs").is_some_and(|root| root.asked().is_some()) {
        let problem = Problem::new(
            format!("The root of ct:{vmid} names no volume"),
            format!(
                "PVE has `{}` written down, and makes no volume for it: the container cannot start. Nothing was written. Name the \
                 volume that it had: `pct set {vmid} --rootfs VOLUME` on {}.",
                config.settings.get("rootfs").map_or("", String::as_str),
                live.guest.node
            ),
        );
        found.certain(problem.at("rootfs"));
    }
    let (back, replaced) = waiting::about_to_go(cx, &live, known).await?;
    if found.is_plan() && !back.is_empty() {
        found.notice(Problem::new(
            "A removal that waits is taken back",
            format!("ct:{vmid}: {} has not gone yet, and stays as it is, with what is in it.", back.join(", ")),
        ));
    }
    for (name, is) in mounts::shrinks(known, config) {
        // Of what the state knew to be there, the plan has said so.
        let told = prior.mount_points.as_ref().and_then(|was| was.get(&name)?.volume.as_ref());
        if told.is_none() {
            let what =
                format!("It has {is}, which is more. Nothing was written. Make a new one and copy what is in it.");
            found.certain(Problem::new("PVE cannot shrink a volume", what).at(mounts::path(&name).at("size")));
        }
    }
    for name in known.mount_points.iter().flat_map(|all| all.keys()) {
        let there = config.mounts.contains_key(name) || back.contains(name);
        if !there && says_nothing(want, name) {
            found.certain(incomplete(name));
        }
    }
    storages(cx, known, found).await?;
    let ends = known.started == Some(false) && live.guest.hastate.as_deref().is_none_or(|state| state == "ignored");
    // It is ended before anything else.
    let stopped = live.guest.status != "running" || ends;
    let moves = mounts::to_move(known, config);
    if let Some((name, storage)) = moves.first().filter(|_| !stopped) {
        found.mendable(
            Problem::new(
                format!("{name} cannot go to {storage} while ct:{vmid} runs"),
                "PVE copies volumes of stopped containers only. Nothing was written. Apply `started = false` first; then move it, and \
                 start it again.",
            )
            .at(mounts::path(name).at("storage")),
        );
    }
    let touched = params.names().find(|name| *name == "rootfs" || crate::guest::number(name, "mp").is_some());
    if let Some(name) = touched.filter(|_| config.protection) {
        found.mendable(
            Problem::new(
                format!("ct:{vmid} is protected in PVE"),
                format!("{name} cannot be changed while it is. Nothing was written. Apply `protection = false` first."),
            )
            .at("protection"),
        );
    }
    if found.is_plan() && !stopped {
        waits(vmid, known, &params, (config, &back, &replaced), found);
    }
    Ok(())
}

/// What PVE takes when it makes a container, and never again, is noted.
fn told_once(attribute: &str, found: &mut Findings<Container>) {
    let detail =
        "PVE takes it when the container is made. It is noted, and nothing of the container changes: change it inside.";
    found.notice(Problem::new(format!("`{attribute}` of a container that exists is only noted"), detail).at(attribute));
}

/// For the plan: tells what a running container will keep waiting.
fn waits(
    vmid: u32,
    want: &Container,
    params: &Params,
    (live, back, replaced): (&Config, &[String], &[String]),
    found: &mut Findings<Container>,
) {
    let mut names = waiting::names(params, live, replaced);
    names.retain(|name| !back.iter().any(|back| back == name));
    if names.is_empty() {
        return;
    }
    let then = match want.reboot {
        Reboot::Never => {
            "They take effect at its next start; with `reboot = \"if_needed\"` the apply restarts it for them."
        }
        Reboot::IfNeeded => "The apply restarts it for them, as `reboot` says.",
    };
    found.notice(Error::new(
        format!("ct:{vmid} runs, and takes some of this only at its next start"),
        format!("{}. {then}", names.join(", ")),
    ));
}
