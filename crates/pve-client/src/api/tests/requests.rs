//! How many requests a refresh takes.

use serde_json::{Value, json};

use super::ticket;
use crate::api::ha::resource::Sid;
use crate::testing::{Call, Reply, World};

/// A cluster with 100 VMs, 500 HA resources and 50 pools.
fn answer(call: &Call) -> Reply {
    if let Some(reply) = ticket(call) {
        return reply;
    }
    let list = |count: u32, make: &dyn Fn(u32) -> Value| Reply::Data((0..count).map(make).collect());
    let path = call.line.strip_prefix("GET ").expect("a refresh only reads");
    match path {
        "/cluster/ha/resources" => list(500, &|n| json!({ "sid": format!("vm:{}", 100 + n), "state": "started" })),
        "/cluster/ha/status/current" => {
            list(500, &|n| json!({ "type": "service", "sid": format!("vm:{}", 100 + n), "state": "started" }))
        }
        "/nodes/localhost/ceph/pool" => list(50, &|n| json!({ "pool": n, "pool_name": format!("p{n}"), "size": 3 })),
        "/nodes/localhost/ceph/crush" => Reply::Data(json!("type 0 osd\n# end crush map\n")),
        "/nodes/localhost/ceph/osd" => Reply::Data(json!({ "root": { "children": [] } })),
        "/cluster/resources?type=vm" => {
            list(100, &|n| json!({ "vmid": 100 + n, "type": "qemu", "node": "pve1", "status": "running" }))
        }
        "/nodes" => list(3, &|n| json!({ "node": format!("pve{}", n + 1), "status": "online" })),
        "/storage" => list(1, &|_| json!({ "storage": "ceph", "type": "rbd" })),
        "/cluster/status" => list(1, &|_| json!({ "type": "node", "name": "pve1", "online": 1 })),
        path if path.ends_with("/config") => Reply::Data(json!({ "cores": 1 })),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn five_hundred_ha_resources_and_fifty_pools_take_a_handful() {
    let world = World::new(answer);
    let client = world.client();
    let resources = (0..500).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            let sid = Sid::vm(100 + n);
            assert!(client.ha().resource(sid).await.unwrap().is_some());
            assert!(client.ha().status().await.unwrap().service(sid).is_some());
            assert!(client.cluster().status().await.unwrap().quorate);
        })
    });
    let pools = (0..50).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            assert!(client.ceph().pool(&format!("p{n}")).await.unwrap().is_some());
            client.ceph().crush().await.unwrap();
            client.ceph().osds().await.unwrap();
            client.storage().find("ceph").await.unwrap();
        })
    });
    for task in resources.chain(pools).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(world.lines().len(), 7, "{:#?}", world.lines());
}

#[tokio::test]
async fn a_hundred_vms_take_one_each_and_a_few() {
    let world = World::new(answer);
    let client = world.client();
    let vms: Vec<_> = (0..100)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                let guest = client.cluster().guest(100 + n).await.unwrap().unwrap();
                assert!(client.nodes().find(&guest.node).await.unwrap().unwrap().is_online());
                assert_eq!(client.qemu(&guest.node, guest.vmid).config().await.unwrap().cores, Some(1));
                // The disks of the same VM read it again.
                client.qemu(&guest.node, guest.vmid).config().await.unwrap();
                assert!(client.ha().resource(Sid::vm(guest.vmid)).await.unwrap().is_some());
            })
        })
        .collect();
    for task in vms {
        task.await.unwrap();
    }
    assert_eq!(world.lines().len(), 103, "{:#?}", world.lines());
}

#[tokio::test]
async fn where_the_answering_node_has_no_ceph_another_is_asked() {
    let world = World::new(|call| match call.line.as_str() {
        line if line.starts_with("GET /nodes/localhost/ceph/") || line.starts_with("POST /nodes/localhost/ceph/") => {
            Reply::Error(500, "binary not installed: /usr/bin/ceph-mon")
        }
        "GET /cluster/ceph/metadata?scope=versions" => {
            Reply::Data(json!({ "node": { "pve0": {}, "pve2": { "version": { "str": "19.2.3" } } } }))
        }
        "GET /cluster/status" => Reply::Data(json!([
            { "type": "node", "name": "pve0", "online": 0 }, { "type": "node", "name": "pve2", "online": 1 }
        ])),
        "GET /nodes/pve2/ceph/pool" => Reply::Data(json!([{ "pool_name": "vm" }])),
        "POST /nodes/pve2/ceph/osd/3/out" => Reply::Data(json!(null)),
        other => panic!("{other}"),
    });
    let client = world.client();
    assert!(client.ceph().pool("vm").await.unwrap().is_some());
    client.ceph().osd_out(3).await.unwrap();
    // Who names a node means it.
    let error = client.ceph().via("localhost").crush().await.unwrap_err();
    assert!(matches!(error, crate::Error::NotInstalled(_)), "{error}");
}

#[tokio::test]
async fn no_osds_are_an_empty_tree_and_trouble_is_none() {
    let osds = async |said| World::new(move |_| Reply::Error(500, said)).client().ceph().osds().await;
    assert_eq!(osds("no tree nodes found").await.unwrap().osds.len(), 0);
    let error = osds("something nobody has heard of").await.unwrap_err();
    assert!(matches!(error, crate::Error::Other { .. }), "{error}");
}

#[tokio::test]
async fn without_ceph_anywhere_that_is_the_error() {
    let world = World::new(|call| match call.line.as_str() {
        "GET /cluster/ceph/metadata?scope=versions" => Reply::Data(json!({})),
        "GET /cluster/status" => Reply::Data(json!([{ "type": "node", "name": "pve1", "online": 1 }])),
        _ => Reply::Error(500, "binary not installed: /usr/bin/ceph-mon"),
    });
    let error = world.client().ceph().pools().await.unwrap_err();
    assert!(matches!(error, crate::Error::NotInstalled(_)), "{error}");
}
