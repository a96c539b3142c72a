//! `/access/groups`.

use serde_json::{Value, json};

use super::lock_user_cfg;
use crate::cluster::access::{Group, Subject};
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/access/groups", list);
    r.post("/access/groups", create);
    r.get("/access/groups/{groupid}", read);
    r.put("/access/groups/{groupid}", update);
    r.delete("/access/groups/{groupid}", delete);
}

fn unknown(groupid: &str) -> PveError {
    PveError::new(format!("group '{groupid}' does not exist"))
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let privileges = ["User.Modify", "Sys.Audit", "Group.Allocate"];
    let visible = |id: &&String| call.may_any(&format!("/access/groups/{id}"), &privileges);
    let mut list = Vec::new();
    for (id, group) in call.cluster.access.groups.iter().filter(|(id, _)| visible(id)) {
        let members: Vec<&str> = group.members.iter().map(String::as_str).collect();
        let mut entry = json!({ "groupid": id, "users": members.join(",") });
        if let Some(comment) = &group.comment {
            entry["comment"] = json!(comment);
        }
        list.push(entry);
    }
    Ok(list.into())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let groupid = call.params.need("groupid");
    let group = call.cluster.access.groups.get(groupid).ok_or_else(|| unknown(groupid))?;
    let mut answer = json!({ "members": group.members });
    if let Some(comment) = &group.comment {
        answer["comment"] = json!(comment);
    }
    Ok(answer)
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "create group failed: ";
    lock_user_cfg(call, prefix)?;
    let groupid = call.params.need("groupid").to_owned();
    if call.cluster.access.groups.contains_key(&groupid) {
        return Err(PveError::new(format!("{prefix}group '{groupid}' already exists")));
    }
    let comment = call.params.text("comment").filter(|text| !text.is_empty()).map(str::to_owned);
    call.cluster.access.groups.insert(groupid, Group { comment, ..Group::default() });
    Ok(Value::Null)
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "update group failed: ";
    lock_user_cfg(call, prefix)?;
    let groupid = call.params.need("groupid").to_owned();
    let comment = call.params.text("comment").map(str::to_owned);
    let group = call.cluster.access.groups.get_mut(&groupid).ok_or_else(|| unknown(&groupid).prefix(prefix))?;
    if let Some(comment) = comment {
        group.comment = Some(comment).filter(|text| !text.is_empty());
    }
    Ok(Value::Null)
}

fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "delete group failed: ";
    lock_user_cfg(call, prefix)?;
    let groupid = call.params.need("groupid").to_owned();
    let access = &mut call.cluster.access;
    access.groups.remove(&groupid).ok_or_else(|| unknown(&groupid).prefix(prefix))?;
    access.acl.retain(|(_, subject, _), _| *subject != Subject::Group(groupid.clone()));
    Ok(Value::Null)
}
