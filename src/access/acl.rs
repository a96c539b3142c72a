//! `pve_acl`: a role for somebody on some path.

use pve_client::{Area, Lock, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Error, Findings, Model, Need, Queried, Seen, Timeouts};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::{Family, OwnRight, Section, ids, listed, lives, said_again, sees_all};

use super::{acl_path, group, user};

/// An entry of the access control list: somebody has a role on a path and, if it propagates, on all below.
///
/// Each entry is an object of its own; others on the same path are left alone. On each level the most specific path that has
/// entries for somebody wins: a narrow role on a deep path takes away what is inherited there.
///
/// What the path is about need not exist: PVE takes the entry all the same, and the plan says so.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "acl", area = "Access", key(path, roleid, who), rest = path)]
pub struct Acl {
    /// Where, in PVE's tree of permissions: `/`, `/vms/100`, `/storage/ceph`, `/pool/web`, ...
    #[attr(
        required,
        replace,
        regex = r"^/([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$",
        says = "a path that begins with `/` and does not end with one; letters, digits, `.`, `_`, `-`"
    )]
    pub path: String,
    /// The role, such as `PVEVMAdmin` or `pve_role.backup.roleid`.
    #[attr(required, replace, regex = r"^[A-Za-z0-9._-]+$", says = "letters, digits, `.`, `_`, `-`")]
    pub roleid: String,
    /// Who: a user (`joe@pve`), a token (`joe@pve!ci`) or a group with an `@` before its name (`@admins`).
    ///
    /// Never `root@pam`, which may do everything anyway.
    #[attr(required, replace, check = somebody)]
    pub who: String,
    /// Whether it holds for all below the path as well.
    #[attr(default = true)]
    pub propagate: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

fn somebody(who: &String) -> Result<(), String> {
    if who == "root@pam" {
        return Err(
            "must be somebody else: root@pam may do everything anyway, and PVE accepts an entry for it without \
                    storing it"
                .to_owned(),
        );
    }
    let is_name = |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || ":/,;".contains(c));
    let fits = match who.strip_prefix('@') {
        Some(group) => is_name(group) && !group.contains(['@', '!']),
        None => {
            who.split_once('@').is_some_and(|(name, realm)| is_name(name) && is_name(realm) && !realm.ends_with('!'))
        }
    };
    if fits {
        Ok(())
    } else {
        Err("must be a user `NAME@REALM`, a token `NAME@REALM!TOKEN` or a group `@NAME`".to_owned())
    }
}

/// What PVE calls whom the entry is for, and the parameter that takes it.
fn subject(who: &str) -> (&'static str, &'static str, &str) {
    match who.strip_prefix('@') {
        Some(group) => ("group", "groups", group),
        None if who.contains('!') => ("token", "tokens", who),
        None => ("user", "users", who),
    }
}

/// `GET /access/acl`.
#[derive(Deserialize)]
pub(super) struct Entry {
    pub(super) path: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) ugid: String,
    roleid: String,
    #[serde(default, deserialize_with = "pve_client::wire::boolean")]
    propagate: bool,
}

impl Section for Acl {
    const FAMILY: Family = Family { what: "Access control entry", ..Family::PLAIN };

    fn needs() -> Vec<Need> {
        vec![
            Need::to_plan("/access", &["Sys.Audit", "Permissions.Modify"]),
            Need::to_apply("{path}", &["Permissions.Modify"]),
        ]
    }

    fn write(key: &AclKey) -> Vec<OwnRight> {
        vec![OwnRight { path: key.path.clone(), any: may_write(&key.path) }]
    }

    fn sight(key: &AclKey) -> Option<OwnRight> {
        Some(OwnRight { path: key.path.clone(), any: may_write(&key.path) })
    }

