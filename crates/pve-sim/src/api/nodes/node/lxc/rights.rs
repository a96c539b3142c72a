//! Which privilege a key of a container's configuration takes.

use std::collections::BTreeMap;

use crate::cluster::containers::config::{is_mount, numbered};
use crate::cluster::guests::drive::Drive;
use crate::kernel::{Call, PveError};

/// Whose rights count: the container's own, and before it is there those on the resource pool that it goes into.
#[derive(Clone, Copy)]
pub(super) struct On<'a> {
    pub(super) vmid: u32,
    pub(super) pool: Option<&'a str>,
    /// Whether it is unprivileged, or is to be.
    pub(super) unprivileged: bool,
}

impl On<'_> {
    /// Demands all of the privileges.
    pub(super) fn demand(&self, call: &Call<'_>, privileges: &[&str]) -> Result<(), PveError> {
        let by_pool = self.pool.is_some_and(|pool| call.may(&format!("/pool/{pool}"), privileges));
        if by_pool { Ok(()) } else { call.demand(&format!("/vms/{}", self.vmid), privileges) }
    }
}

/// Refuses a key that the user may not change. `before` is what is there.
pub(super) fn check(
    call: &Call<'_>,
    on: On<'_>,
    key: &str,
    value: Option<&str>,
    before: &BTreeMap<String, String>,
) -> Result<(), PveError> {
    if call.user.is_root() {
        return Ok(());
    }
    let old = before.get(key).map(String::as_str);
    match key {
        "cores" | "cpulimit" | "cpuunits" => on.demand(call, &["VM.Config.CPU"]),
        "memory" | "swap" => on.demand(call, &["VM.Config.Memory"]),
        "nameserver" | "searchdomain" | "hostname" => on.demand(call, &["VM.Config.Network"]),
        "features" => features(call, on, value, old),
        "hookscript" => Err(PveError::permission("changing the hookscript is only allowed for root@pam")),
        _ if numbered(key, "net") => on.demand(call, &["VM.Config.Network"]),
        _ if numbered(key, "dev") => {
            Err(PveError::permission("configuring device passthrough is only allowed for root@pam"))
        }
        _ if is_mount(key) => {
            on.demand(call, &["VM.Config.Disk"])?;
            let path = |text: &str| Drive::parse(text).is_some_and(|mount| mount.volume.starts_with('/'));
            match [value, old].into_iter().flatten().find(|text| path(text)) {
                Some(text) => {
                    let kind = if text.contains("/dev/") { "device" } else { "bind" };
                    Err(PveError::permission(&format!("mount point type {kind} is only allowed for root@pam")))
                }
                None => Ok(()),
            }
        }
        _ if numbered(key, "unused") => on.demand(call, &["VM.Config.Disk"]),
        "startup" => {
            call.demand("/", &["Sys.Modify"])?;
            on.demand(call, &["VM.Config.Options"])
        }
        _ => on.demand(call, &["VM.Config.Options"]),
    }
}

/// Compared as texts: what is said again is no change.
fn features(call: &Call<'_>, on: On<'_>, value: Option<&str>, old: Option<&str>) -> Result<(), PveError> {
    if !on.unprivileged {
        let text = "changing feature flags for privileged container is only allowed for root@pam";
        return Err(PveError::permission(text));
    }
    let others = |text: Option<&str>| {
        let parts =
            text.unwrap_or_default().split(',').filter(|part| !part.is_empty() && !part.starts_with("nesting="));
        let mut parts: Vec<String> = parts.map(str::to_owned).collect();
        parts.sort();
        parts
    };
    match others(value) == others(old) {
        true => on.demand(call, &["VM.Allocate"]),
        false => Err(PveError::permission("changing feature flags (except nesting) is only allowed for root@pam")),
    }
}
