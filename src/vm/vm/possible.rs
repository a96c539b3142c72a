//! What speaks against making or changing a VM, seen from a plan with what is known by then, and right before the write.

use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Error, Findings};

use super::{
    OWNED, Reboot, Vm, VmPlan, bridges, cdroms, cloud_init, create, disks, firmware, hot, named, origin, processor,
    roots_own,
};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::guest::node::must_be_online;
use crate::vm::{guest, identity, migrating};

pub async fn look(cx: &Cx<Pve>, want: &VmPlan, prior: Option<&Vm>, found: &mut Findings<Vm>) -> Result<(), Error> {
    let known: Vm = crate::guest::known::known(want)?;
    match prior.and_then(|prior| Some((prior, prior.vmid?))) {
        Some((prior, vmid)) => change(cx, vmid, (want, &known), prior, found).await,
        None if prior.is_none() => creation(cx, (want, &known), found).await,
        // Its creation was cut off before it had a number.
        None => Ok(()),
    }
}

async fn creation(cx: &Cx<Pve>, (want, known): (&VmPlan, &Vm), found: &mut Findings<Vm>) -> Result<(), Error> {
    if let Some(vmid) = known.vmid
        && let Err(problem) = create::must_be_absent(cx, vmid).await
    {
        found.exists(problem);
    }
    let node = known.node.as_deref();
    // Where the node is left to us, it is chosen right before the write.
    let mut there = None;
    if let Some(node) = node {
        let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        there = found.check(must_be_online(&nodes, node)).map(|()| node);
        if let Some(node) = there {
            bridges::look(cx, known, None, None, node, found).await;
        }
    } else if want.node.is_null() {
        bridges::look_anywhere(cx, known, found).await;
    }
    processor::look(cx, known, None, there, found).await;
    if let Some(pool) = &known.pool
        && !exists(cx, pool).await?
    {
        found.missing(cx.comes("pool", pool), create::no_such_pool(pool));
    }
    roots_own::look(cx, &known.params(None, None), None, found);
    named::look(cx, known, None, there, found).await;
    let brought = origin::look(cx, known, found).await?;
    let live = brought.as_ref();
    // What a backup brings along, and a source that is not there yet, tells nobody: it is looked at when the VM is there.
    if live.is_some() || !origin::may_bring_along(want) {
        disks::look(cx, (want, known), None, live, node, found).await;
        balloons(known, live, found);
        boots(known, &known.params(None, live), live, found);
        firmware::look(want, known, live, found);
        for (key, storage) in firmware::storages(known) {
            if live.is_none_or(|live| !live.drives.contains_key(&key)) {
                disks::must_hold(cx, storage, node, disks::path(&key.to_string()).at("storage"), found).await;
            }
        }
        cloud_init::look(cx, known, live, node, found).await;
        cloud_init::reaches_somebody(want, known, None, live, found);
    }
    Ok(())
}

async fn change(
    cx: &Cx<Pve>,
    vmid: u32,
    (want, known): (&VmPlan, &Vm),
    prior: &Vm,
    found: &mut Findings<Vm>,
) -> Result<(), Error> {
    let Some(live) = guest::find(cx, vmid).await? else { return Ok(()) };
    found.check(identity::must_be_the_same(cx, &live));
    // While it is still being made, or on its way, that is waited for.
    if !matches!(live.config.lock.as_deref(), Some("create" | "clone" | "migrate")) {
        found.check(guest::must_be_unlocked(&live));
    }
    let config = &live.config;
    if config.template && known.started == Some(true) {
        found.certain(
            Problem::new(
                format!("vm:{vmid} is a template"),
                "Templates never run. Nothing was written. Leave `started` out, or set it to `false`.",
            )
            .at("started"),
        );
    }
    let target = migrating::look(cx, &live, known, found).await?;
    let node = target.as_deref().unwrap_or(&live.guest.node);
    bridges::look(cx, known, Some(prior), Some(config), node, found).await;
    let node = Some(node);
    let params = known.params(Some(prior), Some(config));
    roots_own::look(cx, &params, Some(config), found);
    named::look(cx, known, Some(config), node, found).await;
    waits(known, &live, &hot::waiting(&params, config), found);
    balloons(known, Some(config), found);
    boots(known, &params, Some(config), found);
    firmware::look(want, known, Some(config), found);
    cdroms::look(known, Some(config), found);
    if prior.cpu != known.cpu {
        processor::look(cx, known, config.cpu.as_deref(), node, found).await;
    }
    disks::look(cx, (want, known), Some(prior), Some(config), node, found).await;
    cloud_init::look(cx, known, Some(config), node, found).await;
    cloud_init::reaches_somebody(want, known, Some(prior), Some(config), found);
    let owned: Vec<String> = cx.private.get(OWNED).unwrap_or_default();
    for (disk, storage) in disks::to_move(known, &owned, config) {
        let at = disks::path(&disk.to_string()).at("storage");
        disks::must_hold(cx, &storage, node, at, found).await;
    }
    Ok(())
}

