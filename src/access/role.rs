//! `pve_role`: privileges under one name.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Right, Section, plain};

use super::USER_CFG;

/// A role: privileges under one name, given to somebody on some path by `pve_acl`.
///
/// The roles that PVE brings along (`Administrator`, `PVEAuditor`, ...) can be looked up and not changed. PVE does not look
/// whether a role is in use when it goes: entries of the access control list that name it go with it.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "role", area = "Access", key(roleid))]
pub struct Role {
    /// Its id; `PVE` at the beginning is reserved. PVE cannot rename a role: a change replaces it.
    #[attr(required, replace, regex = r"^[A-Za-z0-9._-]+$", says = "letters, digits, `.`, `_`, `-`", check = not_reserved)]
    pub roleid: String,
    /// The privileges, such as `VM.Audit`. Unset: none.
    #[attr(optional, length = 1.., each = texts::one_word)]
    pub privs: Option<BTreeSet<String>>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

fn not_reserved(id: &String) -> Result<(), String> {
    match id.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("pve")) {
        true => Err("must not begin with `PVE`: PVE reserves such names for its own roles".to_owned()),
        false => Ok(()),
    }
}

impl Section for Role {
    const FAMILY: Family = Family {
        what: "Role",
        path: "access/roles",
        write: Right { path: "/access", any: &["Sys.Modify"] },
        ..USER_CFG
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("append", "the whole set is said")];
}

plain!(Role, "roles");
