//! Against a real sshd on the loopback interface, which each test starts for itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep as pause;

use pve_sim::sshd::{Sshd, keygen};

use super::*;
use crate::Config;

const PATIENCE: Duration = Duration::from_secs(30);

/// None, said loudly, where there can be no sshd.
fn started() -> Option<Sshd> {
    if let Some(why) = Sshd::hindrance() {
        assert!(std::env::var("ACCEPTANCE_MUST_NOT_SKIP").is_err(), "SKIPPED: {why}");
        eprintln!("SKIPPED: {why}");
        return None;
    }
    Some(Sshd::start().unwrap())
}

/// A private key.
fn key(file: &Path) -> Secret {
    Secret::new(fs::read_to_string(file).unwrap())
}

/// A line of a file of known hosts for this server, with that key.
fn known_hosts(sshd: &Sshd, of: &str) -> PathBuf {
    let file = sshd.file("known_hosts");
    let key = fs::read_to_string(sshd.file(of)).unwrap();
    fs::write(&file, format!("[127.0.0.1]:{} {key}", sshd.port())).unwrap();
    file
}

/// What lets us in: the key, and the host key pinned.
fn usual(sshd: &Sshd) -> SshConfig {
    SshConfig { private_key: Some(key(&sshd.file("key"))), ..reached(sshd, Some(sshd.fingerprint().unwrap())) }
}

fn reached(sshd: &Sshd, host_key: Option<String>) -> SshConfig {
    let node = SshNode { address: Some("127.0.0.1".to_owned()), port: Some(sshd.port()), host_key };
    SshConfig { nodes: BTreeMap::from([("pve1".to_owned(), node)]), ..SshConfig::default() }
}

/// A client that reaches nothing but by SSH.
fn client(ssh: SshConfig) -> Client {
    let config = Config { ssh: Some(ssh), ..Config::default().url("https://127.0.0.1:1").token("u@pve!t=x") };
    Client::new(config).unwrap()
}

fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

async fn run(ssh: SshConfig, words: &[&str]) -> Result<Output, Error> {
    client(ssh).shell("pve1").run(&argv(words), PATIENCE).await
}

/// Why no shell was had; nothing was run.
async fn refused(ssh: SshConfig) -> String {
    let error = run(ssh, &["true"]).await.unwrap_err();
    assert!(error.refused(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn programs_run_as_they_are_given_and_tell_how_they_ended() {
    let Some(sshd) = started() else { return };
    let client = client(usual(&sshd));
    assert!(client.has_shell() && !client.has_root());
    let shell = client.shell("pve1");
    let run = async |words: &[&str]| shell.run(&argv(words), PATIENCE).await.unwrap();
    let nasty = ["", "it's", "$HOME", "`id`", "a  b", "\n", "\\", "*", "~", "-n", "ümläut", "\u{1}"];
    let out = run(&[&["printf", "%s\\0"], &nasty[..]].concat()).await;
    let back: Vec<&str> = std::str::from_utf8(&out.stdout).unwrap().split_terminator('\0').collect();
    assert_eq!(back, nasty);
    let out = run(&["sh", "-c", "printf 'a\\0b'; printf oops >&2; exit 7"]).await;
    assert_eq!((out.status, out.stdout.as_slice(), out.stderr.as_slice()), (7, &b"a\0b"[..], &b"oops"[..]));
    assert_eq!(run(&["sh", "-c", "kill -TERM $$"]).await.status, 128 + 15);
    assert_eq!(run(&["no-such-program-anywhere"]).await.status, 127);
    // Standard input is empty, and megabytes come whole.
    assert_eq!(run(&["cat"]).await, Output::default());
    assert_eq!(run(&["head", "-c", "5000000", "/dev/zero"]).await.stdout.len(), 5_000_000);
    assert_eq!(run(&["id", "-u"]).await.stdout_text(), "0");
}

#[tokio::test]
async fn a_command_without_an_end_is_given_up_and_its_end_is_unknown() {
    let Some(sshd) = started() else { return };
    let shell = client(usual(&sshd)).shell("pve1");
    let error = shell.run(&argv(&["sleep", "600"]), Duration::from_secs(3)).await.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }) && !error.refused(), "{error}");
    // The next one has a connection of its own.
    assert!(shell.run(&argv(&["true"]), PATIENCE).await.unwrap().success());
}

