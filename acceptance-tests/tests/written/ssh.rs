//! What PVE's API cannot do, by SSH: no password of root@pam, a token alone, and a real sshd in front of a simulated node.

use acceptance_tests::{cluster, or_skip};
use anyhow::Context as _;
use pve_sim::sshd::Sshd;

const RULE: &str =
    "resource \"pve_ceph_crush_rule\" \"osd\" {\n  name           = \"by_osd\"\n  failure_domain = \"osd\"\n}\n";

/// The provider's `ssh` for this server in front of these nodes.
fn way(sshd: &Sshd, nodes: &[&str], host_key: &str) -> anyhow::Result<String> {
    let host = format!("{{ address = \"127.0.0.1\", port = {}, host_key = \"{host_key}\" }}", sshd.port());
    let nodes: String = nodes.iter().map(|node| format!("      {node} = {host}\n")).collect();
    let key = sshd.key()?;
    Ok(format!("  ssh = {{\n    private_key = <<-EOT\n{key}\n    EOT\n    nodes = {{\n{nodes}    }}\n  }}\n"))
}

#[test]
fn a_rule_lives_without_roots_password() -> anyhow::Result<()> {
    if or_skip(Sshd::hindrance().map_or(Ok(()), |why| Err(anyhow::anyhow!(why)))).is_none() {
        return Ok(());
    }
    let Some((sim, mut work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
    let sshd = Sshd::for_node(sim.control(), "pve1")?;
    let names: Vec<&str> = sim.endpoints().keys().map(String::as_str).collect();
    for unset in ["PVE_USERNAME", "PVE_PASSWORD", "SSH_AUTH_SOCK"] {
        work.set(unset, "");
    }
    let configure = |host_key: &str| -> anyhow::Result<()> {
        let provider = format!("provider \"pve\" {{\n{}}}\n", way(&sshd, &names, host_key)?);
        work.write("head.tf", &acceptance_tests::HEAD.replace("provider \"pve\" {}\n", &provider))
    };

    // Whoever answers there is not believed without the key, and nothing is run.
    configure(&format!("SHA256:{}", "A".repeat(43)))?;
    work.write("rule.tf", RULE)?;
    let refused = work.apply()?;
    assert!(refused.code != Some(0) && refused.says("its host key is SHA256:"), "{}", refused.told());
    assert_eq!(work.instance("pve_ceph_crush_rule.osd")?, serde_json::Value::Null);

    configure(&sshd.fingerprint()?)?;
    let plan = work.plan()?;
    assert!(!plan.output.says("Warning"), "{}", plan.output.told());
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    work.write("rule.tf", &RULE.replace("\"osd\"\n}", "\"host\"\n}"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    work.destroy()?.succeeded()?;
    let rules = sim.state()?["ceph"]["rules"].clone();
    assert!(rules.as_object().context("rules")?.keys().all(|name| name != "by_osd"), "{rules:#}");
    let terminals = sim.requests()?.iter().filter(|seen| seen.path.ends_with("/termproxy")).count();
    assert_eq!(terminals, 0);
    Ok(())
}

#[test]
fn files_and_services_live_behind_a_real_sshd() -> anyhow::Result<()> {
    if or_skip(Sshd::hindrance().map_or(Ok(()), |why| Err(anyhow::anyhow!(why)))).is_none() {
        return Ok(());
    }
    let Some((sim, mut work)) = cluster(&[])? else { return Ok(()) };
    let sshd = Sshd::for_node(sim.control(), "pve1")?;
    for unset in ["PVE_USERNAME", "PVE_PASSWORD", "SSH_AUTH_SOCK"] {
        work.set(unset, "");
    }
    let provider = format!("provider \"pve\" {{\n{}}}\n", way(&sshd, &["pve1"], &sshd.fingerprint()?)?);
    work.write("head.tf", &acceptance_tests::HEAD.replace("provider \"pve\" {}\n", &provider))?;
    let before = sim.state()?;
    let lan = |text: &str| {
        format!(
            "resource \"pve_node_file\" \"lan\" {{\n  node = \"pve1\"\n  path = \"/etc/systemd/system/lan.service\"\n  content = \
             \"# {text}\\n[Install]\\n\"\n}}\nresource \"pve_node_file\" \"key\" {{\n  node = \"pve1\"\n  path = \"/etc/lan.key\"\n  \
             content_wo = \"hunter2 '$HOME'\"\n}}\nresource \"pve_node_service\" \"lan\" {{\n  node = \"pve1\"\n  unit = \"lan.service\"\n  \
             enabled = true\n  running = true\n  restarted_by = {{ unit = pve_node_file.lan.content }}\n}}\n"
        )
    };
    for text in ["one", "two, and more"] {
        work.write("lan.tf", &lan(text))?;
        work.apply()?.succeeded()?;
        let node = sim.state()?["nodes"][0].clone();
        assert_eq!(node["files"]["/etc/systemd/system/lan.service"]["content"], format!("# {text}\n[Install]\n"));
        assert_eq!(node["files"]["/etc/lan.key"]["content"], "hunter2 '$HOME'");
        assert_eq!(node["units"]["lan.service"], serde_json::json!({ "enabled": true, "active": "active" }));
        assert!(work.plan()?.is_empty());
    }
    work.destroy()?.succeeded()?;
    assert_eq!(sim.state()?, before);
    Ok(())
}
