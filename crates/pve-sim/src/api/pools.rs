//! `/pools`: resource pools. The id stands in the query or the body; the older form with the id in the path is there,
//! too.

use serde_json::{Map, Value, json};

use super::cluster::resources;
use crate::cluster::pools::Pool;
use crate::kernel::locks::Lock;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/pools", list);
    r.post("/pools", create);
    r.put("/pools", update);
    r.delete("/pools", delete);
    r.get("/pools/{poolid}", read);
    r.put("/pools/{poolid}", update);
    r.delete("/pools/{poolid}", delete);
}

fn unknown(poolid: &str) -> PveError {
    PveError::new(format!("pool '{poolid}' does not exist"))
}

fn fields(pool: &Pool) -> Map<String, Value> {
    pool.comment.iter().map(|comment| ("comment".to_owned(), json!(comment))).collect()
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    if let Some(poolid) = call.params.text("poolid").map(str::to_owned) {
        call.demand(&format!("/pool/{poolid}"), &["Pool.Audit"])?;
        let mut pool = with_members(call, &poolid)?;
        pool.insert("poolid".to_owned(), json!(poolid));
        return Ok(json!([pool]));
    }
    let visible = call.cluster.pools.all.iter().filter(|(id, _)| call.may(&format!("/pool/{id}"), &["Pool.Audit"]));
    let entry = |(id, pool): (&String, &Pool)| {
        let mut entry = fields(pool);
        entry.insert("poolid".to_owned(), json!(id));
        Value::Object(entry)
    };
    Ok(visible.map(entry).collect())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let poolid = call.params.need("poolid").to_owned();
    let mut pool = with_members(call, &poolid)?;
    pool.insert("poolid".to_owned(), json!(poolid));
    Ok(Value::Object(pool))
}

/// The pool and those of its members that exist and may be seen, as `/cluster/resources` shows them.
fn with_members(call: &Call<'_>, poolid: &str) -> Result<Map<String, Value>, PveError> {
    let pool = call.cluster.pools.all.get(poolid).ok_or_else(|| unknown(poolid))?;
    let wanted = call.params.text("type");
    let is_member = |entry: &Value| {
        let kind = entry["type"].as_str().unwrap_or_default();
        let vm = entry["vmid"]
            .as_u64()
            .and_then(|vmid| u32::try_from(vmid).ok())
            .is_some_and(|vmid| pool.vms.contains(&vmid));
        let storage = entry["storage"].as_str().is_some_and(|storage| pool.storages.contains(storage));
        // A storage is shown as the node that answers sees it.
        let here = entry["type"] != "storage" || entry["node"] == call.served_by.as_str();
        (vm || storage) && here && wanted.is_none_or(|wanted| wanted == kind)
    };
    let mut members: Vec<Value> = resources::visible(call).into_iter().filter(is_member).collect();
    for member in members.iter_mut().filter_map(Value::as_object_mut) {
        member.remove("pool");
    }
    let mut answer = fields(pool);
    answer.insert("members".to_owned(), json!(members));
    Ok(answer)
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "create pool failed: ";
    call.lock(Lock::file("user.cfg")).map_err(|error| error.prefix(prefix))?;
    let poolid = call.params.need("poolid").to_owned();
    let pools = &call.cluster.pools.all;
    if pools.contains_key(&poolid) {
        return Err(PveError::new(format!("{prefix}pool '{poolid}' already exists")));
    }
    if let Some((parent, _)) = poolid.rsplit_once('/')
        && !pools.contains_key(parent)
    {
        return Err(PveError::new(format!("{prefix}parent '{parent}' of pool '{poolid}' does not exist")));
    }
    let comment = call.params.text("comment").filter(|text| !text.is_empty()).map(str::to_owned);
    call.cluster.pools.all.insert(poolid, Pool { comment, ..Pool::default() });
    Ok(Value::Null)
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "update pools failed: ";
    let fail = |why: String| PveError::new(format!("{prefix}{why}"));
    call.lock(Lock::file("user.cfg")).map_err(|error| error.prefix(prefix))?;
    let poolid = call.params.need("poolid").to_owned();
    let mut pool = call.cluster.pools.all.get(&poolid).cloned().ok_or_else(|| unknown(&poolid).prefix(prefix))?;
    let removes = call.params.flag("delete") == Some(true);
    let moves = call.params.flag("allow-move") == Some(true);
    if let Some(comment) = call.params.text("comment") {
        pool.comment = Some(comment.to_owned()).filter(|text| !text.is_empty());
    }
    let vms: Vec<u32> = call.params.list("vms").iter().filter_map(|vmid| vmid.parse().ok()).collect();
    for vmid in &vms {
        call.demand_any(&format!("/vms/{vmid}"), &["VM.Allocate", "Permissions.Modify"])?;
        match call.cluster.pools.of_vm(*vmid) {
            Some(other) if !removes && other == poolid => {
                return Err(fail(format!("VM {vmid} is already a pool member")));
            }
            other if removes && other != Some(&poolid) => return Err(fail(format!("VM {vmid} is not a pool member"))),
            Some(other) if !removes && other != poolid && !moves => {
                let why = format!("VM {vmid} belongs already to pool '{other}' and 'allow-move' is not set");
                return Err(fail(why));
            }
            _ => {}
        }
    }
    let storages = call.params.list("storage");
    for storage in &storages {
        call.demand_any(&format!("/storage/{storage}"), &["Datastore.Allocate", "Permissions.Modify"])?;
        if removes && !pool.storages.contains(storage) {
            return Err(fail(format!("Storage '{storage}' is not a pool member")));
        }
    }
    if removes {
        pool.vms.retain(|vmid| !vms.contains(vmid));
        pool.storages.retain(|storage| !storages.contains(storage));
    } else {
        vms.iter().for_each(|vmid| call.cluster.pools.forget_vm(*vmid));
        pool.vms.extend(vms);
        pool.storages.extend(storages);
    }
    call.cluster.pools.all.insert(poolid, pool);
    Ok(Value::Null)
}

