//! Whether HA could start a container on another node.

use pve_client::api::cluster::Guest;
use pve_client::api::ha::resource::Sid;
use pve_client::api::lxc::config::Config;
use terraform_plugin::{Cx, Findings};

use super::local::Places;
use super::resource::HaResource;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Looks for what is in the way.
pub async fn look(cx: &Cx<Pve>, sid: Sid, guest: &Guest, found: &mut Findings<HaResource>) -> Result<(), Problem> {
    let places = Places::look(&cx.api).await?;
    let config = cx.client.lxc(&guest.node, guest.vmid).config().await;
    let config = config.during(format!("Cannot read the configuration of {sid}"))?;
    let all = hindrances(&places, &config);
    if !all.is_empty() {
        found.mendable(
            Problem::new(
                format!("{sid} cannot be started on another node"),
                format!(
                    "HA would have nothing to start when node {} dies. In the way:\n  {}\nNothing was written. Put its volumes on \
                     shared storage (`storage` of `rootfs` and `mount_points`, while it is stopped), take off what is of one node; or \
                     insist with `allow_local = true`.",
                    guest.node,
                    all.join("\n  ")
                ),
            )
            .at("sid"),
        );
    }
    Ok(())
}

/// What of a container is on one node only, each in a sentence.
fn hindrances(places: &Places, config: &Config) -> Vec<String> {
    let mut all = Vec::new();
    for (name, mount) in &config.mounts {
        match mount.storage() {
            Some(storage) => {
                let why = places.why_local(storage);
                all.extend(why.map(|why| format!("{name}: the volume {} lies on {why}", mount.volume)));
            }
            // Whoever says so in the mount point itself vouches for the path on every node.
            None if mount.shared => {}
            None => all.push(format!("{name}: {} is a path on its node", mount.volume)),
        }
    }
    let devices = config.settings.iter().filter(|(key, _)| crate::guest::number(key, "dev").is_some());
    all.extend(devices.map(|(key, device)| format!("{key}: {device} is a device of its node")));
    if let Some(script) = config.settings.get("hookscript")
        && let Some(why) = script.split_once(':').and_then(|(storage, _)| places.why_local(storage))
    {
        all.push(format!("hookscript: {script} lies on {why}"));
    }
    all
}
