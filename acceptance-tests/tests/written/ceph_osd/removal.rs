//! How OSDs leave the cluster: what keeps them, a removal that ends early, and dead disks and nodes.

use acceptance_tests::{HEAD, Program, Sim, Terraform, Workspace, or_skip};
use serde_json::json;

use super::{attributes, disks, in_use, osd};

/// The OSDs of these nodes and disks, with these further attributes.
fn osds(which: &[(&str, &str)], more: &str) -> String {
    let block = |(node, serial): &(&str, &str)| {
        format!(
            "resource \"pve_ceph_osd\" \"{serial}\" {{\nnode = \"{node}\"\ndevice = {{ serial = \"{serial}\" }}\n{more}\n}}\n"
        )
    };
    which.iter().map(block).collect()
}

/// The cluster, and the workspace that holds some of its OSDs by import: (node, serial, number).
fn holding(which: &[(&str, &str, &str)], more: &str) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some((sim, work)) = in_use()? else { return Ok(None) };
    let blocks: Vec<_> = which.iter().map(|(node, serial, _)| (*node, *serial)).collect();
    let imports =
        which.iter().map(|(_, serial, id)| format!("import {{\n  to = pve_ceph_osd.{serial}\n  id = \"{id}\"\n}}\n"));
    work.write("main.tf", &osds(&blocks, more))?;
    work.write("imports.tf", &imports.collect::<String>())?;
    work.apply()?.succeeded()?;
    std::fs::remove_file(work.path().join("imports.tf"))?;
    sim.forget_requests()?;
    Ok(Some((sim, work)))
}

fn sent(sim: &Sim) -> anyhow::Result<Vec<String>> {
    Ok(sim.mutations()?.into_iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect())
}

/// How many OSDs there are; six at the beginning.
fn count(sim: &Sim) -> anyhow::Result<usize> {
    Ok(sim.state()?["ceph"]["osds"].as_object().map_or(0, |osds| osds.len()))
}

const FREE: &str = "allow_destroy = true";
const FORCED: &str = "allow_destroy = true\nforce = true";

#[test]
fn one_that_is_protected_stays_and_one_that_is_free_tells_what_comes_of_it() -> anyhow::Result<()> {
    let Some((sim, work)) = holding(&[("pve1", "SIM0101", "0")], "")? else { return Ok(()) };
    work.destroy()?.failed("OSDs are protected")?;
    work.write("main.tf", "")?;
    work.try_plan(&[])?.failed("set `allow_destroy = true`")?;
    assert!(sent(&sim)?.is_empty());

    work.write("main.tf", &osds(&[("pve1", "SIM0101")], FREE))?;
    work.apply()?.succeeded()?;
    assert!(sent(&sim)?.is_empty());
    work.write("main.tf", "")?;
    let output = work.plan()?.output;
    assert!(output.says("osd.0 goes, with"), "{}", output.told());
    assert!(output.says("Pool \"vm\" 3/2 has 5 OSDs on 3 hosts left."), "{}", output.told());
    work.apply()?.succeeded()?;
    assert_eq!(count(&sim)?, 5);
    Ok(())
}

#[test]
fn a_host_that_the_copies_need_is_not_emptied_unless_forced() -> anyhow::Result<()> {
    let both = [("pve1", "SIM0101", "0"), ("pve1", "SIM0102", "1")];
    let Some((sim, work)) = holding(&both, FREE)? else { return Ok(()) };
    work.write("main.tf", "")?;
    let short = "its rule \"replicated_rule\" wants 3 hosts: every placement group would stay undersized";
    let output = work.plan()?.output;
    assert!(output.says("Warning: The removal of a pve_ceph_osd would fail as things are now"), "{}", output.told());
    assert!(output.says("OSDs cannot go: copies would have no place left"), "{}", output.told());
    assert!(output.says(short), "{}", output.told());
    // One after the other: what would be left of both is known to the second at the latest.
    let output = work.apply()?.failed("OSDs cannot go: copies would have no place left")?;
    assert!(output.says(short), "{}", output.told());
    assert!(count(&sim)? >= 5);
    assert!(work.state()?.to_string().contains("SIM010"));

    let left: Vec<_> = both.iter().map(|(node, serial, _)| (*node, *serial)).collect();
    let left: Vec<_> = left
        .into_iter()
        .filter(|(_, serial)| work.state().is_ok_and(|state| state.to_string().contains(serial)))
        .collect();
    work.write("main.tf", &osds(&left, FORCED))?;
    work.apply()?.succeeded()?;
    work.destroy()?.succeeded()?;
    assert_eq!(count(&sim)?, 4);
    Ok(())
}

