//! What is not shown is not gone: a cluster without quorum, and a token that may not look.

use acceptance_tests::{cluster, cluster_of};
use serde_json::json;

#[test]
fn what_a_cluster_without_quorum_does_not_show_stays_in_the_state() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    work.write("main.tf", "resource \"pve_pool\" \"web\" {\n  poolid = \"web\"\n}\n")?;
    work.apply()?.succeeded()?;

    // A list that is out of date, as a node that was cut off may have it: each fault strikes once.
    let out_of_date = || {
        sim.fault(&json!({
            "match": {"method": "GET", "path": "/pools"},
            "effect": {"body": "{\"data\":[]}", "content_type": "application/json"}
        }))
    };
    out_of_date()?;
    for node in ["pve2", "pve3"] {
        sim.power(node, false)?;
    }
    let plan = work.plan()?;
    assert!(plan.is_empty(), "{}", plan.output.told());
    assert!(plan.output.says("The cluster has no quorum"), "{}", plan.output.told());

    // The same list from a whole cluster is believed.
    for node in ["pve2", "pve3"] {
        sim.power(node, true)?;
    }
    sim.advance(120)?;
    out_of_date()?;
    assert_eq!(work.plan()?.actions("pve_pool.web"), ["create"]);
    Ok(())
}

#[test]
fn what_a_token_may_not_see_stays_in_the_state() -> anyhow::Result<()> {
    let secret = "11111111-2222-3333-4444-555555555555";
    let shape = json!({
        "guests": [{ "vmid": 101, "node": "pve1", "name": "web", "running": true, "config": { "scsi0": "local-lvm:1" } }],
        "users": [{
            "userid": "blind@pve",
            "tokens": [{ "id": "t", "privsep": false, "value": secret }],
            "acl": [{ "path": "/nodes", "role": "PVEAuditor" }],
        }],
    });
    let Some((_sim, mut work)) = cluster_of(shape, &[])? else { return Ok(()) };
    let objects = "resource \"pve_vm\" \"web\" {\n  vmid = 101\n}\n\
                   resource \"pve_vm_disk_move\" \"web\" {\n  vmid    = 101\n  disk    = \"scsi0\"\n  storage = \"local-lvm\"\n}\n";
    work.write("main.tf", objects)?;
    work.import("pve_vm.web", "101")?.succeeded()?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());

    let token = format!("blind@pve!t={secret}");
    for (name, value) in [("PVE_USERNAME", ""), ("PVE_PASSWORD", ""), ("PVE_API_TOKEN", token.as_str())] {
        work.set(name, value);
    }
    let plan = work.plan()?;
    assert!(plan.is_empty(), "{}", plan.output.told());
    assert!(plan.output.says("The user or token may not see /vms/101"), "{}", plan.output.told());
    Ok(())
}
