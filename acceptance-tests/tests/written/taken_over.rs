//! What a run that was cut off has made is taken over by the next: the journal is found beside Terraform's own data. What
//! merely looks like it, and every kind of object, are in `src/in_process/taken_over.rs`.

use std::time::Duration;

use acceptance_tests::{Workspace, cluster_of};
use serde_json::json;

const SHAPE: &str = include_str!("taken_over.yaml");

/// One is made in a task, which tells who began it; of the other nothing but the journal tells.
const CASES: [(&str, &str, &str); 2] = [
    ("pve_ceph_pool.this", "/nodes/*/ceph/pool", "name = \"vm\""),
    ("pve_pool.this", "/pools", "poolid = \"team\"\ncomment = \"ours\""),
];

const ANOTHER: &str = "resource \"pve_pool\" \"another\" {\n  poolid = \"another\"\n}\n";

/// How many entries the journal holds.
fn entries(work: &Workspace) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(work.path().join(".terraform/pve-journal"))?.count())
}

#[test]
fn what_a_killed_run_has_made_is_taken_over_with_a_warning() -> anyhow::Result<()> {
    for (address, path, attributes) in CASES {
        let Some((sim, work)) = cluster_of(SHAPE, &[])? else { return Ok(()) };
        let (kind, name) = address.split_once('.').unwrap_or_default();
        let text = format!("resource \"{kind}\" \"{name}\" {{\n{attributes}\n}}\n");
        work.write("main.tf", &text)?;
        sim.fault(&json!({
            "match": { "method": "POST", "path": path }, "when": "after", "effect": { "signal": "KILL", "to": "peer" },
        }))?;
        assert_eq!(work.apply()?.code, Some(1));
        sim.clear_faults()?;
        assert!(work.instance(address)?.is_null(), "a provider that was killed has nothing to say");
        // It is recorded when it has struck, which may be after its sender is dead.
        while sim.mutations()?.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
        }
        sim.forget_requests()?;

        let output = work.apply()?.succeeded()?;
        assert!(output.says("What exists already is taken for ours"), "{}", output.told());
        assert!(sim.mutations()?.is_empty(), "{address}: {:?}", sim.mutations()?);
        assert_ne!(work.instance(address)?["attributes"]["ready"], false, "{address}");
        assert!(work.plan()?.is_empty(), "{address}");
        // The entry is struck out once the state is seen to hold the object.
        work.write("main.tf", &format!("{text}{ANOTHER}"))?;
        work.apply()?.succeeded()?;
        assert_eq!(entries(&work)?, 1, "{address}");
    }
    Ok(())
}
