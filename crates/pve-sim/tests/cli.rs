//! The command line as scripts call it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn pve_sim() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pve-sim"))
}

#[test]
fn serve_says_one_line_and_ends_in_peace() {
    let mut child = pve_sim().args(["serve", "--nodes", "2"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["endpoints"].as_object().unwrap().keys().collect::<Vec<_>>(), ["pve1", "pve2"]);
    assert_eq!(said["username"], "root@pam");
    for key in ["password", "api_token", "control"] {
        assert!(said[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    assert_eq!(said["fingerprints"]["pve1"].as_str().unwrap().len(), 95);
    let ended = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap();
    assert!(ended.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    line.clear();
    assert_eq!(out.read_line(&mut line).unwrap(), 0, "{line}");
}

#[test]
fn run_has_the_command_know_the_cluster_and_ends_as_it_does() {
    let script =
        "echo $PVE_ENDPOINTS $PVE_USERNAME ${PVE_SIM_CONTROL%%:*} ${PVE_PASSWORD:+set} ${PVE_API_TOKEN%%=*}; exit 7";
    let output = pve_sim().args(["run", "--nodes", "1", "--", "sh", "-c", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("pve1=https://127.0.0.1:"), "{text}");
    assert!(text.ends_with(" root@pam http set root@pam!sim\n"), "{text}");
}

#[test]
fn a_command_that_a_signal_ends_is_told_apart() {
    let output = pve_sim().args(["run", "--", "sh", "-c", "kill -KILL $$"]).output().unwrap();
    assert_eq!(output.status.code(), Some(128 + 9));
}

/// What a script says inside of `run`, which must end well.
fn inside(options: &[&str], script: &str) -> String {
    let script = format!("set -e; sim() {{ {} \"$@\"; }}; {script}", env!("CARGO_BIN_EXE_pve-sim"));
    let output = pve_sim().arg("run").args(options).args(["--", "sh", "-c", &script]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_node_dies_and_its_guests_are_relocated_before_the_verb_returns() {
    let cluster = tempfile::NamedTempFile::new().unwrap();
    let shape = "
storages: [{storage: nfs, type: nfs, server: a, export: /e, content: [images]}]
guests: [{vmid: 101, node: pve2, running: true, config: {ostype: l26, scsi0: 'nfs:8'}}]
ha: {resources: [{vmid: 101, state: started}]}
clock: {factor: 6000}
";
    std::fs::write(cluster.path(), shape).unwrap();
    let options = ["--cluster", cluster.path().to_str().unwrap()];
    let said = inside(&options, "sim node on pve2 --wait relocated; sim node off pve2 --wait relocated; sim state");
    let state: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_ne!(state["guests"]["101"]["node"], "pve2");
    assert_eq!(state["guests"]["101"]["running"], true);
    assert_eq!(state["nodes"][1]["on"], false);

    let standing = [options[0], options[1], "--clock", "0"];
    let script = "sim node off pve2 --wait relocated 2>&1 || true";
    assert!(inside(&standing, script).contains("the clock stands still"));
}

#[test]
fn a_disk_dies_and_another_takes_its_place() {
    let script = "sim disk kill pve1 SIM0101; sim disk add pve1 NEW1 --size 8G; sim state";
    let said = inside(&["--ceph", "ready"], script);
    let (told, state) = said.split_once('{').unwrap();
    assert_eq!(told, "SIM0101 of pve1 is dead, and with it osd.0\npve1 has NEW1 as /dev/sdb\n");
    let state: serde_json::Value = serde_json::from_str(&format!("{{{state}")).unwrap();
    assert_eq!(
        state["nodes"][0]["disks"][1],
        serde_json::json!({ "path": "/dev/sdb", "used": null, "partitions": {} })
    );
}

#[test]
fn the_clock_is_put_forward_and_requests_are_shown() {
    let script = "sim clock; sim clock +1h; sim requests; sim requests --writes --json";
    let said = inside(&["--clock", "0"], script);
    let lines: Vec<&str> = said.lines().collect();
    let moment = |line: &str| line.parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(moment(lines[1]) - moment(lines[0]), 3600);
    assert_eq!(lines[2..], ["[]"], "nothing was asked of the nodes");
}

#[test]
fn a_token_of_the_clusters_file_has_a_secret_that_is_given_or_told() {
    let cluster = tempfile::NamedTempFile::new().unwrap();
    let secret = "6d9f4c1e-0b7a-4f43-9a55-2f4d0c8e7b11";
    let shape = format!("users: [{{userid: ops@pve, tokens: [{{id: ci, value: {secret}}}, {{id: made-up}}]}}]");
    std::fs::write(cluster.path(), shape).unwrap();
    let options = ["--cluster", cluster.path().to_str().unwrap()];
    let said = inside(&options, "echo $PVE_API_TOKEN_OPS_PVE_CI; echo $PVE_API_TOKEN_OPS_PVE_MADE_UP");
    let (given, made_up) = said.trim().split_once('\n').unwrap();
    assert_eq!(given, format!("ops@pve!ci={secret}"));
    let made_up = made_up.strip_prefix("ops@pve!made-up=").unwrap();
    assert!(made_up.len() == secret.len() && made_up != secret, "{made_up}");
}

#[test]
fn guests_partitions_and_tokens_are_made_to_order() {
    let options = [
        "--guest",
        "101@pve2:8G",
        "--guest",
        "102",
        "--partition",
        "4:100G",
        "--token",
        "plan=PVEAuditor",
        "--disks",
        "0",
    ];
    let said = inside(&options, "echo $PVE_API_TOKEN_PLAN; sim state");
    let (token, state) = said.split_once('\n').unwrap();
    assert!(token.starts_with("root@pam!plan="), "{token}");
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    let disk = |vmid: &str| state["guests"][vmid]["config"]["scsi0"].as_str().unwrap_or_default().to_owned();
    assert_eq!(state["guests"]["101"]["node"], "pve2");
    assert!(disk("101").ends_with(",size=8G") && disk("102").ends_with(",size=32G"), "{} {}", disk("101"), disk("102"));
    for node in state["nodes"].as_array().unwrap() {
        assert_eq!(node["disks"][0]["partitions"]["4"], serde_json::Value::Null, "{node}");
        assert_eq!(node["disks"][0]["partitions"].as_object().unwrap().len(), 4, "{node}");
    }
}

#[test]
fn mistakes_are_explained() {
    for (arguments, part) in [
        (vec!["serve", "--nodes", "0"], "at least one node"),
        (vec!["serve", "--ceph", "perhaps"], "unknown Ceph stage 'perhaps'"),
        (vec!["serve", "--disk-size", "big"], "not a size"),
        (vec!["serve", "--cluster", "/does/not/exist"], "cannot read /does/not/exist"),
        (vec!["serve", "--listen", "192.0.2.1:0"], "not a loopback address"),
        (vec!["serve", "--pve", "7.4"], "PVE 7.4 is not simulated"),
        (vec!["run", "--", "/does/not/exist"], "cannot run /does/not/exist"),
        (vec!["serve", "--guest", "web"], "'web' is no VM's number"),
        (vec!["serve", "--guest", "101@pve9"], "guest 101 names the unknown node 'pve9'"),
        (vec!["serve", "--guest", "101", "--guest", "101@pve2"], "guest 101 is there twice"),
        (vec!["serve", "--partition", "3:1G"], "three partitions of its own"),
        (
            vec!["serve", "--token", "plan=Nobody"],
            "there is no role 'Nobody' for the token 'plan': PVE has Administrator",
        ),
        (vec!["serve", "--token", "plan"], "expected as in plan=PVEAuditor"),
        (vec!["node", "off", "pve1"], "PVE_SIM_CONTROL is not set"),
        (vec!["clock", "5m"], "the clock goes forward only: +5m"),
    ] {
        let output = pve_sim().args(&arguments).env_remove("PVE_SIM_CONTROL").output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(part), "{arguments:?}: {error}");
    }
}
