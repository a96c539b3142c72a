//! `/cluster/ha/groups`: PVE 8's groups of nodes. A cluster whose groups have become rules, as those of every fresh PVE 9 have,
//! refuses every call.
//!
//! Belief: all of PVE 8, read from pve-ha-manager 4's `API2/HA/Groups.pm`; the refusals of PVE 9 are recorded.

use serde_json::{Value, json};

use super::rules::named_nodes;
use crate::cluster::ha::Group;
use crate::kernel::locks::Lock;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/ha/groups", |call| of_8(call, "index groups").map(|()| list(call)));
    r.post("/cluster/ha/groups", |call| of_8(call, "create group").and_then(|()| create(call)));
    r.get("/cluster/ha/groups/{group}", |call| of_8(call, "read group").and_then(|()| read(call)));
    r.put("/cluster/ha/groups/{group}", |call| of_8(call, "update group").and_then(|()| update(call)));
    r.delete("/cluster/ha/groups/{group}", |call| of_8(call, "delete group").and_then(|()| delete(call)));
}

fn of_8(call: &Call<'_>, doing: &str) -> Result<(), PveError> {
    match call.cluster.profile.is_8() {
        true => Ok(()),
        false => Err(PveError::new(format!("cannot {doing}: ha groups have been migrated to rules"))),
    }
}

fn entry(call: &Call<'_>, name: &str, group: &Group) -> Value {
    let one = |(node, priority): (&String, &u32)| match priority {
        0 => node.clone(),
        _ => format!("{node}:{priority}"),
    };
    let mut entry = json!({
        "group": name,
        "type": "group",
        "nodes": group.nodes.iter().map(one).collect::<Vec<_>>().join(","),
        "digest": digest(call),
    });
    for (name, flag) in [("restricted", group.restricted), ("nofailback", group.nofailback)] {
        if let Some(on) = flag {
            entry[name] = json!(u8::from(on));
        }
    }
    if let Some(comment) = &group.comment {
        entry["comment"] = json!(comment);
    }
    entry
}

fn digest(call: &Call<'_>) -> String {
    use sha1::{Digest, Sha1};
    hex::encode(Sha1::digest(format!("{:?}", call.cluster.ha.groups)))
}

fn list(call: &Call<'_>) -> Value {
    call.cluster.ha.groups.iter().map(|(name, group)| entry(call, name, group)).collect()
}

fn unknown(name: &str) -> PveError {
    PveError::new(format!("no such ha group '{name}'"))
}

fn read(call: &Call<'_>) -> Result<Value, PveError> {
    let name = call.params.need("group");
    let group = call.cluster.ha.groups.get(name).ok_or_else(|| unknown(name))?;
    Ok(entry(call, name, group))
}

fn apply(call: &Call<'_>, group: &mut Group) -> Result<(), PveError> {
    if call.params.has("nodes") {
        group.nodes = named_nodes(call)?;
    }
    group.restricted = call.params.flag("restricted").or(group.restricted);
    group.nofailback = call.params.flag("nofailback").or(group.nofailback);
    if let Some(comment) = call.params.text("comment") {
        group.comment = Some(comment.to_owned()).filter(|text| !text.is_empty());
    }
    Ok(())
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.lock(Lock::domain("ha"))?;
    let name = call.params.need("group").to_owned();
    if call.cluster.ha.groups.contains_key(&name) {
        return Err(PveError::new(format!("create ha group failed: ha group ID '{name}' already defined")));
    }
    let mut group = Group::default();
    apply(call, &mut group)?;
    call.cluster.ha.groups.insert(name, group);
    Ok(Value::Null)
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.lock(Lock::domain("ha"))?;
    if call.params.text("digest").is_some_and(|known| known != digest(call)) {
        return Err(PveError::new(
            "update ha group failed: detected modified configuration - file changed by other user? Try again.",
        ));
    }
    let name = call.params.need("group").to_owned();
    let mut group = call.cluster.ha.groups.get(&name).cloned().ok_or_else(|| unknown(&name))?;
    apply(call, &mut group)?;
    for option in call.params.list("delete") {
        match option.as_str() {
            "restricted" => group.restricted = None,
            "nofailback" => group.nofailback = None,
            "comment" => group.comment = None,
            "nodes" => return Err(PveError::new("update ha group failed: unable to delete required option 'nodes'")),
            _ => return Err(PveError::new(format!("update ha group failed: no such option '{option}'"))),
        }
    }
    call.cluster.ha.groups.insert(name, group);
    Ok(Value::Null)
}

fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.lock(Lock::domain("ha"))?;
    let name = call.params.need("group").to_owned();
    if call.cluster.ha.resources.iter().any(|resource| resource.group.as_deref() == Some(name.as_str())) {
        return Err(PveError::new("delete group failed: ha group is used by a resource"));
    }
    call.cluster.ha.groups.remove(&name);
    Ok(Value::Null)
}
