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

#[test]
fn mistakes_are_explained() {
    for (arguments, part) in [
        (vec!["serve", "--nodes", "0"], "at least one node"),
        (vec!["serve", "--ceph", "perhaps"], "unknown Ceph stage 'perhaps'"),
        (vec!["serve", "--disk-size", "big"], "not a size"),
        (vec!["serve", "--cluster", "/does/not/exist"], "cannot read /does/not/exist"),
        (vec!["serve", "--listen", "192.0.2.1:0"], "not a loopback address"),
        (vec!["serve", "--pve", "8.4"], "PVE 8.4 is not simulated"),
        (vec!["run", "--", "/does/not/exist"], "cannot run /does/not/exist"),
    ] {
        let output = pve_sim().args(&arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(part), "{arguments:?}: {error}");
    }
}
