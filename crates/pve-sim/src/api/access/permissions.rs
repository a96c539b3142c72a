//! `/access/permissions`: who may do what where.

use serde_json::{Map, Value, json};

use crate::cluster::access::Identity;
use crate::kernel::{Call, PveError, Routes, normalise_path};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/access/permissions", permissions);
}

fn permissions(call: &mut Call<'_>) -> Result<Value, PveError> {
    let who = match call.params.text("userid") {
        Some(id) if id != call.user.full() => {
            let (userid, token) = match id.split_once('!') {
                Some((userid, token)) => (userid, Some(token.to_owned())),
                None => (id, None),
            };
            let who = Identity { userid: userid.to_owned(), token };
            if !call.user.owns(id) {
                call.demand("/access", &["Sys.Audit"])?;
            }
            who
        }
        _ => call.user.clone(),
    };
    let access = &call.cluster.access;
    let mut answer = Map::new();
    match call.params.text("path") {
        Some(given) => {
            let path = normalise_path(given);
            let path = path.ok_or_else(|| PveError::param("path", format!("invalid ACL path '{given}'")))?;
            let rights = access.rights(&who, &path, call.cluster.pool_of_path(&path));
            answer.insert(path.clone(), json!(flags(rights)));
        }
        None => {
            let mut paths = access.known_paths();
            // Rights on a pool are shown at its members, too.
            for pool in call.cluster.pools.all.values() {
                paths.extend(pool.vms.iter().map(|vmid| format!("/vms/{vmid}")));
                paths.extend(pool.storages.iter().map(|storage| format!("/storage/{storage}")));
            }
            for path in paths {
                let rights = access.rights(&who, &path, call.cluster.pool_of_path(&path));
                if !rights.is_empty() {
                    answer.insert(path, json!(flags(rights)));
                }
            }
        }
    }
    Ok(Value::Object(answer))
}

fn flags(rights: crate::cluster::access::Rights) -> Map<String, Value> {
    rights.into_iter().map(|(privilege, propagate)| (privilege, json!(u8::from(propagate)))).collect()
}
