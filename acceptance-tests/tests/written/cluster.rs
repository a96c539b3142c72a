//! `pve_cluster` and `pve_cluster_member` with a real Terraform: from single nodes to a cluster, and apart again. All else is in
//! `src/in_process/joins.rs`.

use std::collections::BTreeSet;

use acceptance_tests::{Seen, cluster_of};

const NODES: &str = "
name: lab
nodes: [{name: pve1, single: true}, {name: pve2, single: true}, {name: pve3, single: true}]
";

const CONFIG: &str = r#"
resource "pve_cluster" "lab" {
  name = "lab"
  node = "pve1"
}

resource "pve_cluster_member" "others" {
  for_each   = toset(["pve2", "pve3"])
  node       = each.key
  shut_down  = true
  depends_on = [pve_cluster.lab]
}

resource "pve_pool" "web" {
  poolid     = "web"
  depends_on = [pve_cluster.lab]
}
"#;

#[test]
fn single_nodes_become_a_cluster_in_one_apply_and_come_apart_in_one_destroy() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster_of(NODES, &[])? else { return Ok(()) };
    work.write("main.tf", CONFIG)?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("4 added"), "{}", output.told());
    assert!(output.says("shows another certificate since it has joined"), "{}", output.told());
    assert!(work.plan()?.is_empty());
    // The graph alone decides who is the second.
    let names = |state: &serde_json::Value| -> BTreeSet<String> {
        state["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|node| Some(node["name"].as_str()?.to_owned()))
            .collect()
    };
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let state = sim.state()?;
    assert_eq!((names(&state), state["singles"].is_null()), (all(&["pve1", "pve2", "pve3"]), true));

    let output = work.destroy()?.succeeded()?;
    assert!(!output.says("would fail as things are now"), "{}", output.told());
    assert!(output.says("has to be installed anew") && output.says("stays, with one node"), "{}", output.told());
    let state = sim.state()?;
    assert_eq!(names(&state), all(&["pve1"]));
    for node in ["pve2", "pve3"] {
        assert_eq!(state["singles"][node]["nodes"][0]["on"], false, "{node}");
    }
    let asked = |seen: &Seen| format!("{} {}", seen.method, seen.path);
    let writes: Vec<String> =
        sim.mutations()?.iter().map(asked).filter(|line| line.contains("/cluster/config")).collect();
    let removals = writes.iter().filter(|line| line.starts_with("DELETE /cluster/config/nodes/")).count();
    assert_eq!((writes.len(), removals), (5, 2), "{writes:?}");
    Ok(())
}
