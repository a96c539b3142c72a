//! `/cluster/ha/resources`: which guests are under HA, and requests to move them.

use serde_json::{Map, Value, json};

use super::sid::Given;
use crate::cluster::ha::{Command, Resource, Sid, digest};
use crate::kernel::locks::Lock;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/ha/resources", list);
    r.post("/cluster/ha/resources", create);
    r.get("/cluster/ha/resources/{sid}", read);
    r.put("/cluster/ha/resources/{sid}", update);
    r.delete("/cluster/ha/resources/{sid}", delete);
    r.post("/cluster/ha/resources/{sid}/migrate", |call| request_move(call, Command::Migrate));
    r.post("/cluster/ha/resources/{sid}/relocate", |call| request_move(call, Command::Relocate));
}

/// What is stored, and nothing for what is not: PVE does not fill in its defaults here.
fn entry(resource: &Resource, digest: &str) -> Value {
    let mut entry = Map::from_iter([
        ("sid".to_owned(), json!(resource.sid.to_string())),
        ("type".to_owned(), json!(resource.sid.kind())),
    ]);
    entry.insert("digest".to_owned(), json!(digest));
    let fields = [
        ("state", resource.state.as_deref().map(Value::from)),
        ("max_restart", resource.max_restart.map(Value::from)),
        ("max_relocate", resource.max_relocate.map(Value::from)),
        ("failback", resource.failback.map(|on| u8::from(on).into())),
        ("group", resource.group.as_deref().map(Value::from)),
        ("comment", resource.comment.as_deref().map(Value::from)),
    ];
    entry.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(entry)
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let wanted = call.params.text("type");
    let mut resources: Vec<&Resource> = call.cluster.ha.resources.iter().collect();
    resources.retain(|resource| wanted.is_none_or(|wanted| wanted == resource.sid.kind()));
    resources.sort_by_key(|resource| resource.sid.to_string());
    let digest = digest(&call.cluster.ha.resources);
    Ok(resources.into_iter().map(|resource| entry(resource, &digest)).collect())
}

/// The name in the path.
fn given(call: &Call<'_>) -> Result<Given, PveError> {
    Given::parse(call.params.need("sid"), call.cluster)
}

/// The resource of this name, kind and all, if it is in the configuration.
fn stored(given: &Given, call: &Call<'_>) -> Option<Sid> {
    let sid = given.sid()?;
    call.cluster.ha.resource(sid).map(|resource| resource.sid).filter(|stored| stored.1 == sid.1)
}

fn unknown(given: &Given) -> PveError {
    PveError::new(format!("no such resource '{}'", given.text))
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let given = given(call)?;
    let ha = &call.cluster.ha;
    let resource = stored(&given, call).and_then(|sid| ha.resource(sid)).ok_or_else(|| unknown(&given))?;
    Ok(entry(resource, &digest(&ha.resources)))
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.need_quorum()?;
    let given = given(call)?;
    if call.params.text("type").is_some_and(|kind| kind != given.kind) {
        return Err(PveError::new("types does not match"));
    }
    let sid = given.of_guest(call.cluster)?;
    without_group(call)?;
    let failed = "create resource failed: ";
    let mut resource = Resource::new(sid);
    call.lock(Lock::domain("ha")).map_err(|e| e.prefix(failed))?;
    apply(call, &mut resource).map_err(|e| e.prefix(failed))?;
    call.cluster.ha.add(resource).map_err(|e| PveError::new(e).prefix(failed))?;
    Ok(Value::Null)
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let given = given(call)?;
    without_group(call)?;
    if let Some(sid) = given.sid() {
        call.cluster.ha.must_not_be_in_error(sid, call.params.text("state")).map_err(PveError::new)?;
    }
    change(call, &given).map_err(|e| e.prefix("update resources config failed: "))?;
    Ok(Value::Null)
}

