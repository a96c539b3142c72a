//! `pve_ceph_pool` with a real Terraform: its life. All else is in `src/in_process/pools.rs`.

use acceptance_tests::cluster;

/// A pool with these attributes.
fn pool(attributes: &str) -> String {
    format!("resource \"pve_ceph_pool\" \"vm\" {{\n{attributes}\n}}\n")
}

#[test]
fn a_pool_lives_from_its_creation_to_its_end() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
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
