//! `/nodes/{node}/ceph/fs`.

use serde_json::{Value, json};

use super::{Need, ceph, ceph_on, left_out, refused, secs};
use crate::cluster::ceph::{FileSystem, NewPool};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/fs", list);
    r.post("/nodes/{node}/ceph/fs/{name}", create);
    r.delete("/nodes/{node}/ceph/fs/{name}", destroy);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Monitors)?;
    let name = |id: u32| ceph.pools.get(&id).map(|pool| pool.name.clone());
    let entry = |fs: &FileSystem| {
        json!({ "name": fs.name, "metadata_pool": name(fs.metadata_pool), "metadata_pool_id": fs.metadata_pool,
            "data_pool": name(fs.data_pool), "data_pools": [name(fs.data_pool)], "data_pool_ids": [fs.data_pool] })
    };
    Ok(ceph.filesystems.iter().map(entry).collect())
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    if call.params.flag("add-storage") == Some(true) {
        return Err(left_out(call, "POST /nodes/{node}/ceph/fs with add-storage"));
    }
    let name = call.params.text("name").unwrap_or("cephfs").to_owned();
    let pg_num = call.params.number("pg_num").unwrap_or(128);
    let node = call.node.clone();
    let ceph = ceph(call, Need::Monitors)?;
    let (data, metadata) = (format!("{name}_data"), format!("{name}_metadata"));
    if ceph.pool_named(&data).is_some() || ceph.pool_named(&metadata).is_some() {
        return Err(PveError::new(format!("ceph pools '{data}' and/or '{metadata}' already exist")));
    }
    if ceph.filesystems.iter().any(|fs| fs.name == name) {
        return Err(PveError::new(format!("ceph fs '{name}' already exists")));
    }
    if !ceph.mdss.iter().any(|mds| mds.daemon.seen) {
        return Err(PveError::new("no running Metadata Server (MDS) found!"));
    }
    if ceph.standby_mdss() == 0 {
        return Err(PveError::new("no standby Metadata Server (MDS) found!"));
    }
    let steps = Steps::new().wait(secs(1)).run({
        let name = name.clone();
        move |t| {
            let now = t.now().seconds();
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            for (pool, pg_num) in [(&data, pg_num), (&metadata, (pg_num / 4).max(8))] {
                let new = NewPool { pg_num: Some(pg_num), ..NewPool::default() };
                ceph.create_pool(pool, new, now).map_err(|refusal| refused("osd pool create", refusal))?;
                ceph.enable_application(pool, "cephfs", false, now)
                    .map_err(|refusal| refused("osd pool application enable", refusal))?;
            }
            ceph.new_fs(&name, &metadata, &data, now).map_err(|refusal| refused("fs new", refusal))?;
            t.log(format!("creating data pool '{data}'...\npool {data}: applying application = cephfs"));
            t.log("skipping 'pg_num', did not change");
            t.log(format!("creating metadata pool '{metadata}'...\nskipping 'pg_num', did not change"));
            t.log(format!("configuring new CephFS '{name}'\nSuccessfully create CephFS '{name}'"));
            Ok(())
        }
    });
    Ok(call.task("cephfscreate", name, steps))
}

fn destroy(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (name, node) = (call.params.need("name").to_owned(), call.node.clone());
    let pools = call.params.flag("remove-pools").unwrap_or(false);
    let Some(fs) = ceph(call, Need::Monitors)?.filesystems.iter().find(|fs| fs.name == name).cloned() else {
        return Err(PveError::new(format!("no such cephfs '{name}'")));
    };
    let mut storages = call.cluster.storage.all.values();
    if call.params.flag("remove-storages") == Some(true) && storages.any(|storage| storage.kind.name == "cephfs") {
        return Err(left_out(call, "DELETE /nodes/{node}/ceph/fs with remove-storages"));
    }
    let steps = Steps::new().wait(secs(1)).run({
        let name = name.clone();
        move |t| {
            let now = t.now().seconds();
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            ceph.remove_fs(&name, now).map_err(|refusal| refused("fs rm", refusal))?;
            for (what, id) in [("metadata", fs.metadata_pool), ("data", fs.data_pool)].into_iter().filter(|_| pools) {
                let ceph = &mut t.cluster.ceph;
                let Some(pool) = ceph.pools.get(&id).map(|pool| pool.name.clone()) else { continue };
                ceph.delete_pool(&pool, now).map_err(|refusal| refused("osd pool delete", refusal))?;
                t.log(format!("removing {what} pool '{pool}'"));
            }
            Ok(())
        }
    });
    Ok(call.task("cephdestroyfs", name, steps))
}
