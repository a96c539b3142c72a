//! The permission expressions of the schema: `["perm", path, [privileges]]`, `and`, `or`, `userid-param` ...

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::PveError;
use super::params::split_list;
use crate::cluster::Cluster;
use crate::cluster::access::Identity;

/// Looks up a parameter of the call, unchecked: permissions come before the parameter check.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the method demands of who calls it.
pub(crate) fn demand(
    cluster: &Cluster,
    who: &Identity,
    permissions: Option<&Value>,
    lookup: Lookup<'_>,
) -> Result<(), PveError> {
    if who.is_root() {
        return Ok(());
    }
    let Some(permissions) = permissions else { return Err(PveError::permission("user != root@pam")) };
    if permissions["user"] == "all" || permissions["user"] == "world" {
        return Ok(());
    }
    Evaluation { cluster, who, lookup }.check(&permissions["check"], false)
}

impl Cluster {
    /// Whether somebody has all of the privileges on a path; guests and storages inherit from their resource pool.
    pub fn may(&self, who: &Identity, path: &str, privileges: &[&str]) -> bool {
        self.access.has(who, path, self.pool_of_path(path), privileges)
    }

    /// The resource pool that the object of a path is a member of.
    pub(crate) fn pool_of_path(&self, path: &str) -> Option<&str> {
        match path.strip_prefix("/storage/") {
            Some(storage) => self.pools.of_storage(storage),
            None => self.pools.of_vm(path.strip_prefix("/vms/")?.parse().ok()?),
        }
    }

    /// Demands all of the privileges; the refusal names the first that is missing.
    pub fn demand_all(&self, who: &Identity, path: &str, privileges: &[&str]) -> Result<(), PveError> {
        match privileges.iter().find(|privilege| !self.may(who, path, &[privilege])) {
            Some(missing) => Err(PveError::permission(&format!("{path}, {missing}"))),
            None => Ok(()),
        }
    }

    /// Demands one of the privileges; the refusal names them all.
    pub fn demand_any(&self, who: &Identity, path: &str, privileges: &[&str]) -> Result<(), PveError> {
        match privileges.iter().any(|privilege| self.may(who, path, &[privilege])) {
            true => Ok(()),
            false => Err(PveError::permission(&format!("{path}, {}", privileges.join("|")))),
        }
    }
}

struct Evaluation<'a> {
    cluster: &'a Cluster,
    who: &'a Identity,
    lookup: Lookup<'a>,
}

