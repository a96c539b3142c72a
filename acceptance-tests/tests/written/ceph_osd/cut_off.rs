//! Creations whose end nobody saw.

use acceptance_tests::cluster_of;
use serde_json::{Value, json};

use super::{CLUSTER, attributes, disks, osd};

#[test]
fn a_creation_cut_off_at_any_request_is_carried_on_by_the_next_apply() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    let text = osd("serial = \"PARTS\"\npartition = 3", "wipe_if = [\"xfs\"]");
    work.write("main.tf", &text)?;
    work.apply()?.succeeded()?;
    let undisturbed = sim.state()?;
    let rows = [
        ("POST", "/nodes/*/ceph/osd", "before", json!({ "drop": true })),
        ("POST", "/nodes/*/ceph/osd", "after", json!({ "drop": true })),
        ("POST", "/nodes/*/ceph/osd", "before", json!({ "status": 500, "message": "no luck" })),
        ("POST", "/nodes/*/ceph/osd", "before", json!({ "task": "fail", "message": "no luck" })),
        ("POST", "/nodes/*/ceph/osd", "after", json!({ "task": "fail", "message": "no luck" })),
        ("POST", "/nodes/*/ceph/osd", "before", json!({ "task": "vanish" })),
        ("POST", "/nodes/*/ceph/osd", "after", json!({ "task": "vanish" })),
        ("GET", "/nodes/*/ceph/osd/*/lv-info", "before", json!({ "status": 500, "message": "no luck" })),
        ("GET", "/nodes/*/disks/list", "before", json!({ "drop": true })),
    ];
    for (method, path, when, effect) in rows {
        work.destroy()?.succeeded()?;
        sim.fault(&json!({
            "match": { "method": method, "path": path }, "nth": 1, "times": 1, "when": when, "effect": effect,
        }))?;
        let first = work.apply()?;
        sim.clear_faults()?;
        assert!(!work.state()?.to_string().contains("tainted"), "{path} {when} {effect}");
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "{path} {when} {effect}: {}", first.told());
        let (mut now, mut then) = (sim.state()?, undisturbed.clone());
        // The first creation erased what the later ones found free.
        for state in [&mut now, &mut then] {
            state["nodes"].take();
        }
        assert_eq!(now, then, "{path} {when} {effect}");
    }
    Ok(())
}

#[test]
fn an_osd_that_a_killed_run_has_made_is_not_made_twice() -> anyhow::Result<()> {
    // What was made two hours ago is not taken for that, so they must not be over soon.
    let Some((sim, work)) = cluster_of(CLUSTER, &["--clock", "20"])? else { return Ok(()) };
    work.write("main.tf", &osd("serial = \"FREE1\"", ""))?;
    sim.fault(&json!({
        "match": { "method": "GET", "path": "/nodes/*/tasks/*/status" }, "effect": { "delay": "600s" },
    }))?;
    let mut running = work.start_apply()?;
    // The creation has been asked for, and nobody hears of its end.
    let asked = || sim.mutations().is_ok_and(|all| all.iter().any(|seen| seen.path.ends_with("/ceph/osd")));
    running.until("the OSD was asked for", asked)?;
    running.kill()?;
    drop(running);
    sim.clear_faults()?;
    sim.advance(120)?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("osd.1 on /dev/sdb of pve1 exists already"), "{}", output.told());
    assert!(work.plan()?.is_empty());
    let asked = sim.mutations()?.into_iter().filter(|seen| seen.path.ends_with("/ceph/osd")).count();
    assert_eq!(asked, 1);
    Ok(())
}

#[test]
fn a_creation_that_takes_longer_than_it_may_is_taken_up_by_the_next_apply() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster_of(CLUSTER, &["--clock", "2"])? else { return Ok(()) };
    let text =
        |create: &str| osd("serial = \"FREE1\"", &format!("encrypted = true\ntimeouts = {{ create = \"{create}\" }}"));
    work.write("main.tf", &text("1s"))?;
    let first = work.apply()?.succeeded()?;
    assert!(first.says("apply again to finish it"), "{}", first.told());
    let left = attributes(&work)?;
    assert_eq!((&left["ready"], &left["osd_id"]), (&json!(false), &Value::Null));
    assert_eq!(work.plan()?.actions("pve_ceph_osd.o"), ["update"]);

    work.write("main.tf", &text("10m"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    let made = attributes(&work)?;
    assert_eq!((&made["ready"], &made["osd_id"], &made["encrypted"]), (&json!(true), &json!(1), &json!(true)));
    let asked = sim.mutations()?.iter().filter(|seen| seen.path.ends_with("/ceph/osd")).count();
    assert_eq!(asked, 1);

    // What is encrypted is seen by an import, and the plan does not want to make it anew.
    work.run(&["state", "rm", "pve_ceph_osd.o"])?.succeeded()?;
    work.import("pve_ceph_osd.o", "1")?.succeeded()?;
    assert_eq!(attributes(&work)?["encrypted"], true);
    work.write("main.tf", &osd("serial = \"FREE1\"", "encrypted = true"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    work.write("main.tf", &osd("serial = \"FREE1\"", "encrypted = false"))?;
    assert_eq!(work.plan()?.actions("pve_ceph_osd.o"), ["delete", "create"]);
    Ok(())
}
