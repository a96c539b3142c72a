//! `pve_ceph_crush_rule` with a real Terraform: its life. All else is in `src/in_process/rules.rs`.

use acceptance_tests::{Workspace, cluster};
use serde_json::json;

/// A rule with these attributes.
fn rule(attributes: &str) -> String {
    format!("resource \"pve_ceph_crush_rule\" \"r\" {{\n{attributes}\n}}\n")
}

/// The rule and a pool that uses it.
fn with_pool(attributes: &str) -> String {
    let pool = "name = \"vm\"\nsize = 2\nmin_size = 2\ncrush_rule = pve_ceph_crush_rule.r.name\nallow_destroy = true";
    format!("{}\nresource \"pve_ceph_pool\" \"vm\" {{\n{pool}\n}}\n", rule(attributes))
}

fn attributes(work: &Workspace) -> anyhow::Result<serde_json::Value> {
    Ok(work.instance("pve_ceph_crush_rule.r")?["attributes"].clone())
}

#[test]
fn a_rule_lives_from_its_creation_to_its_end_and_keeps_its_pools() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
    let before = sim.state()?;
    work.write("main.tf", &with_pool("name = \"osd\"\nfailure_domain = \"osd\""))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert_eq!(attributes(&work)?["root"], "default");
    assert_eq!(attributes(&work)?["ready"], true);

    for (change, domain, class) in [
        ("name = \"osd\"\nfailure_domain = \"host\"", "host", json!(null)),
        ("name = \"osd\"\nfailure_domain = \"host\"\ndevice_class = \"ssd\"", "host", json!("ssd")),
        ("name = \"osd\"\nfailure_domain = \"osd\"", "osd", json!(null)),
    ] {
        work.write("main.tf", &with_pool(change))?;
        assert_eq!(work.plan()?.actions("pve_ceph_crush_rule.r"), ["update"], "{change}");
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "{change}");
        let now = attributes(&work)?;
        assert_eq!((now["failure_domain"].as_str(), &now["device_class"]), (Some(domain), &class));
        assert_eq!(work.instance("pve_ceph_pool.vm")?["attributes"]["crush_rule"], "osd");
    }
    work.destroy()?.succeeded()?;
    assert_eq!(sim.state()?, before);
    Ok(())
}