/// Looks whether the balloon fits into the memory.
fn balloons(want: &Vm, config: Option<&Config>, found: &mut Findings<Vm>) {
    let memory = want.memory.or(config.and_then(|config| config.memory)).unwrap_or(512);
    if let Some(balloon) = want.hardware.balloon.filter(|balloon| *balloon > memory) {
        let problem = Problem::new(
            "The balloon is larger than the memory",
            format!(
                "`balloon = {balloon}` is the least that is left of `memory`, which is {memory}. Nothing was written. Lower `balloon`, or \
                 raise `memory`."
            ),
        );
        found.mendable(problem.at("balloon"));
    }
}

/// Looks whether the VM has what it is to boot from, if that changes.
fn boots(want: &Vm, params: &Params, config: Option<&Config>, found: &mut Findings<Vm>) {
    if params.get("boot").is_none() {
        return;
    }
    let there = |device: &&String| {
        let is_there = config.is_some_and(|config| config.settings.contains_key(*device));
        params.get(device).is_some() || (is_there && !params.removes(device))
    };
    if let Some(missing) = want.hardware.boot_order.iter().flatten().find(|device| !there(device)) {
        let problem = Problem::new(
            format!("The VM has no \"{missing}\" to boot from"),
            "Each of `boot_order` has to be one of its disks, CD-ROM drives or network cards. Nothing was written.",
        );
        found.mendable(problem.at("boot_order"));
    }
}

/// For the plan: tells what a running VM will keep waiting.
fn waits(want: &Vm, live: &guest::Found, names: &[String], found: &mut Findings<Vm>) {
    if !found.is_plan() || names.is_empty() || live.guest.status != "running" || want.started == Some(false) {
        return;
    }
    let (vmid, all) = (live.guest.vmid, names.join(", "));
    let then = match want.reboot {
        Reboot::Never => {
            "They take effect at its next stop and start; with `reboot = \"if_needed\"` the apply reboots it for them."
                .to_owned()
        }
        Reboot::IfNeeded => "The apply reboots it for them, as `reboot` says.".to_owned(),
    };
    found.notice(Error::new(
        format!("vm:{vmid} runs, and takes some of this only at its next start"),
        format!("{all}. {then}"),
    ));
}

/// `GET /pools`.
#[derive(Deserialize)]
struct PoolEntry {
    poolid: String,
}

/// Whether there is that resource pool; true where we may not see it.
async fn exists(cx: &Cx<Pve>, pool: &str) -> Result<bool, Error> {
    let pools = cx.client.shared::<Vec<PoolEntry>>(Area::Access, Request::get("pools")).await;
    if pools.during("Cannot list the resource pools")?.iter().any(|entry| entry.poolid == pool) {
        return Ok(true);
    }
    let path = format!("/pool/{pool}");
    let ours = cx.client.access().on(&path).await.during("Cannot read our own permissions")?;
    Ok(!ours.has("Pool.Audit"))
}
