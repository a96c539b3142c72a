//! Which guests are planned to be under HA, for siblings to know.

use terraform_plugin::Cx;

use super::resource::HaResource;
use crate::ground::ledger::{Ledger, Planned};
use crate::ground::pve::Pve;

/// A guest that is to be under HA.
#[derive(Clone, Copy, Debug)]
struct UnderHa {
    /// Whether something of it may be on one node only.
    allow_local: bool,
}

impl Planned for UnderHa {
    type Key = String;
}

/// Notes that a guest is to be under HA, which is to be able to start it everywhere unless something of it may be local.
pub fn note(ledger: &Ledger, sid: &str, allow_local: bool) {
    ledger.note(sid.to_owned(), UnderHa { allow_local });
}

/// The guest is not to be under HA.
pub fn forget(ledger: &Ledger, sid: &str) {
    ledger.forget::<UnderHa>(&sid.to_owned());
}

/// Whether siblings plan to have HA start the guest everywhere; none if nothing is planned, as far as is known.
pub fn everywhere(ledger: &Ledger, sid: &str) -> Option<bool> {
    ledger
        .with(|all: &mut std::collections::BTreeMap<String, UnderHa>| all.get(sid).map(|planned| !planned.allow_local))
}

/// Whether the configuration insists on something of the guest being local, or takes it out of HA, as far as is known.
pub fn may_be_local(cx: &Cx<Pve>, sid: &str) -> bool {
    let held = || cx.held::<HaResource>().iter().any(|held| held.sid == sid && held.allow_local);
    let going = || cx.going::<HaResource>().iter().any(|going| going.sid == sid);
    match everywhere(&cx.ledger, sid) {
        Some(everywhere) => !everywhere,
        None => held() || going(),
    }
}
