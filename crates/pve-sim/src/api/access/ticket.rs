//! `/access/ticket`: login.

use serde_json::{Map, Value, json};

use crate::cluster::access::{Identity, ROOT};
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/access/ticket", dummy);
    r.post("/access/ticket", login);
}

fn dummy(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(Value::Null)
}

fn login(call: &mut Call<'_>) -> Result<Value, PveError> {
    let failure = || PveError::status(401, "authentication failure");
    let userid = match call.params.text("realm") {
        Some(realm) => format!("{}@{realm}", call.params.need("username")),
        None => call.params.need("username").to_owned(),
    };
    let (now, password) = (call.clock(), call.params.need("password").to_owned());
    let access = &call.cluster.access;
    if !access.user_usable(&userid, now) {
        return Err(failure());
    }
    // A ticket renews itself; that of root@pam makes one for anybody.
    let renewed = access.check_ticket(&password, now).is_some_and(|who| who.userid == userid || who.userid == ROOT);
    if !renewed && !access.password_is(&userid, &password) {
        return Err(failure());
    }
    let who = Identity::user(&userid);
    if let (Some(path), Some(_)) = (call.params.text("path"), call.params.text("privs")) {
        let privileges = call.params.list("privs");
        let privileges: Vec<&str> = privileges.iter().map(String::as_str).collect();
        return if call.cluster.may(&who, path, &privileges) {
            Ok(json!({ "username": userid }))
        } else {
            Err(failure())
        };
    }
    let mut answer = json!({
        "username": userid,
        "ticket": access.issue_ticket(&userid, now),
        "CSRFPreventionToken": access.issue_csrf(&userid, now),
        "cap": capabilities(call, &who),
    });
    if call.cluster.corosync.is_some() && call.cluster.may(&who, "/", &["Sys.Audit"]) {
        answer["clustername"] = json!(call.cluster.name);
    }
    Ok(answer)
}

/// What the web interface shows to whom: the areas with the privileges somebody has anywhere in them.
fn capabilities(call: &Call<'_>, who: &Identity) -> Value {
    let areas: [(&str, &str, &[&str]); 7] = [
        ("vms", "/vms", &["VM."]),
        ("storage", "/storage", &["Datastore."]),
        ("access", "/access", &["User.", "Group."]),
        ("nodes", "/nodes", &["Sys."]),
        ("sdn", "/sdn", &["SDN."]),
        ("mapping", "/mapping", &["Mapping."]),
        ("dc", "/", &["Sys.Audit", "Sys.Modify", "SDN."]),
    ];
    let paths = call.cluster.access.known_paths();
    let mut capabilities = Map::new();
    for (area, root, prefixes) in areas {
        let mut found = Map::new();
        let inside = |path: &&String| area != "dc" && (**path == *root || path.starts_with(&format!("{root}/")));
        let here = std::iter::once(root).chain(paths.iter().filter(inside).map(String::as_str));
        for privilege in here.flat_map(|path| call.cluster.access.rights(who, path, None).into_keys()) {
            let wanted = prefixes.iter().any(|prefix| privilege.starts_with(prefix))
                || (privilege == "Permissions.Modify" && area != "dc");
            if wanted {
                found.insert(privilege, 1.into());
            }
        }
        capabilities.insert(area.to_owned(), Value::Object(found));
    }
    Value::Object(capabilities)
}