impl Evaluation<'_> {
    /// `inner`: below an `or`, where PVE's refusal says no more than that it is one.
    fn check(&self, check: &Value, inner: bool) -> Result<(), PveError> {
        let refusal = || PveError::permission("");
        let parts = check.as_array().ok_or_else(refusal)?;
        let result = match (parts.first().and_then(Value::as_str), &parts[1..]) {
            (Some("and"), checks) => return checks.iter().try_for_each(|check| self.check(check, inner)),
            (Some("or"), checks) => match checks.iter().any(|check| self.check(check, true).is_ok()) {
                true => Ok(()),
                false => Err(refusal()),
            },
            (Some("perm"), [path, privileges, options @ ..]) => self.perm(path, privileges, options),
            (Some("userid-param"), [wanted]) => self.userid_param(wanted.as_str().unwrap_or_default()),
            (Some("userid-group"), [privileges, options @ ..]) => self.userid_group(&texts(privileges), options),
            (Some("perm-modify"), [path]) => self.perm_modify(&self.filled(path.as_str().unwrap_or_default())),
            _ => Err(refusal()),
        };
        result.map_err(|error| if inner { refusal() } else { error })
    }

    fn perm(&self, path: &Value, privileges: &Value, options: &[Value]) -> Result<(), PveError> {
        let option = |name: &str| {
            let at = options.iter().position(|option| option == name)?;
            options.get(at + 1)
        };
        if let Some(needed) = option("require_param").and_then(Value::as_str)
            && (self.lookup)(needed).is_none()
        {
            return Err(PveError::permission(""));
        }
        let path = self.filled(path.as_str().unwrap_or_default());
        let privileges = texts(privileges);
        match option("any") {
            Some(_) => self.cluster.demand_any(self.who, &path, &privileges),
            None => self.cluster.demand_all(self.who, &path, &privileges),
        }
    }

    fn userid_param(&self, wanted: &str) -> Result<(), PveError> {
        let userid = (self.lookup)("userid").unwrap_or_default();
        if wanted == "self" {
            let own = self.who.token.is_none() && self.who.userid == userid;
            return if own { Ok(()) } else { Err(PveError::permission("")) };
        }
        let realm = userid.rsplit_once('@').map(|(_, realm)| realm).unwrap_or_default();
        self.cluster.demand_all(self.who, &format!("/access/realm/{realm}"), &[wanted])
    }

    /// A privilege on all users, or on a group that the user is in (or will be in).
    fn userid_group(&self, privileges: &[&str], options: &[Value]) -> Result<(), PveError> {
        let refusal = || PveError::permission("");
        let userid = (self.lookup)("userid").unwrap_or_default();
        let groups_param = options.iter().position(|o| o == "groups_param").and_then(|at| options.get(at + 1));
        let creates = groups_param.is_some_and(|mode| mode == "create");
        let access = &self.cluster.access;
        if !creates && !access.users.contains_key(&userid) {
            return Err(PveError::new(format!("no such user ('{userid}')")));
        }
        if self.cluster.demand_any(self.who, "/access/groups", privileges).is_ok() {
            return Ok(());
        }
        let on_group = |group: &String| {
            privileges
                .iter()
                .any(|privilege| self.cluster.may(self.who, &format!("/access/groups/{group}"), &[privilege]))
        };
        let allowed: BTreeSet<&String> = access.groups.keys().filter(|group| on_group(group)).collect();
        if groups_param.is_some() {
            let joined = privileges.join("|");
            let given = (self.lookup)("groups").unwrap_or_default();
            let wanted: Vec<String> = split_list(&given).map(str::to_owned).collect();
            if wanted.is_empty() {
                return Err(PveError::permission(&format!("/access/groups, {joined}")));
            }
            if let Some(group) = wanted.iter().find(|group| !allowed.contains(group)) {
                return Err(PveError::permission(&format!("/access/groups/{group}, {joined}")));
            }
        }
        let member = access.groups_of(&userid).iter().any(|group| allowed.contains(group));
        if creates || member { Ok(()) } else { Err(refusal()) }
    }

    /// Who may change the entries of a path: `Permissions.Modify`, or on guests, storages and pools their `Allocate`.
    fn perm_modify(&self, path: &str) -> Result<(), PveError> {
        let path = normalise_path(path).unwrap_or_else(|| path.to_owned());
        let own = [("/storage", "Datastore.Allocate"), ("/vms", "VM.Allocate"), ("/pool", "Pool.Allocate")];
        let mut privileges = vec!["Permissions.Modify"];
        privileges.extend(own.iter().filter(|(prefix, _)| path.starts_with(prefix)).map(|(_, privilege)| *privilege));
        self.cluster.demand_any(self.who, &path, &privileges)
    }

    /// The path with `{vmid}` and the like filled in.
    fn filled(&self, template: &str) -> String {
        let mut path = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            path.push_str(before);
            path.push_str(&(self.lookup)(name).unwrap_or_default());
            rest = after;
        }
        path + rest
    }
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `vms/100/` is `/vms/100`; `None` if it is no path at all.
pub(crate) fn normalise_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let plain = |part: &&str| part.chars().all(|c| c.is_ascii_alphanumeric() || "._-@:!".contains(c));
    parts.iter().all(plain).then(|| format!("/{}", parts.join("/")))
}
