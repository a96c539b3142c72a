//! `pve_ha_resource` with a real Terraform: its life. All else is in `src/in_process/ha.rs`.

use acceptance_tests::cluster;

/// The guest's disk is local, which the configuration insists on.
fn ha(attributes: &str) -> String {
    format!("resource \"pve_ha_resource\" \"vm\" {{\nsid = \"vm:101\"\nallow_local = true\n{attributes}\n}}\n")
}

#[test]
fn a_guest_is_put_under_ha_changed_and_taken_out_again() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--guest", "101"])? else { return Ok(()) };
    work.write("main.tf", &ha("max_restart = 2\ncomment = \"web\""))?;
    work.apply()?.succeeded()?;
    let made = work.instance("pve_ha_resource.vm")?;
    assert_eq!(made["attributes"]["state"], "started");
    assert_eq!(made["attributes"]["max_relocate"], 1);
    assert_eq!(made["attributes"]["ready"], true);
    assert!(work.plan()?.is_empty());

    work.write("main.tf", &ha("max_restart = 3\nmax_relocate = 2\nfailback = false"))?;
    assert_eq!(work.plan()?.actions("pve_ha_resource.vm"), ["update"]);
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert_eq!(work.instance("pve_ha_resource.vm")?["attributes"]["comment"], serde_json::Value::Null);

    work.write("main.tf", &ha("state = \"stopped\"\nmax_restart = 3"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    work.write("main.tf", &ha("state = \"started\"\nmax_restart = 3"))?;
    work.apply()?.succeeded()?;

    work.run(&["state", "rm", "pve_ha_resource.vm"])?.succeeded()?;
    sim.forget_requests()?;
    work.import("pve_ha_resource.vm", "vm:101")?.succeeded()?;
    // `allow_local` is set and never sent: applying it asks PVE for nothing.
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);

    work.destroy()?.succeeded()?;
    assert!(!sim.state()?.to_string().contains("vm:101"));
    Ok(())
}
