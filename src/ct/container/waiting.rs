//! What of a running container waits for its next start.

use pve_client::api::lxc::config::Config;
use pve_client::api::params::Params;
use terraform_plugin::{Cx, Diagnostic};

use super::change::{PAUSE, READINGS};
use super::{Container, mounts};
use crate::ct::guest::{self, Found};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::guest::number;

/// Settings that a running container takes at once.
const LIVE: [&str; 12] = [
    "description",
    "onboot",
    "startup",
    "protection",
    "hostname",
    "hookscript",
    "cores",
    "tags",
    "memory",
    "swap",
    "cpulimit",
    "cpuunits",
];

/// Those among the parameters that a running container takes at its next start only; `there`: mount points whose removal waits.
pub fn names<'a>(params: &'a Params, live: &Config, there: &[String]) -> Vec<&'a str> {
    let waits = |name: &&str| {
        let there = live.settings.contains_key(*name) || there.iter().any(|there| there == name);
        let new = !params.removes(name) && !there;
        let plugs = match number(name, "net") {
            Some(n) => n < 10 || !params.removes(name),
            None => new && (number(name, "mp").is_some() || number(name, "dev").is_some()),
        };
        !LIVE.contains(name) && !plugs
    };
    params.names().filter(waits).collect()
}

/// Mount points that are wanted, and whose removal waits for the container's next start: those that can go on as what is wanted,
/// and the others, in whose place something new is made then.
pub async fn about_to_go(cx: &Cx<Pve>, found: &Found, want: &Container) -> Result<(Vec<String>, Vec<String>), Problem> {
    let wanted = || want.mount_points.iter().flatten();
    let missing = || wanted().filter(|(name, _)| !found.config.mounts.contains_key(*name));
    if missing().next().is_none() {
        return Ok((Vec::new(), Vec::new()));
    }
    let doing = format!("Cannot read what ct:{} has now", found.guest.vmid);
    let now = found.api(cx).current_config().await.during(doing)?;
    let there = missing().filter_map(|(name, mount)| Some((name.clone(), mount, now.mounts.get(name)?)));
    let (same, others): (Vec<_>, Vec<_>) = there.partition(|(_, mount, is)| mounts::stays(mount, is));
    let names = |all: Vec<_>| all.into_iter().map(|(name, _, _)| name).collect();
    Ok((names(same), names(others)))
}

/// Takes back the removal of mount points that are wanted again and have not gone yet. Otherwise PVE would be asked for a new,
/// empty volume in the place of the one that is still in use. The container as it is afterwards.
pub async fn take_back(cx: &Cx<Pve>, found: Found, want: &Container) -> Result<Found, Problem> {
    let (mut found, vmid) = (found, want.vmid.unwrap_or_default());
    for reading in 1.. {
        let (names, _) = about_to_go(cx, &found, want).await?;
        if names.is_empty() {
            break;
        }
        let all = names.join(", ");
        let params = Params::new().set("revert", names.join(",")).digest(found.config.digest.as_deref());
        let sent = found.api(cx).update(&params, &found.config.settings).await;
        let sent = sent.during(format!("Cannot take back the removal of {all} of ct:{vmid}"));
        found = guest::must_exist(cx, found.guest.vmid).await?;
        match sent {
            Ok(()) => {
                let detail = format!("ct:{vmid}: {all} had not gone yet, and stays as it is, with what is in it.");
                cx.warn(Diagnostic::warning("A removal was taken back", detail).at("mount_points"));
                break;
            }
            // Whether it arrived is seen.
            Err(_) if about_to_go(cx, &found, want).await?.0.is_empty() => break,
            Err(problem) if reading < READINGS && (problem.is_modified() || problem.is_contention()) => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(found)
}