#[test]
fn a_removal_that_ended_early_goes_on_or_is_taken_back() -> anyhow::Result<()> {
    let short = format!("{FREE}\ntimeouts = {{ delete = \"1s\" }}");
    let one = [("pve1", "SIM0101")];
    let Some((sim, work)) = holding(&[("pve1", "SIM0101", "0")], &short)? else { return Ok(()) };
    let draining = json!({ "data": { "safe": 0, "status": "3 pgs are still on it" } });
    let drain = json!({
        "match": { "method": "GET", "path": "/nodes/*/ceph/cmd-safety" }, "times": 1000, "when": "before",
        "effect": { "body": draining.to_string(), "content_type": "application/json" },
    });
    for forgotten in [false, true] {
        sim.fault(&drain)?;
        work.write("main.tf", &if forgotten { String::new() } else { osds(&one, &short) })?;
        let output = if forgotten { work.apply()? } else { work.destroy()? };
        let output = output.failed("osd.0 is not safe to destroy yet")?;
        assert!(output.says("3 pgs are still on it"), "{}", output.told());
        assert!(output.says("osd.0 is on its way out of the cluster"), "{}", output.told());
        sim.clear_faults()?;
        let kept = work.instance("pve_ceph_osd.SIM0101")?;
        assert!(kept["attributes"]["ready"] == false && kept["status"].is_null(), "{kept}");
        if !forgotten {
            // Still configured: it is wanted back.
            sim.forget_requests()?;
            assert_eq!(work.plan()?.actions("pve_ceph_osd.SIM0101"), ["update"]);
            work.apply()?.succeeded()?;
            assert_eq!(sent(&sim)?, ["POST /nodes/localhost/ceph/osd/0/in"]);
            assert!(work.plan()?.is_empty());
            assert_eq!(work.instance("pve_ceph_osd.SIM0101")?["attributes"]["in"], true);
        }
    }
    assert_eq!(count(&sim)?, 6);
    work.apply()?.succeeded()?;
    assert_eq!(count(&sim)?, 5);
    Ok(())
}

#[test]
fn one_whose_removal_was_killed_is_brought_back_or_removed() -> anyhow::Result<()> {
    for wanted in [true, false] {
        let Some((sim, work)) = holding(&[("pve1", "SIM0101", "0")], FREE)? else { return Ok(()) };
        sim.fault(&json!({
            "match": { "method": "POST", "path": "/nodes/*/ceph/stop" }, "when": "after",
            "effect": { "signal": "KILL", "to": "peer" },
        }))?;
        assert_eq!(work.destroy()?.code, Some(1));
        sim.clear_faults()?;
        // Down and out; nothing in the state says so, the journal does.
        assert_eq!(work.instance("pve_ceph_osd.SIM0101")?["attributes"]["ready"], true);
        sim.forget_requests()?;
        if wanted {
            assert_eq!(work.plan()?.actions("pve_ceph_osd.SIM0101"), ["update"]);
            work.apply()?.succeeded()?;
            assert_eq!(sent(&sim)?, ["POST /nodes/localhost/ceph/osd/0/in", "POST /nodes/pve1/ceph/start"]);
            assert!(work.plan()?.is_empty());
        } else {
            work.destroy()?.succeeded()?;
        }
        assert_eq!(count(&sim)?, if wanted { 6 } else { 5 });
        assert_eq!(std::fs::read_dir(work.path().join(".terraform/pve-journal"))?.count(), 0, "{wanted}");
    }
    Ok(())
}

