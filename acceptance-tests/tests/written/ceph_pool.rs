//! `pve_ceph_pool` with a real Terraform.

use acceptance_tests::{Sim, Workspace, cluster, cluster_of, refused};
use serde_json::json;

/// A pool with these attributes.
fn pool(attributes: &str) -> String {
    format!("resource \"pve_ceph_pool\" \"vm\" {{\n{attributes}\n}}\n")
}

fn ready() -> anyhow::Result<Option<(Sim, Workspace)>> {
    cluster(&["--ceph", "ready"])
}

#[test]
fn a_pool_lives_from_its_creation_to_its_end() -> anyhow::Result<()> {
    let Some((sim, work)) = ready()? else { return Ok(()) };
    work.write("main.tf", &pool("name = \"vm\"\nsize = 3\nallow_destroy = true"))?;
    let before = sim.state()?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    let live = work.instance("pve_ceph_pool.vm")?;
    assert_eq!(live["attributes"]["min_size"], 2);
    assert_eq!(live["attributes"]["ready"], true);

    work.write(
        "main.tf",
        &pool("name = \"vm\"\nsize = 2\nmin_size = 2\npg_autoscale_mode = \"off\"\ntarget_size_ratio = 0.5\nallow_destroy = true"),
    )?;
    assert_eq!(work.plan()?.actions("pve_ceph_pool.vm"), ["update"]);
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    work.write("main.tf", &pool("name = \"vm\"\nsize = 2\nmin_size = 2\nallow_destroy = true"))?;
    work.apply()?.succeeded()?;
    assert_eq!(work.instance("pve_ceph_pool.vm")?["attributes"]["target_size_ratio"], serde_json::Value::Null);

    work.destroy()?.succeeded()?;
    assert_eq!(sim.state()?, before);
    Ok(())
}

