//! Which VM it is: numbers are used again, and clones are as old as what they were cloned from. What tells them apart is
//! the uuid that the guest's firmware shows (`smbios1`), which PVE makes anew for each clone.

use pve_client::api::qemu::config::Config;
use terraform_plugin::Cx;

use super::guest::Found;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// Private data: its uuid.
const UUID: &str = "uuid";

/// Private data: when PVE made it, in Unix seconds. All that states of before know.
const CREATED: &str = "created";

/// The beginning of a clone's notes until it has its uuid.
const MARK: &str = "Terraform is making this machine: ";

/// A new one, for a VM that is about to be made. Known before the request is sent, so that what came of it is recognised.
pub fn choose(cx: &Cx<Pve>) -> String {
    forget(cx);
    let uuid = uuid::Uuid::new_v4().to_string();
    cx.private.set(UUID, &uuid);
    cx.jot(uuid.as_str());
    uuid
}

/// The uuid that a run which was cut off had chosen is this one's.
pub fn recall(cx: &Cx<Pve>, uuid: &str) {
    cx.private.set(UUID, uuid);
}

/// The uuid that is remembered.
pub fn ours(cx: &Cx<Pve>) -> Option<String> {
    cx.private.get(UUID)
}

/// What stands in the notes of a clone that has not got the uuid chosen for it yet: PVE makes one up for each clone, and takes
/// notes.
pub fn mark(uuid: &str) -> String {
    format!("{MARK}{uuid}")
}

/// Whether a clone is the one for which this uuid was chosen, and has not got it yet.
pub fn is_marked(config: &Config, uuid: &str) -> bool {
    marked_with(config).is_some_and(|its| its.eq_ignore_ascii_case(uuid))
}

/// The uuid that was chosen for a clone that has not got it yet.
pub fn marked_with(config: &Config) -> Option<&str> {
    config.description.as_deref()?.trim().strip_prefix(MARK)
}

/// Nothing is remembered any more: a replacement inherits what was known of its predecessor.
pub fn forget(cx: &Cx<Pve>) {
    cx.private.remove(UUID);
    cx.private.remove(CREATED);
    cx.private.remove(super::vm::BROUGHT);
}

/// What is there is ours.
pub fn remember(cx: &Cx<Pve>, config: &Config) {
    if marked_with(config).is_some() {
        return;
    }
    if let Some(uuid) = &config.uuid {
        cx.private.set(UUID, uuid);
    }
    if let Some(created) = config.created {
        cx.private.set(CREATED, created);
    }
}

/// Completes what is remembered by what is seen, as long as nothing speaks against its being the same VM.
pub fn complete(cx: &Cx<Pve>, config: &Config) {
    if Known::of(cx).may_be(config) {
        remember(cx, config);
    }
}

/// Whether the VM has the uuid that was chosen for it: this very creation made it.
pub fn is(config: &Config, uuid: &str) -> bool {
    config.uuid.as_deref().is_some_and(|its| its.eq_ignore_ascii_case(uuid)) || is_marked(config, uuid)
}

/// An error unless what is there is what is remembered, as far as that can be told.
pub fn must_be_the_same(cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
    let known = Known::of(cx);
    if known.may_be(&found.config) {
        return Ok(());
    }
    let (vmid, node) = (found.guest.vmid, &found.guest.node);
    let (ours, its) = match (known.uuid, &found.config.uuid) {
        (Some(ours), Some(its)) => (format!("has the uuid {ours}"), format!("has {its}")),
        (_, _) => (
            format!("was made at {} (Unix time)", known.created.unwrap_or_default()),
            format!("at {}", found.config.created.unwrap_or_default()),
        ),
    };
    Err(Problem::new(
        format!("vm:{vmid} is another VM now"),
        format!(
            "The one in the state {ours}, the one on {node} {its}: its number was used again, or somebody gave it another uuid \
             (`smbios1`). Nothing was written. `terraform state rm` the old one; import the one that is there if it is to be \
             managed here."
        ),
    )
    .at("vmid"))
}

/// An error unless it is the same VM as it was a while ago.
pub fn must_be_still_the_same(before: &Found, now: &Found) -> Result<(), Problem> {
    let known = Known { uuid: before.config.uuid.clone(), created: before.config.created };
    if known.may_be(&now.config) {
        return Ok(());
    }
    Err(Problem::new(
        format!("vm:{} is another VM now", now.guest.vmid),
        "It was destroyed and its number was used again while this apply waited for it. Nothing was written to the new one.",
    )
    .at("vmid"))
}

/// What is remembered.
#[derive(Debug, Default)]
struct Known {
    uuid: Option<String>,
    created: Option<i64>,
}

impl Known {
    fn of(cx: &Cx<Pve>) -> Self {
        Self { uuid: cx.private.get(UUID), created: cx.private.get(CREATED) }
    }

    /// The uuid decides where both have one; somebody may have taken it away, and states of before have none.
    fn may_be(&self, config: &Config) -> bool {
        match (&self.uuid, self.created, config.created) {
            (Some(ours), _, _) if config.uuid.is_some() => is(config, ours),
            (_, Some(ours), Some(its)) => ours == its,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(uuid: Option<&str>, created: i64) -> Config {
        Config { uuid: uuid.map(str::to_owned), created: Some(created), ..Config::default() }
    }

    fn known(uuid: Option<&str>, created: Option<i64>) -> Known {
        Known { uuid: uuid.map(str::to_owned), created }
    }

    #[test]
    fn a_clone_in_its_place_is_noticed() {
        assert!(!known(Some("a-1"), Some(7)).may_be(&config(Some("b-2"), 7)));
        assert!(known(Some("a-1"), Some(7)).may_be(&config(Some("A-1"), 7)), "case means nothing");
    }

    #[test]
    fn a_clone_that_is_marked_is_ours_before_it_has_its_uuid() {
        let marked = Config { description: Some(mark("a-1")), ..config(Some("b-2"), 7) };
        assert!(known(Some("a-1"), None).may_be(&marked) && !known(Some("c-3"), None).may_be(&marked));
        assert_eq!(marked_with(&marked), Some("a-1"));
        assert_eq!(marked_with(&config(Some("b-2"), 7)), None);
    }

    #[test]
    fn without_a_uuid_its_age_decides() {
        assert!(known(None, Some(7)).may_be(&config(Some("b-2"), 7)));
        assert!(!known(None, Some(7)).may_be(&config(Some("b-2"), 8)));
        assert!(known(Some("a-1"), Some(7)).may_be(&config(None, 7)), "taken away by somebody");
        assert!(!known(Some("a-1"), Some(7)).may_be(&config(None, 8)));
        assert!(known(None, None).may_be(&config(Some("b-2"), 8)), "imported");
    }
}
