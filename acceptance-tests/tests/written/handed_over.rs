//! What another provider made, handed over by `moved` blocks in a real Terraform. Every type, and what is refused, are in
//! `src/in_process/handed_over.rs`.

use acceptance_tests::{Program, cluster};
use serde_json::{Value, json};

/// An entry of a state file, of another provider's object.
fn theirs(kind: &str, name: &str, attributes: &Value) -> Value {
    json!({
        "mode": "managed", "type": kind, "name": name,
        "provider": "provider[\"registry.terraform.io/bpg/proxmox\"]",
        "instances": [{ "schema_version": 0, "attributes": attributes, "sensitive_attributes": [] }],
    })
}

const OURS: &str = r#"
resource "pve_pool" "team" {
  poolid  = "team"
  comment = "x"
}
resource "pve_acl" "team" {
  path   = "/pool/${pve_pool.team.poolid}"
  roleid = "PVEVMUser"
  who    = "root@pam!ci"
}
resource "pve_token" "ci" {
  userid  = "root@pam"
  tokenid = "ci"
}
resource "pve_vm" "db" {
  vmid = 101
}
"#;

const MOVES: &str = r#"
terraform {
  required_providers {
    pve     = { source = "homelab/pve" }
    proxmox = { source = "bpg/proxmox" }
  }
}
moved {
  from = proxmox_virtual_environment_pool.team
  to   = pve_pool.team
}
moved {
  from = proxmox_acl.team
  to   = pve_acl.team
}
moved {
  from = proxmox_user_token.ci
  to   = pve_token.ci
}
moved {
  from = proxmox_virtual_environment_vm.db
  to   = pve_vm.db
}
"#;

#[test]
fn what_another_provider_made_is_moved_and_nothing_changes() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--guest", "101"])? else { return Ok(()) };
    let alone = "terraform {\n  required_providers {\n    pve = { source = \"homelab/pve\" }\n  }\n}\n";
    work.write("head.tf", alone)?;
    work.write("main.tf", OURS.split("resource \"pve_vm\"").next().unwrap_or_default())?;
    work.apply()?.succeeded()?;
    let secret = work.instance("pve_token.ci")?["attributes"]["value"].clone();
    let value = format!("root@pam!ci={}", secret.as_str().unwrap_or_default());
    sim.forget_requests()?;

    // Only its state is there; whoever speaks for it is not asked anything.
    work.install(&Program { source: "bpg/proxmox", ..Program::provider()? })?;
    let state = json!({ "version": 4, "terraform_version": "1.8.0", "serial": 1, "lineage": "theirs", "outputs": {}, "resources": [
        theirs("proxmox_virtual_environment_pool", "team", &json!({ "id": "team", "pool_id": "team", "comment": "x", "members": [] })),
        theirs("proxmox_acl", "team", &json!({ "id": "x", "path": "/pool/team", "role_id": "PVEVMUser", "token_id": "root@pam!ci", "propagate": true })),
        theirs("proxmox_user_token", "ci", &json!({ "id": "root@pam!ci", "user_id": "root@pam", "token_name": "ci", "value": value })),
        theirs("proxmox_virtual_environment_vm", "db", &json!({ "id": "101", "vm_id": 101, "node_name": "pve1" })),
    ]});
    work.write("terraform.tfstate", &state.to_string())?;
    work.write("head.tf", MOVES)?;
    work.write("main.tf", OURS)?;
    work.init()?.succeeded()?;
    let plan = work.try_plan(&[])?;
    assert!(plan.says("Plan: 0 to add, 0 to change, 0 to destroy"), "{}", plan.told());
    for moved in [
        "proxmox_virtual_environment_pool.team has moved to pve_pool.team",
        "proxmox_acl.team has",
        "proxmox_user_token.ci has",
        "proxmox_virtual_environment_vm.db has",
    ] {
        assert!(plan.says(moved), "{moved}: {}", plan.told());
    }
    work.apply()?.succeeded()?;
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    assert_eq!(work.instance("pve_token.ci")?["attributes"]["value"], secret, "PVE tells it to nobody again");
    assert_eq!(work.instance("pve_vm.db")?["attributes"]["name"], "vm101", "what exists is read");

    // The blocks and the other provider are needed no more.
    work.write("head.tf", alone)?;
    work.plans_nothing()
}
