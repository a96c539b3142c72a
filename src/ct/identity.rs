//! Which container it is. PVE gives containers no uuid, and numbers are used again. What is remembered are the MAC addresses
//! of its network devices, which PVE makes up for each container anew. It is taken for another one where it has devices, none
//! of them has an address that is remembered, and its name is another one too: devices are replaced, and names changed, but
//! rarely all at once. One without devices is known by its number alone.

use pve_client::api::lxc::config::Config;
use terraform_plugin::Cx;

use super::guest::Found;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// Private data: the addresses of its network devices.
const MACS: &str = "macs";

/// Private data: its name.
const NAME: &str = "name";

/// Nothing is remembered any more: a replacement inherits what was known of its predecessor.
pub fn forget(cx: &Cx<Pve>) {
    cx.private.remove(MACS);
    cx.private.remove(NAME);
}

/// What is there is ours.
pub fn remember(cx: &Cx<Pve>, config: &Config) {
    cx.private.set(MACS, config.macs());
    cx.private.set(NAME, name(config));
}

/// Brings what is remembered up to date, as long as nothing speaks against its being the same container.
pub fn complete(cx: &Cx<Pve>, config: &Config) {
    if may_be(cx, config) {
        remember(cx, config);
    }
}

/// An error unless what is there may be what is remembered.
pub fn must_be_the_same(cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
    if may_be(cx, &found.config) {
        return Ok(());
    }
    let (vmid, node) = (found.guest.vmid, &found.guest.node);
    let ours: Vec<String> = cx.private.get(MACS).unwrap_or_default();
    Err(Problem::new(
        format!("ct:{vmid} is another container now"),
        format!(
            "The one in the state was \"{}\" with the addresses {}; the one on {node} is \"{}\" with {}: its number was used again, \
             or somebody changed all of it. Nothing was written. `terraform state rm` the old one; import the one that is there \
             if it is to be managed here.",
            cx.private.get::<String>(NAME).unwrap_or_default(),
            ours.join(", "),
            name(&found.config),
            found.config.macs().join(", ")
        ),
    )
    .at("vmid"))
}

/// An error unless it may be the one that was looked at before.
pub fn must_be_still_the_same(before: &Found, now: &Found) -> Result<(), Problem> {
    let (was, is) = (&before.config, &now.config);
    if same(&was.macs(), &name(was), &is.macs(), &name(is)) {
        return Ok(());
    }
    Err(Problem::new(
        format!("ct:{} is another container now", now.guest.vmid),
        "It was destroyed and its number was used again while this apply waited for it. Nothing was written to the new one.",
    )
    .at("vmid"))
}

fn name(config: &Config) -> String {
    config.settings.get("hostname").cloned().unwrap_or_default()
}

fn may_be(cx: &Cx<Pve>, config: &Config) -> bool {
    same(
        &cx.private.get::<Vec<String>>(MACS).unwrap_or_default(),
        &cx.private.get::<String>(NAME).unwrap_or_default(),
        &config.macs(),
        &name(config),
    )
}

fn same(our_macs: &[String], our_name: &str, macs: &[String], name: &str) -> bool {
    let unknown = our_macs.is_empty() || macs.is_empty();
    unknown || our_macs.iter().any(|mac| macs.contains(mac)) || our_name == name
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn another_one_has_other_addresses_and_another_name() {
        let macs = |list: &[&str]| list.iter().map(|mac| (*mac).to_owned()).collect::<Vec<_>>();
        let (a, b, ab) = (macs(&["A"]), macs(&["B"]), macs(&["A", "B"]));
        assert!(!same(&a, "web", &b, "db"));
        assert!(same(&a, "web", &b, "web"), "its device was replaced");
        assert!(same(&a, "web", &ab, "db"), "renamed");
        assert!(same(&a, "web", &[], "db") && same(&[], "", &b, "db"), "nothing to compare");
    }
}