#[test]
fn an_imported_pool_plans_nothing() -> anyhow::Result<()> {
    let Some((sim, work)) = ready()? else { return Ok(()) };
    work.write("main.tf", &pool("name = \"vm\"\nsize = 3\npg_num = 64"))?;
    work.apply()?.succeeded()?;
    work.run(&["state", "rm", "pve_ceph_pool.vm"])?.succeeded()?;
    sim.forget_requests()?;
    work.import("pve_ceph_pool.vm", "vm")?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() -> anyhow::Result<()> {
    let Some((sim, work)) = ready()? else { return Ok(()) };
    let rows = [
        ("name = \"vm\"\nsize = 2\nmin_size = 3", "min_size 3 is more than size 2", "At most 2"),
        ("name = \"vm\"\nsize = 1", "A single copy is refused", "allow_single_copy = true"),
        ("name = \"vm\"\nsize = 5\nmin_size = 3", "cannot be placed by rule \"replicated_rule\"", "the cluster has 3"),
        ("name = \"vm\"\ncrush_rule = \"nope\"", "CRUSH rule \"nope\" does not exist", "replicated_rule"),
        ("name = \".mgr\"", "Pool \".mgr\" exists already", "import {"),
        ("name = \"a b\"", "text without colons, slashes and white space", "name"),
        ("name = \"vm\"\nsize = 9", "PVE does not set size 9", "at most 7"),
    ];
    refused(&sim, &work, pool, &rows)
}

#[test]
fn a_protected_pool_is_not_destroyed() -> anyhow::Result<()> {
    let Some((_sim, work)) = ready()? else { return Ok(()) };
    work.write("main.tf", &pool("name = \"vm\""))?;
    work.apply()?.succeeded()?;
    work.destroy()?.failed("is protected")?;
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_creation_cut_off_at_any_request_is_carried_on_by_the_next_apply() -> anyhow::Result<()> {
    let Some((sim, work)) = ready()? else { return Ok(()) };
    let text = pool("name = \"vm\"\nsize = 3\nmin_size = 2\npg_num = 32\nallow_destroy = true");
    work.write("main.tf", &text)?;
    work.apply()?.succeeded()?;
    let undisturbed = sim.state()?;
    let posts = sim.mutations()?.len();
    work.destroy()?.succeeded()?;
    assert!(posts > 0);
    for when in ["before", "after"] {
        for effect in [json!({ "drop": true }), json!({ "status": 500, "message": "got lock request timeout" })] {
            if when == "after" && effect.get("status").is_some() {
                continue;
            }
            sim.fault(&json!({
                "match": { "method": "POST", "path": "/nodes/*/ceph/pool" }, "nth": 1, "times": 1, "when": when, "effect": effect,
            }))?;
            let first = work.apply()?;
            sim.clear_faults()?;
            let state = work.state()?;
            assert!(!state.to_string().contains("tainted"), "{when} {effect}: tainted");
            work.apply()?.succeeded()?;
            assert!(work.plan()?.is_empty(), "{when} {effect}: {}", first.told());
            assert_eq!(sim.state()?, undisturbed, "{when} {effect}");
            work.destroy()?.succeeded()?;
        }
    }
    Ok(())
}

#[test]
fn who_may_only_look_can_plan_and_is_told_what_the_apply_needs() -> anyhow::Result<()> {
    let secret = "11111111-2222-3333-4444-555555555555";
    let shape = format!(
        "ceph: {{stage: ready}}\nusers:\n  - userid: look@pve\n    password: looking-1\n    tokens: [{{id: t, privsep: false, \
         value: {secret}}}]\n    acl: [{{path: /, role: PVEAuditor}}]\n"
    );
    let Some((sim, mut work)) = cluster_of(shape, &[])? else { return Ok(()) };
    for (name, value) in
        [("PVE_USERNAME", ""), ("PVE_PASSWORD", ""), ("PVE_API_TOKEN", &format!("look@pve!t={secret}"))]
    {
        work.set(name, value);
    }
    work.write("main.tf", &pool("name = \"vm\"\nsize = 3"))?;
    let output = work.try_plan(&[])?;
    assert_eq!(output.code, Some(2), "{}", output.told());
    assert!(output.says("The apply needs Sys.Modify"), "{}", output.told());
    let output = work.apply()?.failed("Cannot create pool \"vm\"")?;
    assert!(output.says("lacks Sys.Modify on /"), "{}", output.told());
    assert!(sim.mutations()?.iter().all(|seen| seen.status == Some(403)), "{:?}", sim.mutations()?);
    Ok(())
}

#[test]
fn a_pool_with_images_is_not_destroyed() -> anyhow::Result<()> {
    // The entry is on the node that the provider talks to, or on others only.
    for nodes in [json!([]), json!(["pve2", "pve3"])] {
        let shape = json!({
            "storages": [{ "storage": "ceph-vm", "type": "rbd", "pool": "vm", "content": ["images"], "nodes": nodes }],
            "guests": [{ "vmid": 101, "node": "pve2", "config": { "scsi0": "ceph-vm:1" } }],
            "ceph": { "stage": "ready", "pools": [{ "name": "vm", "pg_num": 32, "application": "rbd" }] },
        });
        let Some((sim, work)) = cluster_of(shape, &[])? else { return Ok(()) };
        work.write("main.tf", &pool("name = \"vm\"\nallow_destroy = true"))?;
        work.import("pve_ceph_pool.vm", "vm")?.succeeded()?;
        work.apply()?.succeeded()?;
        let output = work.destroy()?.failed("Pool \"vm\" is in use")?;
        assert!(output.says("such as ceph-vm:vm-101-disk-0"), "{}", output.told());
        // Nobody relied on PVE to refuse it.
        assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
        assert!(!work.instance("pve_ceph_pool.vm")?.is_null());
    }
    Ok(())
}

#[test]
fn a_pool_of_which_there_are_no_figures_is_not_destroyed() -> anyhow::Result<()> {
    let Some((sim, work)) = ready()? else { return Ok(()) };
    work.write("main.tf", &pool("name = \"vm\"\nallow_destroy = true"))?;
    work.apply()?.succeeded()?;
    sim.forget_requests()?;
    let bare = json!({ "data": { "name": "vm", "id": 2, "size": 3 } });
    sim.fault(&json!({
        "match": { "method": "GET", "path": "/nodes/*/ceph/pool/vm/status" }, "times": 100,
        "effect": { "body": bare.to_string(), "content_type": "application/json" },
    }))?;
    work.destroy()?.failed("Nobody knows what is in pool \"vm\"")?;
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    Ok(())
}
