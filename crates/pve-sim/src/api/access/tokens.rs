//! `/access/users/{userid}/token`.

use serde_json::{Value, json};

use super::lock_user_cfg;
use crate::cluster::access::{Subject, Token};
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/access/users/{userid}/token", list);
    r.get("/access/users/{userid}/token/{tokenid}", read);
    r.post("/access/users/{userid}/token/{tokenid}", create);
    r.put("/access/users/{userid}/token/{tokenid}", update);
    r.delete("/access/users/{userid}/token/{tokenid}", delete);
}

/// A token without its secret.
pub(super) fn token_fields(token: &Token) -> Value {
    let mut fields = json!({ "privsep": u8::from(token.privsep), "expire": token.expire });
    if let Some(comment) = &token.comment {
        fields["comment"] = json!(comment);
    }
    fields
}

fn find(call: &Call<'_>) -> Result<Token, PveError> {
    let (userid, tokenid) = (call.params.need("userid"), call.params.need("tokenid"));
    let token = call.cluster.access.users.get(userid).and_then(|user| user.tokens.get(tokenid)).cloned();
    token.ok_or_else(|| PveError::new(format!("no such token '{tokenid}' for user '{userid}'")))
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let userid = call.params.need("userid");
    let user = call.cluster.access.users.get(userid);
    let user = user.ok_or_else(|| PveError::new(format!("no such user ('{userid}')")))?;
    let entry = |(id, token): (&String, &Token)| {
        let mut entry = token_fields(token);
        entry["tokenid"] = json!(id);
        entry
    };
    Ok(user.tokens.iter().map(entry).collect())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(token_fields(&find(call)?))
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    lock_user_cfg(call, "generating token failed: ")?;
    let (userid, tokenid) = (call.params.need("userid").to_owned(), call.params.need("tokenid").to_owned());
    if find(call).is_ok() {
        return Err(PveError::param("tokenid", "Token already exists."));
    }
    let value = call.cluster.ids.uuid();
    let mut token = Token { privsep: true, expire: 0, comment: None, value: value.clone() };
    let mut info = json!({ "privsep": 1 });
    change(call, &mut token, &mut info);
    let Some(user) = call.cluster.access.users.get_mut(&userid) else {
        return Err(PveError::new(format!("no such user ('{userid}')")));
    };
    user.tokens.insert(tokenid.clone(), token);
    Ok(json!({ "full-tokenid": format!("{userid}!{tokenid}"), "info": info, "value": value }))
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    lock_user_cfg(call, "updating token info failed: ")?;
    let mut token = find(call)?;
    let mut answer = token_fields(&token);
    change(call, &mut token, &mut answer);
    let (userid, tokenid) = (call.params.need("userid").to_owned(), call.params.need("tokenid").to_owned());
    if call.params.list("delete").iter().any(|key| key == "comment") {
        token.comment = None;
        if let Some(fields) = answer.as_object_mut() {
            fields.remove("comment");
        }
    }
    if call.params.flag("regenerate") == Some(true) {
        token.value = call.cluster.ids.uuid();
        answer["value"] = json!(token.value);
        answer["full-tokenid"] = json!(format!("{userid}!{tokenid}"));
    }
    if let Some(user) = call.cluster.access.users.get_mut(&userid) {
        user.tokens.insert(tokenid, token);
    }
    Ok(answer)
}

/// Takes over what was given; the answer repeats it as it came, as texts.
fn change(call: &Call<'_>, token: &mut Token, answer: &mut Value) {
    if let Some(privsep) = call.params.flag("privsep") {
        token.privsep = privsep;
    }
    if let Some(expire) = call.params.int("expire") {
        token.expire = u64::try_from(expire).unwrap_or(0);
    }
    if let Some(comment) = call.params.text("comment") {
        token.comment = Some(comment.to_owned()).filter(|comment| !comment.is_empty());
    }
    for name in ["privsep", "expire", "comment"] {
        if let Some(text) = call.params.text(name) {
            answer[name] = json!(text);
        }
    }
    if let Some(fields) = answer.as_object_mut().filter(|_| token.comment.is_none()) {
        fields.remove("comment");
    }
}

fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    lock_user_cfg(call, "deleting token failed: ")?;
    find(call)?;
    let (userid, tokenid) = (call.params.need("userid").to_owned(), call.params.need("tokenid").to_owned());
    let access = &mut call.cluster.access;
    if let Some(user) = access.users.get_mut(&userid) {
        user.tokens.remove(&tokenid);
    }
    let gone = Subject::Token(format!("{userid}!{tokenid}"));
    access.acl.retain(|(_, subject, _), _| *subject != gone);
    Ok(Value::Null)
}
