//! Realms: who knows the users' passwords.

pub mod ad;
pub mod builtin;
pub mod directory;
pub mod ldap;
pub mod openid;
pub mod sync_job;

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::{Family, Right, Sight, Told, Unset};

/// What lies in `domains.cfg`. The list says little of a realm; each is read by itself.
const REALM: Family = Family {
    what: "Realm",
    path: "access/domains",
    file: "domains.cfg",
    area: Area::Access,
    write: Right { path: "/access/realm", any: &["Realm.Allocate"] },
    sight: Sight::With(Right { path: "/access/realm", any: &["Realm.Allocate", "Sys.Audit"] }),
    told: Told::ByItself,
    unset: Unset::Delete,
    digest: true,
    ..Family::PLAIN
};

/// The form of a realm's id.
const ID: &str = r"^[A-Za-z][A-Za-z0-9._-]+$";

/// The types of resources that make realms.
const KINDS: &[&str] = &["realm_ad", "realm_ldap", "realm_openid"];

/// `GET /access/domains`.
#[derive(Deserialize)]
struct Entry {
    realm: String,
    #[serde(rename = "type")]
    kind: String,
}

/// All realms: PVE shows them to whoever asks.
async fn realms(cx: &Cx<Pve>) -> Result<Arc<Vec<Entry>>, Problem> {
    cx.client.shared(Area::Access, Request::get("access/domains")).await.during("Cannot list the realms")
}

/// The realms that there are, if this one neither is among them nor planned to be made.
pub(super) async fn missing(cx: &Cx<Pve>, realm: &str) -> Result<Option<BTreeSet<String>>, Problem> {
    let there: BTreeSet<String> = realms(cx).await?.iter().map(|entry| entry.realm.clone()).collect();
    let known = there.contains(realm) || KINDS.iter().any(|kind| cx.comes(kind, realm));
    Ok((!known).then_some(there))
}
