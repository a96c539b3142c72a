//! Realms: who knows the users' passwords.

pub mod ad;
pub mod builtin;
pub mod directory;
pub mod ldap;
pub mod openid;
pub mod sync_job;

use pve_client::Area;

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