fn change(call: &mut Call<'_>, given: &Given) -> Result<(), PveError> {
    call.lock(Lock::domain("ha"))?;
    let ha = &call.cluster.ha;
    if call.params.text("digest").is_some_and(|known| known != digest(&ha.resources)) {
        let text = "detected modified configuration - file changed by other user? Try again.";
        return Err(PveError::new(text));
    }
    let sid = stored(given, call).ok_or_else(|| unknown(given))?;
    let mut resource = ha.resource(sid).cloned().ok_or_else(|| unknown(given))?;
    apply(call, &mut resource)?;
    for option in call.params.list("delete") {
        unset(&mut resource, &option)?;
    }
    if let Some(stored) = call.cluster.ha.resource_mut(sid) {
        *stored = resource;
    }
    Ok(())
}

fn without_group(call: &Call<'_>) -> Result<(), PveError> {
    let Some(group) = call.params.text("group") else { return Ok(()) };
    match call.cluster.profile.is_8() {
        // Belief, as all of PVE 8.
        true if !call.cluster.ha.groups.contains_key(group) => {
            Err(PveError::new(format!("ha group '{group}' does not exist")))
        }
        true => Ok(()),
        false => Err(PveError::new("invalid parameter 'group': ha groups have been migrated to rules")),
    }
}

/// Takes over what is given.
fn apply(call: &Call<'_>, resource: &mut Resource) -> Result<(), PveError> {
    let params = &call.params;
    if let Some(state) = params.text("state") {
        resource.state = Some(state.to_owned());
    }
    resource.max_restart = params.number("max_restart").or(resource.max_restart);
    resource.max_relocate = params.number("max_relocate").or(resource.max_relocate);
    resource.failback = params.flag("failback").or(resource.failback);
    if let Some(group) = params.text("group") {
        resource.group = Some(group.to_owned());
    }
    if let Some(comment) = params.text("comment") {
        if comment.contains('\n') {
            return Err(PveError::new("property contains a line feed"));
        }
        resource.comment = Some(comment.to_owned()).filter(|text| !text.is_empty());
    }
    Ok(())
}

fn unset(resource: &mut Resource, option: &str) -> Result<(), PveError> {
    match option {
        "state" => resource.state = None,
        "max_restart" => resource.max_restart = None,
        "max_relocate" => resource.max_relocate = None,
        "failback" => resource.failback = None,
        "comment" => resource.comment = None,
        "group" => resource.group = None,
        _ => return Err(PveError::new(format!("no such option '{option}'"))),
    }
    Ok(())
}

/// The guest stays as it is; the manager lets go of it in its next round.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let given = given(call)?;
    let sid = stored(&given, call);
    let Some(Sid(vmid, _)) = sid else {
        return Err(PveError::new(format!("cannot delete service '{}', not HA managed!", given.text)));
    };
    call.lock(Lock::domain("ha")).map_err(|e| e.prefix("delete resource failed: "))?;
    // PVE 8 has no rules, and no such parameter.
    let purge = call.params.flag("purge").unwrap_or(true);
    call.cluster.ha.remove(vmid, purge);
    Ok(Value::Null)
}

/// Queued for the manager, which drops what cannot be done: whether the node exists is not looked at here.
fn request_move(call: &mut Call<'_>, command: fn(Sid, String) -> Command) -> Result<Value, PveError> {
    let given = given(call)?;
    let managed = stored(&given, call).filter(|sid| call.cluster.ha.manages(*sid));
    let sid = managed.ok_or_else(|| PveError::new(format!("resource '{}' is not HA managed", given.text)))?;
    call.cluster.ha.must_not_be_in_error(sid, None).map_err(PveError::new)?;
    call.lock(Lock::domain("ha"))?;
    let node = call.params.need("node").to_owned();
    call.cluster.ha.crm.commands.push_back(command(sid, node.clone()));
    let mut answer = json!({ "sid": given.text, "requested-node": node });
    let ha = &call.cluster.ha;
    if call.cluster.nodes.online(&node) {
        let (together, apart) = ha.affected(sid, &node);
        if !together.is_empty() {
            answer["comigrated-resources"] = together.iter().map(Sid::to_string).collect();
        }
        if !apart.is_empty() {
            let blocking = |sid: &Sid| json!({ "sid": sid.to_string(), "cause": "resource-affinity" });
            answer["blocking-resources"] = apart.iter().map(blocking).collect();
        }
    }
    Ok(answer)
}
