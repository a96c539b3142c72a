//! What there is beside resources, by its own examples: functions, actions, a ticket; and the same actions from a shell.

use std::fs;
use std::process::Command;

use acceptance_tests::{Program, Terraform, cluster, example};

/// An action's example.
fn action(name: &str) -> anyhow::Result<String> {
    Ok(fs::read_to_string(example(&format!("actions/pve_{name}/action.tf")))?)
}

#[test]
fn functions_actions_and_a_ticket_by_their_own_examples() -> anyhow::Result<()> {
    let Some((sim, mut work)) = cluster(&["--ceph", "ready", "--guest", "101:2G", "--clock", "600"])? else {
        return Ok(());
    };
    for name in ["disk_object", "disk_string", "survives", "upid", "volume"] {
        let text = fs::read_to_string(example(&format!("functions/{name}/function.tf")))?;
        work.write(&format!("{name}.tf"), &text)?;
    }
    let ticket = fs::read_to_string(example("ephemeral-resources/pve_ticket/ephemeral-resource.tf"))?;
    work.write("ticket.tf", &ticket)?;
    let environment: Vec<(&str, &str)> = sim.environment().collect();
    let password = environment.iter().find(|(name, _)| *name == "PVE_PASSWORD").map_or("", |(_, password)| password);
    work.set("TF_VAR_pve_password", password);
    work.apply()?.succeeded()?;
    let state = work.state()?;
    let output = |name: &str| state["outputs"][name]["value"].clone();
    assert_eq!(output("disk_line"), "ceph:32,iothread=1,serial=data,ssd=1");
    assert_eq!((&output("disk")["storage"], &output("disk")["iothread"]), (&"ceph".into(), &true.into()));
    assert_eq!((output("started"), &output("volume")["vmid"]), ("2026-11-22T17:59:27Z".into(), &100.into()));
    assert!(!state.to_string().contains("PVEAuthCookie") && !state.to_string().contains(password));

    // From a shell, whatever Terraform it is.
    let provider = Program::provider()?;
    let shell = |words: &[&str]| -> anyhow::Result<(Option<i32>, String)> {
        let output = Command::new(&provider.path).args(words).envs(environment.iter().copied()).output()?;
        let told = [output.stdout, output.stderr].concat();
        Ok((output.status.code(), String::from_utf8_lossy(&told).into_owned()))
    };
    for (words, code, says) in [
        (&["act", "guest_power", "vmid=101", "operation=stop"][..], 0, "Stopping vm:101: task qmstop on pve1"),
        (&["act", "guest_power", "vmid=101", "operation=stop"], 0, "vm:101 is stopped already"),
        (&["act", "guest_power", "vmid=101", "operation=start"], 0, "Starting vm:101: task qmstart on pve1"),
        (&["act", "guest_power", "vmid=999", "operation=stop"], 1, "vm:999 does not exist"),
        (&["act", "guest_power", "vmid=101"], 2, "usage: guest_power vmid=NUMBER operation=TEXT"),
        (&["act"], 2, "task_stop upid=TEXT"),
        (&["tasks"], 0, "Nothing of ours runs."),
        (&["tasks", "--forever"], 2, "--follow"),
        (&["maintenance", "pve1"], 0, "pve1: its OSDs are kept in (noout)"),
        (&["maintenance", "pve1", "--end"], 0, "pve1: its OSDs may be marked out again"),
        (&["maintenance"], 2, "maintenance NODE [--end]"),
    ] {
        let (found, told) = shell(words)?;
        assert!(found == Some(code) && told.contains(says), "{words:?} ended with {found:?}: {told}");
    }

    if Terraform::find()?.product == acceptance_tests::Product::OpenTofu {
        return Ok(());
    }
    work.write("power.tf", &action("guest_power")?)?;
    work.write("osd.tf", &action("osd_state")?)?;
    work.write("alerts.tf", &action("notification_test")?)?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("Notification target mail-to-root has taken a test"), "{}", output.told());
    let invoke = |work: &acceptance_tests::Workspace, action: &str| {
        work.run(&["apply", "-auto-approve", &format!("-invoke=action.{action}")])
    };
    let output = invoke(&work, "pve_guest_power.reboot")?.succeeded()?;
    assert!(output.says("Rebooting vm:101: task qmreboot on pve1"), "{}", output.told());
    let output = invoke(&work, "pve_osd_state.out")?.succeeded()?;
    assert!(output.says("osd.1 is out"), "{}", output.told());
    for name in ["ceph_service", "disk_wipe", "node_maintenance", "node_power", "task_stop"] {
        work.write(&format!("{name}.tf"), &action(name)?)?;
    }
    assert_eq!(work.validate()?["error_count"], 0);
    Ok(())
}
