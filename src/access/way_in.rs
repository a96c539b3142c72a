//! Who could still log in and put things right if `root@pam` could not.
//!
//! PVE lets root@pam be disabled or expire, and turns its sessions and tokens away from then on (observed). A cluster into
//! which nobody else gets is opened again only at a node's own shell.

use std::collections::BTreeSet;

use pve_client::{Area, Request};
use terraform_plugin::{Cx, Error, Findings, Listed as _};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

use super::acl::Entry;
use super::user::{User, UserPlan};

/// The user whom PVE never lets go.
pub(super) const ROOT: &str = "root@pam";

/// The privilege with which somebody can let root@pam in again, and where it is looked for.
const UNLOCKS: (&str, &str) = ("User.Modify", "/access/groups");

/// Whether the user can log in now and from now on.
fn lasts(user: &User) -> bool {
    user.enable != Some(false) && user.expire.is_none_or(|when| when == 0)
}

/// Which attribute keeps root@pam out from now on, or from some day on, if the state says otherwise.
fn shuts_out(want: &UserPlan, prior: Option<&User>) -> Option<(&'static str, &'static str)> {
    let was_out = |prior: &User| prior.enable == Some(false) || prior.expire.is_some_and(|when| when != 0);
    if prior.is_some_and(was_out) {
        return None;
    }
    if want.enable.known().copied() == Some(false) {
        return Some(("enable", "will not be able to log in"));
    }
    let ends = want.expire.known().copied().is_some_and(|when| when != 0);
    ends.then_some(("expire", "will not be able to log in from that day on"))
}

/// Finds what speaks against keeping root@pam out: that nobody else gets in, or that the provider itself comes as root@pam.
pub(super) async fn remains(
    cx: &Cx<Pve>,
    want: &UserPlan,
    prior: Option<&User>,
    found: &mut Findings<User>,
) -> Result<(), Error> {
    let Some((at, what)) = shuts_out(want, prior) else { return Ok(()) };
    let back = "The way back, whoever is locked out: `pveum user modify root@pam --enable 1 --expire 0` as root at a node's shell.";
    if cx.client.comes_as(ROOT) {
        let problem = Problem::new(
            format!("{ROOT} {what}, and the provider comes as {ROOT}"),
            format!(
                "Nothing was written. PVE turns its tokens away as well, so no later run could read or change anything. Give the \
                 provider the token of another user (`api_token`) first. {back}"
            ),
        );
        found.certain(problem.at(at));
        return Ok(());
    }
    if !somebody_else_could(cx).await? {
        let problem = Problem::new(
            format!("{ROOT} {what}, and nobody else could let it in again"),
            format!(
                "Nothing was written. No other user that is enabled and does not expire has {} on {}. Make one first (`pve_user` \
                 with `pve_acl`: role Administrator on `/`), and have this one depend on it. {back}",
                UNLOCKS.0, UNLOCKS.1
            ),
        );
        found.mendable(problem.at(at));
    }
    Ok(())
}

/// Whether another user could let root@pam in again. Only those are asked about of whom an entry above or at that path
/// speaks, by name or by group.
async fn somebody_else_could(cx: &Cx<Pve>) -> Result<bool, Error> {
    let doing = || format!("Cannot find out who could enter beside {ROOT}");
    let (privilege, path) = UNLOCKS;
    let above = ["/", "/access", path];
    let entries = cx.client.shared::<Vec<Entry>>(Area::Access, Request::get("access/acl")).await.during(doing())?;
    let named = |kind: &'static str| -> BTreeSet<&str> {
        let entries = entries.iter().filter(|entry| entry.kind == kind && above.contains(&entry.path.as_str()));
        entries.map(|entry| entry.ugid.as_str()).collect()
    };
    let (users, groups) = (named("user"), named("group"));
    for user in User::list(cx).await?.iter().filter(|user| user.userid != ROOT && lasts(user)) {
        let is_in = |group: &&str| user.groups.iter().flatten().any(|own| own == group);
        let speaks = users.contains(user.userid.as_str()) || groups.iter().any(is_in);
        if speaks && cx.client.access().of(&user.userid, path).await.during(doing())?.has(privilege) {
            return Ok(true);
        }
    }
    Ok(false)
}