#[test]
fn one_that_was_stopped_on_its_way_out_is_started_again() -> anyhow::Result<()> {
    let Some((sim, work)) = holding(&[("pve1", "SIM0101", "0")], FREE)? else { return Ok(()) };
    sim.fault(&json!({
        "match": { "method": "DELETE", "path": "/nodes/*/ceph/osd/0" }, "times": 1, "when": "before",
        "effect": { "status": 500, "message": "no luck" },
    }))?;
    let output = work.destroy()?.failed("no luck")?;
    assert!(output.says("osd.0 is on its way out of the cluster"), "{}", output.told());
    sim.forget_requests()?;
    work.apply()?.succeeded()?;
    assert_eq!(sent(&sim)?, ["POST /nodes/localhost/ceph/osd/0/in", "POST /nodes/pve1/ceph/start"]);
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_host_in_crush_that_is_no_node_is_no_obstacle_but_for_destroying() -> anyhow::Result<()> {
    let Some((sim, work)) = holding(&[("pve1", "SIM0101", "0")], FREE)? else { return Ok(()) };
    let osd = json!({
        "id": "0", "name": "osd.0", "type": "osd", "leaf": 1, "host": "pve1-ssd", "status": "up", "in": 1,
        "device_class": "ssd", "crush_weight": 0.0625, "reweight": 1, "ceph_version_short": "19.2.3",
    });
    let host = json!({ "id": "-3", "name": "pve1-ssd", "type": "host", "leaf": 0, "children": [osd] });
    let root = json!({ "id": "-1", "name": "default", "type": "root", "leaf": 0, "children": [host] });
    let tree = json!({ "data": { "flags": "sortbitwise", "root": { "leaf": 0, "children": [root] } } });
    sim.fault(&json!({
        "match": { "method": "GET", "path": "/nodes/*/ceph/osd" }, "times": 1000, "when": "before",
        "effect": { "body": tree.to_string(), "content_type": "application/json" },
    }))?;
    work.run(&["state", "rm", "pve_ceph_osd.SIM0101"])?.succeeded()?;
    work.import("pve_ceph_osd.SIM0101", "0")?.succeeded()?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    let output = work.destroy()?.failed("PVE does not destroy osd.0 where it hangs in CRUSH")?;
    assert!(output.says("ceph osd crush move osd.0 host=pve1"), "{}", output.told());
    assert!(sent(&sim)?.is_empty());
    Ok(())
}

#[test]
fn an_osd_whose_disk_is_dead_goes_with_force() -> anyhow::Result<()> {
    let Some((sim, work)) = holding(&[("pve1", "SIM0101", "0")], FREE)? else { return Ok(()) };
    sim.kill_disk("pve1", "SIM0101")?;
    sim.advance(900)?;
    let plan = work.plan()?;
    assert!(plan.is_empty() && plan.output.says("OSDs have lost their disks"), "{}", plan.output.told());
    let output = work.destroy()?.failed("osd.0 has no volume on pve1")?;
    assert!(output.says("force = true"), "{}", output.told());
    assert!(sent(&sim)?.is_empty());
    work.write("main.tf", &osds(&[("pve1", "SIM0101")], FORCED))?;
    work.apply()?.succeeded()?;
    assert!(sent(&sim)?.is_empty());
    work.destroy()?.succeeded()?;
    assert_eq!(count(&sim)?, 5);
    Ok(())
}

#[test]
fn an_osd_whose_node_is_dead_goes_with_force_and_is_compared_before() -> anyhow::Result<()> {
    let Some((sim, work)) = holding(&[("pve1", "SIM0101", "0")], FORCED)? else { return Ok(()) };
    let text = std::fs::read_to_string(work.path().join("terraform.tfstate"))?;
    sim.power("pve1", false)?;
    sim.advance(120)?;
    // Another one by now: not even by force.
    let fsid = work.instance("pve_ceph_osd.SIM0101")?["attributes"]["osd_fsid"].as_str().unwrap_or_default().to_owned();
    let other = "00000000-0000-4000-8000-000000000000";
    std::fs::write(work.path().join("terraform.tfstate"), text.replace(&fsid, other))?;
    let output = work.destroy()?.failed("osd.0 is another OSD now")?;
    assert!(output.says("by Ceph's records"), "{}", output.told());
    std::fs::write(work.path().join("terraform.tfstate"), text)?;
    let output = work.destroy()?.succeeded()?;
    assert!(output.says("osd.0 is out of Ceph, and its disk was not touched"), "{}", output.told());
    assert_eq!(count(&sim)?, 5);
    Ok(())
}

#[test]
fn a_dead_node_keeps_its_osds_in_the_state() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    work.write("main.tf", &osd("path = \"/dev/sdb\"", "").replace("pve1", "pve3"))?;
    work.apply()?.succeeded()?;
    sim.power("pve3", false)?;
    sim.advance(120)?;
    assert!(work.plan()?.is_empty());
    sim.forget_requests()?;
    work.destroy()?.failed("pve3")?;
    assert!(sim.mutations()?.is_empty());
    assert!(!work.instance("pve_ceph_osd.o")?.is_null());
    sim.power("pve3", true)?;
    sim.advance(120)?;
    work.destroy()?.succeeded()?;
    Ok(())
}

