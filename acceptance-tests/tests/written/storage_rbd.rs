//! `pve_storage_rbd` with a real Terraform.

use acceptance_tests::{Sim, Workspace, cluster};

const POOL: &str = r#"
resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}
"#;

fn storage(attributes: &str) -> String {
    format!("{POOL}\nresource \"pve_storage_rbd\" \"vm\" {{\nstorage = \"ceph-vm\"\n{attributes}\n}}\n")
}

fn ready() -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(None) };
    work.write("main.tf", POOL)?;
    Ok(Some((sim, work)))
}

#[test]
fn a_storage_lives_from_its_creation_to_its_end() -> anyhow::Result<()> {
    let Some((sim, work)) = ready()? else { return Ok(()) };
    let before = sim.state()?;
    work.write("main.tf", &storage("pool = pve_ceph_pool.vm.name"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());

    let changed = "pool = pve_ceph_pool.vm.name\ncontent = [\"images\"]\nnodes = [\"pve1\", \"pve2\"]\nkrbd = true\ndisable = true";
    work.write("main.tf", &storage(changed))?;
    assert_eq!(work.plan()?.actions("pve_storage_rbd.vm"), ["update"]);
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());

    // Nodes are all again, the rest is left alone.
    work.write("main.tf", &storage("pool = pve_ceph_pool.vm.name\ndisable = false"))?;
    work.apply()?.succeeded()?;
    let now = work.instance("pve_storage_rbd.vm")?;
    assert_eq!(now["attributes"]["nodes"], serde_json::Value::Null);
    assert_eq!(now["attributes"]["krbd"], true);
    assert!(work.plan()?.is_empty());

    work.run(&["state", "rm", "pve_storage_rbd.vm"])?.succeeded()?;
    let output = work.apply()?.failed("Storage \"ceph-vm\" exists already")?;
    assert!(output.says("id = \"ceph-vm\""), "{}", output.told());
    sim.forget_requests()?;
    work.import("pve_storage_rbd.vm", "ceph-vm")?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty());

    work.destroy()?.succeeded()?;
    assert_eq!(sim.state()?, before);
    Ok(())
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() -> anyhow::Result<()> {
    let Some((sim, work)) = ready()? else { return Ok(()) };
    work.apply()?.succeeded()?;
    sim.forget_requests()?;
    for (text, summary, cure) in [
        (storage("pool = \"nope\""), "Pool \"nope\" does not exist", "pve_ceph_pool"),
        (storage("pool = \"vm\"\ncontent = [\"iso\"]"), "must be `images` or `rootdir`", "content"),
        (storage("pool = \"vm\"").replace("ceph-vm", "local"), "Storage \"local\" is of type dir", "another id"),
        (storage("pool = \"vm\"").replace("ceph-vm", "1x"), "storage", "letter"),
        (storage("pool = \"vm\"\nnodes = []"), "nodes", "must not be empty"),
    ] {
        work.write("main.tf", &text)?;
        let output = work.apply()?.failed(summary)?;
        assert!(output.says(cure), "no word of {cure}:\n{}", output.told());
    }
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    Ok(())
}

#[test]
fn an_entry_beside_another_one_goes_unless_a_guest_names_it() -> anyhow::Result<()> {
    let Some((_sim, work)) = ready()? else { return Ok(()) };
    let second = "resource \"pve_storage_rbd\" \"second\" {\nstorage = \"second\"\npool = pve_ceph_pool.vm.name\n}\n";
    let vm = |storage: &str| {
        let disks = format!("disks = {{ scsi0 = {{ size = \"1G\", storage = \"{storage}\" }} }}");
        let after = "depends_on = [pve_storage_rbd.vm]";
        format!("resource \"pve_vm\" \"one\" {{\nvmid = 120\n{disks}\nallow_destroy = true\n{after}\n}}\n")
    };
    let first = storage("pool = pve_ceph_pool.vm.name");
    work.write("main.tf", &format!("{first}{second}{}", vm("ceph-vm")))?;
    work.apply()?.succeeded()?;
    // The one that is named must stay, and the other one may go.
    work.write(
        "main.tf",
        &format!("{POOL}{second}{}", vm("ceph-vm").replace("pve_storage_rbd.vm", "pve_storage_rbd.second")),
    )?;
    work.apply()?.failed("Guest 120 could not start without it")?;
    work.write("main.tf", &format!("{first}{}", vm("ceph-vm")))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    // Alone on its pool, it holds whatever lies there.
    work.write("main.tf", POOL)?;
    work.forget("pve_vm.one")?;
    work.apply()?.failed("Their guests could not start without it")?;
    Ok(())
}

#[test]
fn an_entry_that_is_disabled_or_not_on_every_node_is_no_hindrance() -> anyhow::Result<()> {
    let Some((_sim, work)) = ready()? else { return Ok(()) };
    // The provider's first endpoint is pve1.
    for attributes in ["disable = true", "nodes = [\"pve3\"]", "nodes = [\"pve2\"]\nkrbd = true"] {
        let text = storage(&format!("pool = pve_ceph_pool.vm.name\n{attributes}"));
        work.write("main.tf", &text)?;
        work.apply()?.succeeded()?;
        work.write("main.tf", &text.replace("= \"vm\"", "= \"renamed\""))?;
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "{attributes}");
        work.destroy()?.succeeded()?;
    }
    Ok(())
}