    async fn find(cx: &Cx<Pve>, key: &AclKey) -> Result<Option<Self>, Problem> {
        let doing = format!("Cannot read the access control list for {}", key.path);
        let entries = cx.client.shared::<Vec<Entry>>(Area::Access, Request::get("access/acl")).await.during(doing)?;
        let (kind, _, ugid) = subject(&key.who);
        let is = |entry: &&Entry| {
            entry.path == key.path && entry.roleid == key.roleid && entry.kind == kind && entry.ugid == ugid
        };
        Ok(entries.iter().find(is).map(|entry| Self {
            path: key.path.clone(),
            roleid: key.roleid.clone(),
            who: key.who.clone(),
            propagate: entry.propagate,
            timeouts: Timeouts::default(),
        }))
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        write(cx, want, |request| request.flag("propagate", want.propagate), "give").await?;
        Ok(want.clone())
    }

    async fn change(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Self, Problem> {
        said_again(cx, want).await
    }

    async fn end(cx: &Cx<Pve>, was: &Self) -> Result<(), Problem> {
        write(cx, was, |request| request.flag("delete", true), "take away").await
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &AclPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if let Some(path) = want.path.text().filter(|_| found.is_plan() && prior.is_none()) {
            acl_path::look(cx, path, found).await?;
        }
        if let Some(roleid) = want.roleid.text() {
            let roles = ids(cx, "access/roles", Area::Access, "roleid").await?;
            if !roles.contains(roleid) {
                let problem = Problem::new(
                    format!("Role \"{roleid}\" does not exist"),
                    format!("Nothing was written. There are: {}. `pve_role` makes more.", listed(&roles)),
                );
                found.missing(cx.comes("role", roleid), problem.at("roleid"));
            }
        }
        let Some(who) = want.who.text() else { return Ok(()) };
        match who.strip_prefix('@') {
            Some(group) => group::must_exist(cx, group, "who", found).await,
            None => user::must_exist(cx, who.split('!').next().unwrap_or(who), "who", found).await,
        }
    }
}

/// The privileges of which one is enough to write an entry for this path. Where it is not `Permissions.Modify`, PVE takes only
/// roles whose privileges the writer has there.
fn may_write(path: &str) -> &'static [&'static str] {
    match path.split('/').nth(1) {
        Some("vms") => &["Permissions.Modify", "VM.Allocate"],
        Some("storage") => &["Permissions.Modify", "Datastore.Allocate"],
        Some("pool") => &["Permissions.Modify", "Pool.Allocate"],
        _ => &["Permissions.Modify"],
    }
}

async fn write(cx: &Cx<Pve>, entry: &Acl, with: impl FnOnce(Request) -> Request, doing: &str) -> Result<(), Problem> {
    let (_, parameter, id) = subject(&entry.who);
    let request =
        Request::put("access/acl").param("path", &entry.path).param("roles", &entry.roleid).param(parameter, id);
    let doing = format!("Cannot {doing} role \"{}\" on {} for {}", entry.roleid, entry.path, entry.who);
    let answer = cx.client.write::<()>(Lock::File("user.cfg"), &[Area::Access], with(request)).await.during(doing);
    answer.map_err(|problem| {
        problem.with_attributes(|parameter| match parameter {
            "path" => Some("path".into()),
            "roles" => Some("roleid".into()),
            "users" | "groups" | "tokens" => Some("who".into()),
            _ => None,
        })
    })
}

lives!(Acl);

impl Queried<Pve> for Acl {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        sees_all(cx, "/access", &["Sys.Audit", "Permissions.Modify"], "pve_acl").await?;
        let doing = "Cannot read the access control list";
        let entries = cx.client.shared::<Vec<Entry>>(Area::Access, Request::get("access/acl")).await.during(doing)?;
        let one = |entry: &Entry| Self {
            path: entry.path.clone(),
            roleid: entry.roleid.clone(),
            who: if entry.kind == "group" { format!("@{}", entry.ugid) } else { entry.ugid.clone() },
            propagate: entry.propagate,
            timeouts: Timeouts::default(),
        };
        Ok(entries.iter().map(one).map(Seen::whole).collect())
    }
}