#[test]
fn an_osd_with_data_is_emptied_before_it_is_stopped() -> anyhow::Result<()> {
    let Some((sim, work)) = in_use()? else { return Ok(()) };
    work.write("main.tf", &osd("path = \"/dev/sdb\"", ""))?;
    work.import("pve_ceph_osd.o", "0")?.succeeded()?;
    // That it may go has to be applied first.
    work.destroy()?.failed("OSDs are protected")?;
    work.apply()?.succeeded()?;
    assert!(sim.mutations()?.is_empty());
    sim.forget_requests()?;
    work.destroy()?.succeeded()?;
    let seen = sim.requests()?;
    let at = |end: &str| seen.iter().rposition(|seen| seen.path.ends_with(end)).ok_or(anyhow::anyhow!("no {end}"));
    let steps = [at("/ceph/osd/0/out")?, at("/ceph/cmd-safety")?, at("/ceph/stop")?, at("/ceph/osd/0")?];
    assert!(steps.is_sorted(), "{steps:?}");
    Ok(())
}

#[test]
fn another_osd_under_the_same_number_is_left_alone() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    work.write("main.tf", &osd("path = \"/dev/sdb\"", ""))?;
    work.apply()?.succeeded()?;
    assert_eq!(attributes(&work)?["osd_id"], 1);
    // Somebody else destroys it and makes another, which gets its number.
    let other = Workspace::of(terraform, &Program::provider()?, &sim)?;
    other.write("head.tf", HEAD)?;
    other.write("main.tf", &osd("path = \"/dev/sdb\"", ""))?;
    other.init()?.succeeded()?;
    other.import("pve_ceph_osd.o", "1")?.succeeded()?;
    other.apply()?.succeeded()?;
    other.destroy()?.succeeded()?;
    other.write("main.tf", &osd("path = \"/dev/sde\"", ""))?;
    other.apply()?.succeeded()?;
    assert_eq!(attributes(&other)?["osd_id"], 1);

    sim.forget_requests()?;
    let output = work.destroy()?.failed("osd.1 is another OSD now")?;
    assert!(output.says("terraform state rm"), "{}", output.told());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}
