//! `pve_group`: a group of users.

use std::collections::BTreeSet;

use pve_client::Area;
use terraform_plugin::{Cx, Error, Findings, Model, Timeouts};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Right, Section, Sight, plain};

use super::USER_CFG;

/// A group of users, to give rights to. Who is in it is said by the users.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "group", area = "Access", key(groupid))]
pub struct Group {
    /// Its id.
    #[attr(required, replace, regex = r"^[A-Za-z0-9._-]+$", says = "letters, digits, `.`, `_`, `-`")]
    pub groupid: String,
    /// A note.
    #[attr(optional, check = texts::not_blank, same = texts::same_but_ends)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// Who sees a group in PVE's list.
const SEEN_WITH: &[&str] = &["User.Modify", "Sys.Audit", "Group.Allocate"];

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

/// The groups that there are, if this one is not among them. Not seen is no proof of that.
pub(super) async fn missing(cx: &Cx<Pve>, id: &str) -> Result<Option<BTreeSet<String>>, Problem> {
    let groups = crate::section::ids(cx, "access/groups", Area::Access, "groupid").await?;
    let unseen = async || !cx.client.access().on("/access/groups").await.is_ok_and(|ours| ours.has_any(SEEN_WITH));
    Ok(if groups.contains(id) || unseen().await { None } else { Some(groups) })
}

/// Tells if a group that is named by the attribute `at` does not exist.
pub async fn must_exist<M>(cx: &Cx<Pve>, id: &str, at: &str, found: &mut Findings<M>) -> Result<(), Error> {
    let Some(groups) = missing(cx, id).await? else { return Ok(()) };
    let problem = Problem::new(
        format!("Group \"{id}\" does not exist"),
        format!("Nothing was written. There are: {}. `pve_group` makes more.", crate::section::listed(&groups)),
    );
    found.missing(cx.comes("group", id), problem.at(at));
    Ok(())
}