/// Only an empty pool goes. Numbers that no guest has and names of no storage do not fill it.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "delete pool failed: ";
    call.lock(Lock::file("user.cfg")).map_err(|error| error.prefix(prefix))?;
    let poolid = call.params.need("poolid").to_owned();
    let pools = &call.cluster.pools.all;
    let pool = pools.get(&poolid).ok_or_else(|| unknown(&poolid).prefix(prefix))?;
    let inner =
        pools.keys().find(|other| other.starts_with(&format!("{poolid}/"))).map(|other| format!("pool '{other}'"));
    let guest =
        pool.vms.iter().find(|vmid| call.cluster.guests.all.contains_key(vmid)).map(|vmid| format!("VM {vmid}"));
    let storages = &call.cluster.storage.all;
    let storage =
        pool.storages.iter().find(|id| storages.contains_key(*id)).map(|storage| format!("storage '{storage}'"));
    if let Some(content) = inner.or(guest).or(storage) {
        return Err(PveError::new(format!("{prefix}pool '{poolid}' is not empty (contains {content})")));
    }
    call.cluster.pools.all.remove(&poolid);
    let path = format!("/pool/{poolid}");
    call.cluster.access.acl.retain(|(entry, _, _), _| *entry != path);
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bed::Bed;
    use crate::shape::{GuestShape, Shape};

    fn bed() -> Bed {
        Bed::new(Shape { guests: vec![GuestShape::ready(100, "pve1")], ..Shape::default() })
    }

    #[tokio::test]
    async fn a_pool_shows_its_members_and_does_not_go_while_it_has_some() {
        let bed = bed();
        bed.ok("POST", "/pools", &[("poolid", "a")]).await;
        bed.ok("POST", "/pools", &[("poolid", "b")]).await;
        bed.ok("PUT", "/pools", &[("poolid", "a"), ("vms", "100")]).await;
        let pool = bed.ok("GET", "/pools/a", &[]).await;
        assert_eq!((&pool["members"][0]["vmid"], pool["members"][0].get("pool")), (&json!(100), None));
        let refusal = bed.refusal("PUT", "/pools", &[("poolid", "a"), ("vms", "100")]).await;
        assert_eq!(refusal.1, "update pools failed: VM 100 is already a pool member");
        let refusal = bed.refusal("DELETE", "/pools", &[("poolid", "a")]).await;
        assert_eq!(refusal, (500, "delete pool failed: pool 'a' is not empty (contains VM 100)".into()));
        let refusal = bed.refusal("PUT", "/pools", &[("poolid", "b"), ("vms", "100")]).await;
        assert!(refusal.1.contains("pool 'a'"), "{refusal:?}");
        bed.ok("PUT", "/pools", &[("poolid", "b"), ("vms", "100"), ("allow-move", "1")]).await;
        bed.ok("DELETE", "/pools", &[("poolid", "a")]).await;
        bed.ok("PUT", "/pools", &[("poolid", "b"), ("vms", "100"), ("delete", "1")]).await;
        assert_eq!(bed.ok("GET", "/pools/b", &[]).await["members"], json!([]));
    }

    #[tokio::test]
    async fn who_may_do_something_in_a_pool_may_do_it_to_its_members() {
        let bed = bed();
        bed.ok("POST", "/access/users", &[("userid", "a@pve")]).await;
        bed.ok("POST", "/pools", &[("poolid", "p")]).await;
        bed.ok("PUT", "/access/acl", &[("path", "/pool/p"), ("roles", "PVEVMUser"), ("users", "a@pve")]).await;
        let sees = async || {
            let reply = bed.send(bed.ticket("a@pve"), "GET", "/cluster/resources", &[("type", "vm")]).await;
            reply.body.contains("qemu/100")
        };
        assert!(!sees().await);
        bed.ok("PUT", "/pools", &[("poolid", "p"), ("vms", "100")]).await;
        assert!(sees().await);
    }
}
