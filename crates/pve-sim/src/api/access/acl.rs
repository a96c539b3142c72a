//! `/access/acl`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::lock_user_cfg;
use crate::cluster::access::Subject;
use crate::kernel::{Call, PveError, Routes, normalise_path};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/access/acl", list);
    r.put("/access/acl", update);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let sees_all = call.may("/access", &["Sys.Audit"]);
    let visible = |path: &str| sees_all || call.may(path, &["Permissions.Modify"]);
    let mut list = Vec::new();
    for ((path, subject, role), propagate) in call.cluster.access.acl.iter().filter(|((path, _, _), _)| visible(path)) {
        let (kind, id) = subject.parts();
        let propagate = u8::from(*propagate);
        list.push(json!({ "path": path, "type": kind, "ugid": id, "roleid": role, "propagate": propagate }));
    }
    Ok(list.into())
}

/// Adds (or takes away) an entry for every role and subject; other entries stay.
fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let params = &call.params;
    if !["users", "groups", "tokens"].iter().any(|kind| params.has(kind)) {
        let why = "either 'users', 'groups' or 'tokens' is required.".to_owned();
        let errors = ["users", "groups", "tokens"].map(|kind| (kind.to_owned(), why.clone()));
        return Err(PveError::params(BTreeMap::from(errors)));
    }
    let given = params.need("path");
    let removes = params.flag("delete") == Some(true);
    let path = normalise_path(given).filter(|path| removes || is_known_path(path));
    let path = path.ok_or_else(|| PveError::param("path", format!("invalid ACL path '{given}'")))?;
    let propagate = params.flag("propagate").unwrap_or(true);
    let roles = params.list("roles");
    let mut subjects: Vec<Subject> = params.list("groups").into_iter().map(Subject::Group).collect();
    subjects.extend(params.list("users").into_iter().map(Subject::User));
    subjects.extend(params.list("tokens").into_iter().map(Subject::Token));

    let prefix = "ACL update failed: ";
    lock_user_cfg(call, prefix)?;
    let access = &mut call.cluster.access;
    for role in &roles {
        if access.role(role).is_none() {
            return Err(PveError::new(format!("{prefix}role '{role}' does not exist")));
        }
        for subject in &subjects {
            let entry = (path.clone(), subject.clone(), role.clone());
            if removes {
                access.acl.remove(&entry);
                continue;
            }
            let missing = match subject {
                Subject::User(id) if !access.users.contains_key(id) => Some(format!("user '{id}' does not exist")),
                Subject::Group(id) if !access.groups.contains_key(id) => Some(format!("group '{id}' does not exist")),
                Subject::Token(full) => {
                    let (user, id) = full.split_once('!').unwrap_or((full, ""));
                    let known = access.users.get(user).is_some_and(|user| user.tokens.contains_key(id));
                    (!known).then(|| format!("no such token '{id}' for user '{user}'"))
                }
                _ => None,
            };
            if let Some(why) = missing {
                return Err(PveError::new(format!("{prefix}{why}")));
            }
            access.acl.insert(entry, propagate);
        }
    }
    Ok(Value::Null)
}

/// Whether a path belongs to the scheme of paths that entries can be made for.
fn is_known_path(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => true,
        ["access"] | ["access", "groups" | "realm"] | ["access", "groups" | "realm", _] => true,
        ["nodes" | "storage"] | ["nodes" | "storage", _] => true,
        ["vms"] => true,
        ["vms", vmid] => vmid.parse::<u32>().is_ok_and(|vmid| vmid >= 100),
        ["pool"] | ["pool", _] | ["pool", _, _] | ["pool", _, _, _] => true,
        ["sdn"] | ["sdn", "zones" | "controllers" | "dns" | "ipams" | "fabrics"] => true,
        ["sdn", "zones", _] | ["sdn", "zones", _, _] | ["sdn", "zones", _, _, _] => true,
        ["sdn", "controllers" | "dns" | "ipams" | "fabrics", _] => true,
        ["mapping"] | ["mapping", "dir" | "notifications" | "pci" | "usb" | "cpu"] => true,
        ["mapping", "dir" | "notifications" | "pci" | "usb" | "cpu", _] => true,
        _ => false,
    }
}
