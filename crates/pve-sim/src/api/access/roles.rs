//! `/access/roles`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::lock_user_cfg;
use crate::cluster::access::roles::BUILTIN;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/access/roles", list);
    r.post("/access/roles", create);
    r.get("/access/roles/{roleid}", read);
    r.put("/access/roles/{roleid}", update);
    r.delete("/access/roles/{roleid}", delete);
}

fn unknown(roleid: &str) -> PveError {
    PveError::new(format!("role '{roleid}' does not exist"))
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let access = &call.cluster.access;
    let names = BUILTIN.iter().copied().chain(access.roles.keys().map(String::as_str));
    let entry = |name: &str| {
        let privileges: Vec<String> = access.role(name).into_iter().flatten().collect();
        let special = u8::from(BUILTIN.contains(&name));
        json!({ "roleid": name, "privs": privileges.join(","), "special": special })
    };
    Ok(names.map(entry).collect())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let roleid = call.params.need("roleid");
    let privileges = call.cluster.access.role(roleid).ok_or_else(|| unknown(roleid))?;
    Ok(Value::Object(privileges.into_iter().map(|privilege| (privilege, json!(1))).collect::<Map<_, _>>()))
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let roleid = call.params.need("roleid").to_owned();
    if roleid.to_ascii_uppercase().starts_with("PVE") {
        let why = "cannot use role ID starting with the (case-insensitive) 'PVE' namespace";
        return Err(PveError::param("roleid", why));
    }
    let prefix = "create role failed: ";
    lock_user_cfg(call, prefix)?;
    if call.cluster.access.role(&roleid).is_some() {
        return Err(PveError::new(format!("{prefix}role '{roleid}' already exists")));
    }
    let privileges: BTreeSet<String> = call.params.list("privs").into_iter().collect();
    call.cluster.access.roles.insert(roleid, privileges);
    Ok(Value::Null)
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let roleid = call.params.need("roleid").to_owned();
    if BUILTIN.contains(&roleid.as_str()) {
        return Err(PveError::new(format!("auto-generated role '{roleid}' cannot be modified")));
    }
    let prefix = "update role failed: ";
    lock_user_cfg(call, prefix)?;
    let (given, append) = (call.params.list("privs"), call.params.flag("append") == Some(true));
    let role = call.cluster.access.roles.get_mut(&roleid).ok_or_else(|| unknown(&roleid).prefix(prefix))?;
    if !append {
        role.clear();
    }
    role.extend(given);
    Ok(Value::Null)
}

/// Entries that use the role go with it.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let roleid = call.params.need("roleid").to_owned();
    if BUILTIN.contains(&roleid.as_str()) {
        return Err(PveError::new(format!("auto-generated role '{roleid}' cannot be deleted")));
    }
    let prefix = "delete role failed: ";
    lock_user_cfg(call, prefix)?;
    let access = &mut call.cluster.access;
    access.roles.remove(&roleid).ok_or_else(|| unknown(&roleid).prefix(prefix))?;
    access.acl.retain(|(_, _, role), _| *role != roleid);
    Ok(Value::Null)
}
