//! Settings that PVE lets nobody change but root@pam: looked at before anything is written.

use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::roots::roots;
use terraform_plugin::{Cx, Findings};

use super::{Vm, settings};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// Looks whether something of it is root's, and nobody comes as root.
pub fn look(cx: &Cx<Pve>, params: &Params, live: Option<&Config>, found: &mut Findings<Vm>) {
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
                "PVE lets nobody else change `{name}`, and no token will do. Nothing was written. Set `username = \"root@pam\"` and \
                 `password` on the provider (PVE_USERNAME, PVE_PASSWORD), or `ssh`; or leave it out. A device that is mapped \
                 (`mapping`) takes the right to use the mapping only."
            ),
        );
        found.mendable(match at {
            Some(at) => problem.at(at),
            None => problem,
        });
    }
}