#[tokio::test]
async fn nothing_is_said_to_a_server_whose_key_nobody_vouches_for() {
    let Some(sshd) = started() else { return };
    keygen(&sshd.file("other")).unwrap();
    let with_key = |ssh: SshConfig| SshConfig { private_key: Some(key(&sshd.file("key"))), ..ssh };
    let known = |of: &str| with_key(SshConfig { known_hosts: Some(known_hosts(&sshd, of)), ..reached(&sshd, None) });

    assert!(run(known("host.pub"), &["true"]).await.unwrap().success());
    let told = refused(known("other.pub")).await;
    assert!(told.contains(&sshd.fingerprint().unwrap()) && told.contains("has another one"), "{told}");
    fs::write(sshd.file("empty"), "").unwrap();
    let told = refused(with_key(SshConfig { known_hosts: Some(sshd.file("empty")), ..reached(&sshd, None) })).await;
    assert!(
        told.contains(&sshd.fingerprint().unwrap()) && told.contains("is not in") && told.contains("ssh-keyscan"),
        "{told}"
    );
    let told = refused(with_key(SshConfig { known_hosts: Some(sshd.file("nowhere")), ..reached(&sshd, None) })).await;
    assert!(told.contains("nowhere"), "{told}");
    let told = refused(with_key(reached(&sshd, None))).await;
    assert!(told.contains(&sshd.fingerprint().unwrap()) && told.contains("`host_key`"), "{told}");
    let wrong = format!("SHA256:{}", "A".repeat(43));
    let told = refused(with_key(reached(&sshd, Some(wrong.clone())))).await;
    assert!(told.contains(&sshd.fingerprint().unwrap()) && told.contains(&wrong), "{told}");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_was_tried() {
    let Some(sshd) = started() else { return };
    keygen(&sshd.file("stranger")).unwrap();
    let reached = || reached(&sshd, Some(sshd.fingerprint().unwrap()));
    let told = refused(SshConfig {
        private_key: Some(key(&sshd.file("stranger"))),
        agent: Some(sshd.file("no-agent")),
        password: Some("wrong".into()),
        ..reached()
    })
    .await;
    for tried in ["root is not let in", "the private key", "no-agent", "the password"] {
        assert!(told.contains(tried), "{told}");
    }
}

#[tokio::test]
async fn an_agent_keeps_the_key() {
    let Some(sshd) = started() else { return };
    let socket = sshd.file("agent");
    let mut agent = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    for _ in 0..200 {
        if socket.exists() {
            break;
        }
        pause(Duration::from_millis(50));
    }
    let added = Command::new("ssh-add").arg("-q").arg(sshd.file("key")).env("SSH_AUTH_SOCK", &socket).status().unwrap();
    let out =
        run(SshConfig { agent: Some(socket), ..reached(&sshd, Some(sshd.fingerprint().unwrap())) }, &["true"]).await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(added.success() && out.unwrap().success());
}

#[test]
fn what_could_never_work_is_told_before_anything_is_connected() {
    let told = |ssh: SshConfig| ssh.check().unwrap_err();
    assert!(told(SshConfig::default()).contains("no way to log in"));
    let key = SshConfig { private_key: Some("hush".into()), ..SshConfig::default() };
    assert!(told(key.clone()).contains("cannot be read") && !told(key).contains("hush"));
    let node = SshNode { host_key: Some("AA:BB".to_owned()), ..SshNode::default() };
    let nodes = BTreeMap::from([("pve1".to_owned(), node)]);
    assert!(told(SshConfig { password: Some("x".into()), nodes, ..SshConfig::default() }).contains("no fingerprint"));
}
