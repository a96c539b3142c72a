//! `pve_group`: a group of users.

use terraform_plugin::{Model, Timeouts};

use crate::section::{Family, Right, Section, Sight, plain};
use crate::texts;

use super::USER_CFG;

/// A group of users, to give rights to. Who is in it is said by the users.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "group", area = "Access", key(groupid))]
pub struct Group {
    /// Its id. PVE cannot rename a group: a change replaces it.
    #[attr(required, replace, regex = r"^[A-Za-z0-9._-]+$", says = "letters, digits, `.`, `_`, `-`")]
    pub groupid: String,
    /// A note.
    #[attr(optional, check = texts::not_blank, same = texts::same_but_ends)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for Group {
    const FAMILY: Family = Family {
        what: "Group",
        path: "access/groups",
        write: Right { path: "/access/groups", any: &["Group.Allocate"] },
        sight: Sight::With(Right {
            path: "/access/groups/{groupid}",
            any: &["User.Modify", "Sys.Audit", "Group.Allocate"],
        }),
        ..USER_CFG
    };
}

plain!(Group, "groups");
