//! `/access/users`, `/access/password`.

use serde_json::{Map, Value, json};

use super::lock_user_cfg;
use super::tokens::token_fields;
use crate::cluster::access::{Access, User};
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/access/users", list);
    r.post("/access/users", create);
    r.get("/access/users/{userid}", read);
    r.put("/access/users/{userid}", update);
    r.delete("/access/users/{userid}", delete);
    r.put("/access/password", change_password);
}

/// What a user has besides state and groups.
const TEXTS: &[&str] = &["firstname", "lastname", "email", "comment", "keys"];

fn fields(user: &User) -> Map<String, Value> {
    let mut fields = Map::from_iter([("enable".to_owned(), json!(u8::from(user.enable)))]);
    if let Some(expire) = user.expire {
        fields.insert("expire".to_owned(), json!(expire));
    }
    for (name, text) in &user.texts {
        fields.insert((*name).to_owned(), json!(text));
    }
    // A line of user.cfg that reaches as far as the comment has an e-mail address, if only an empty one.
    if !user.texts.contains_key("email") && (user.texts.contains_key("comment") || user.texts.contains_key("keys")) {
        fields.insert("email".to_owned(), json!(""));
    }
    fields
}

fn unknown(userid: &str) -> PveError {
    PveError::new(format!("no such user ('{userid}')"))
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let access = &call.cluster.access;
    let privileges = ["User.Modify", "Sys.Audit"];
    let sees_all = call.may_any("/access/groups", &privileges);
    let visible = |userid: &str| {
        let by_group = |group: &String| call.may_any(&format!("/access/groups/{group}"), &privileges);
        // A token is not its user.
        sees_all || call.user.full() == userid || access.groups_of(userid).iter().any(by_group)
    };
    let full = call.params.flag("full") == Some(true);
    let enabled = call.params.flag("enabled");
    let mut list = Vec::new();
    for (userid, user) in &access.users {
        if !visible(userid) || enabled.is_some_and(|wanted| wanted != user.enable) {
            continue;
        }
        let mut entry = fields(user);
        entry.insert("userid".to_owned(), json!(userid));
        if let Some(kind) = realm_type(access, userid) {
            entry.insert("realm-type".to_owned(), kind);
        }
        if full {
            let tokens = user.tokens.iter().map(|(id, token)| {
                let mut token = token_fields(token);
                token["tokenid"] = json!(id);
                token
            });
            let tokens: Vec<Value> = tokens.collect();
            entry.insert("groups".to_owned(), json!(access.groups_of(userid).join(",")));
            entry.insert("tokens".to_owned(), if tokens.is_empty() { Value::Null } else { json!(tokens) });
        }
        list.push(Value::Object(entry));
    }
    Ok(list.into())
}

fn realm_type(access: &Access, userid: &str) -> Option<Value> {
    let (_, realm) = userid.rsplit_once('@')?;
    access.realms.get(realm)?.get("type").cloned()
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let userid = call.params.need("userid");
    let access = &call.cluster.access;
    let user = access.users.get(userid).ok_or_else(|| unknown(userid))?;
    let mut answer = fields(user);
    answer.insert("groups".to_owned(), json!(access.groups_of(userid)));
    let tokens: Map<_, _> = user.tokens.iter().map(|(id, token)| (id.clone(), token_fields(token))).collect();
    answer.insert("tokens".to_owned(), if tokens.is_empty() { Value::Null } else { Value::Object(tokens) });
    Ok(Value::Object(answer))
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "create user failed: ";
    lock_user_cfg(call, prefix)?;
    let userid = call.params.need("userid").to_owned();
    if call.cluster.access.users.contains_key(&userid) {
        return Err(PveError::new(format!("{prefix}user '{userid}' already exists")));
    }
    let groups = known_groups(call, prefix)?;
    let mut user = User { enable: true, expire: Some(0), ..User::default() };
    change(call, &mut user);
    let access = &mut call.cluster.access;
    access.users.insert(userid.clone(), user);
    access.join_groups(&userid, &groups);
    if let Some(password) = call.params.text("password") {
        access.set_password(&userid, password);
    }
    Ok(Value::Null)
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "update user failed: ";
    lock_user_cfg(call, prefix)?;
    let userid = call.params.need("userid").to_owned();
    let user = call.cluster.access.users.get(&userid).cloned();
    let mut user = user.ok_or_else(|| unknown(&userid).prefix(prefix))?;
    let groups = known_groups(call, prefix)?;
    change(call, &mut user);
    let replaces = call.params.has("groups") && call.params.flag("append") != Some(true);
    let access = &mut call.cluster.access;
    access.users.insert(userid.clone(), user);
    if replaces {
        access.leave_groups(&userid);
    }
    access.join_groups(&userid, &groups);
    Ok(Value::Null)
}

/// Takes over what was given; an empty text clears.
fn change(call: &Call<'_>, user: &mut User) {
    if let Some(enable) = call.params.flag("enable") {
        user.enable = enable;
    }
    if let Some(expire) = call.params.int("expire") {
        user.expire = u64::try_from(expire).ok();
    }
    for name in TEXTS {
        match call.params.text(name) {
            Some("") => drop(user.texts.remove(name)),
            Some(text) => drop(user.texts.insert(name, text.to_owned())),
            None => {}
        }
    }
}

fn known_groups(call: &Call<'_>, prefix: &str) -> Result<Vec<String>, PveError> {
    let groups = call.params.list("groups");
    match groups.iter().find(|group| !call.cluster.access.groups.contains_key(*group)) {
        Some(group) => Err(PveError::new(format!("{prefix}no such group '{group}'"))),
        None => Ok(groups),
    }
}

/// A user that does not exist is gone as well.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    lock_user_cfg(call, "delete user failed: ")?;
    let userid = call.params.need("userid").to_owned();
    call.cluster.access.remove_user(&userid);
    Ok(Value::Null)
}

fn change_password(call: &mut Call<'_>) -> Result<Value, PveError> {
    let userid = call.params.need("userid").to_owned();
    let (known, now) = (call.cluster.access.users.contains_key(&userid), call.now());
    if !known {
        return Err(unknown(&userid));
    }
    if !call.cluster.access.user_usable(&userid, now) {
        return Err(PveError::new(format!("user '{userid}' is disabled or expired")));
    }
    if !call.user.is_root() {
        let Some(own) = call.params.text("confirmation-password") else {
            return Err(PveError::param("confirmation-password", "password is required to modify user"));
        };
        if !call.cluster.access.password_is(&call.user.userid, own) {
            return Err(PveError::new("authentication failure"));
        }
    }
    let password = call.params.need("password").to_owned();
    call.cluster.access.set_password(&userid, &password);
    Ok(Value::Null)
}
