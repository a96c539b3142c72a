//! `pve_role`: privileges under one name.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::{Area, Request};
use terraform_plugin::{Cx, Error, Findings, Model, Timeouts};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Live, Right, Section, listed, plain};

use super::USER_CFG;

/// A role: privileges under one name, given to somebody on some path by `pve_acl`.
///
/// The roles that PVE brings along (`Administrator`, `PVEAuditor`, ...) can be looked up and not changed. PVE does not look
/// whether a role is in use when it goes: entries of the access control list that name it go with it.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "role", area = "Access", key(roleid))]
pub struct Role {
    /// Its id; `PVE` at the beginning is reserved.
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
    if id.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("pve")) {
        return Err("must not begin with `PVE`: PVE reserves such names for its own roles".to_owned());
    }
    match OWN.contains(&id.as_str()) {
        true => Err("must be another one: PVE brings that role along and changes it for nobody".to_owned()),
        false => Ok(()),
    }
}

/// The role that has every privilege there is, whatever the version.
const ALL: &str = "Administrator";

/// PVE's own roles whose names do not begin with `PVE`.
const OWN: [&str; 2] = [ALL, "NoAccess"];

impl Section for Role {
    const FAMILY: Family = Family {
        what: "Role",
        path: "access/roles",
        write: Right { path: "/access", any: &["Sys.Modify"] },
        ..USER_CFG
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("append", "the whole set is given each time")];

    async fn possible(
        cx: &Cx<Pve>,
        want: &RolePlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let before = prior.and_then(|prior| prior.privs.clone()).unwrap_or_default();
        let named = want.privs.known().into_iter().flatten().filter_map(|privilege| privilege.text());
        let new: Vec<&str> = named.filter(|privilege| !before.contains(*privilege)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let roles: Arc<Vec<Live>> =
            cx.client.shared(Area::Access, Request::get("access/roles")).await.during("Cannot list the roles")?;
        let text =
            |role: &Live, name: &str| role.get(name).and_then(|json| json.as_str()).unwrap_or_default().to_owned();
        let all =
            roles.iter().find(|role| text(role, "roleid") == ALL).map(|role| text(role, "privs")).unwrap_or_default();
        let all: BTreeSet<String> = all.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        for privilege in new.into_iter().filter(|privilege| !all.is_empty() && !all.contains(*privilege)) {
            let kind = privilege.split('.').next().unwrap_or_default();
            let alike: BTreeSet<String> =
                all.iter().filter(|known| known.split('.').next() == Some(kind)).cloned().collect();
            let there = if alike.is_empty() { all.clone() } else { alike };
            let problem = Problem::new(
                format!("PVE knows no privilege \"{privilege}\""),
                format!("Nothing was written. There are: {}.", listed(&there)),
            );
            found.certain(problem.at("privs"));
        }
        Ok(())
    }
}

plain!(Role, "roles");
