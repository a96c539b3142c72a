//! What is not shown is not gone: a cluster without quorum, a token that may not look, and a dead node.

use acceptance_tests::{Sim, cluster, cluster_of};
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

/// The requests that only pve3 can answer, whoever was asked.
fn asked_of_pve3(sim: &Sim) -> anyhow::Result<Vec<String>> {
    let seen = sim.requests()?.into_iter().filter(|seen| seen.path.starts_with("/nodes/pve3/"));
    Ok(seen.map(|seen| format!("{} {}", seen.method, seen.path)).collect())
}

#[test]
fn a_dead_node_is_asked_once_for_all_that_is_on_it() -> anyhow::Result<()> {
    let guest = |vmid: u32| json!({ "vmid": vmid, "node": "pve3", "config": { "scsi0": "local-lvm:1" } });
    let shape = json!({
        "nodes": [{ "name": "pve1" }, { "name": "pve2" }, { "name": "pve3" }],
        "guests": (101..=112).map(guest).collect::<Vec<_>>(),
    });
    let Some((sim, work)) = cluster_of(shape, &[])? else { return Ok(()) };
    let guests = "locals {\n  vms = toset([for n in range(101, 113) : tostring(n)])\n}\n\
                  resource \"pve_vm\" \"all\" {\n  for_each = local.vms\n  vmid     = each.key\n}\n";
    let imports = "import {\n  for_each = local.vms\n  to       = pve_vm.all[each.key]\n  id       = each.key\n}\n";
    work.write("main.tf", guests)?;
    work.write("imports.tf", imports)?;
    work.apply()?.succeeded()?;
    std::fs::remove_file(work.path().join("imports.tf"))?;
    assert!(work.plan()?.is_empty());

    sim.power("pve3", false)?;
    sim.forget_requests()?;
    let plan = work.plan()?;
    assert!(plan.is_empty(), "{}", plan.output.told());
    assert_eq!(plan.output.told().matches("Node pve3 is unreachable").count(), 1, "{}", plan.output.told());
    assert_eq!(asked_of_pve3(&sim)?.len(), 1, "{:?}", asked_of_pve3(&sim)?);
    Ok(())
}

#[test]
fn a_dead_node_is_told_of_though_nothing_has_to_ask_it() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--disks", "1", "--ceph", "ready"])? else { return Ok(()) };
    let osds = "resource \"pve_ceph_osd\" \"all\" {\n  for_each = { pve1 = \"SIM0101\", pve2 = \"SIM0201\", pve3 = \"SIM0301\" }\n  \
                node     = each.key\n  device   = { serial = each.value }\n}\n";
    let import = |node: u32| {
        let id = node - 1;
        format!("import {{\n  to = pve_ceph_osd.all[\"pve{node}\"]\n  id = \"{id}\"\n}}\n")
    };
    work.write("main.tf", osds)?;
    work.write("imports.tf", &(1..=3).map(import).collect::<String>())?;
    work.apply()?.succeeded()?;
    std::fs::remove_file(work.path().join("imports.tf"))?;
    let status = || anyhow::Ok(sim.requests()?.iter().filter(|seen| seen.path == "/cluster/status").count());
    sim.forget_requests()?;
    assert!(work.plan()?.is_empty());
    assert_eq!(status()?, 0, "as long as all is well nothing more is asked");

    sim.power("pve3", false)?;
    sim.advance(120)?;
    sim.forget_requests()?;
    let plan = work.plan()?;
    let told = plan.output.told();
    assert!(plan.is_empty() && told.matches("Node pve3 is unreachable").count() == 1, "{told}");
    assert!(told.contains("osd.2 is down"), "{told}");
    assert_eq!(asked_of_pve3(&sim)?, [""; 0]);
    Ok(())
}
