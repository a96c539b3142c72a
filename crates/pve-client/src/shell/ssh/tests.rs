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

#[tokio::test]
async fn a_file_is_written_whole_or_not_at_all() {
    use crate::shell::commands::CommandError;
    use crate::shell::files::{Files, Wanted, beside};
    use std::os::unix::fs::{MetadataExt as _, symlink};

    let Some(sshd) = started() else { return };
    let shell = client(usual(&sshd)).ssh("pve1").unwrap();
    let files = Files::new(&shell);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let path = at("it's a file.conf");
    let want = |path: &str, mode: &'static str| (path.to_owned(), mode);
    let write = async |(path, mode): (String, &'static str), content: &[u8], new: bool| {
        files.write(Wanted { path: &path, owner: "root", group: "root", mode }, content, new).await
    };

    let place = files.look(&path, 100).await.unwrap();
    assert!(place.folder && place.found.is_none() && place.real == path);
    // What a shell, a terminal or printf would take apart, and more than one packet.
    let content = [b"$HOME `id` '%s' \0\\0 \xff\r\n", "x".repeat(300_000).as_bytes()].concat();
    let modified = write(want(&path, "0640"), &content, true).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    let found = files.look(&path, 1 << 20).await.unwrap().found.unwrap();
    assert_eq!((found.content == content, &found.modified, found.size), (true, &modified, content.len() as u64));
    assert_eq!((found.is_file(), found.owner.as_str(), found.permissions().as_str()), (true, "root", "0640"));
    assert_eq!(files.look(&path, 3).await.unwrap().found.unwrap().content, content[..3]);

    // What is there is not written over by what is to be new, and what fails leaves nothing behind.
    let refused = write(want(&path, "0600"), b"mine", true).await.unwrap_err();
    assert!(refused.refused() && refused.to_string().contains("exists by now"), "{refused}");
    let nobody = Wanted { path: &path, owner: "no-such-user", group: "root", mode: "0600" };
    let refused = files.write(nobody, b"mine", false).await.unwrap_err();
    assert!(refused.refused() && refused.to_string().contains("no-such-user"), "{refused}");
    let missing = write(want(&at("no/such/folder"), "0600"), b"x", true).await.unwrap_err();
    assert!(missing.refused(), "{missing}");
    assert_eq!(fs::read(&path).unwrap(), content);
    assert!(!fs::exists(beside(&path)).unwrap());

    // A connection that breaks is an end of file for whoever reads: what came by then takes no place.
    let cut =
        ["sh", "-c", crate::shell::files::WRITE, "sh", &path, &beside(&path), "root:root", "0600", "9", "/tmp", "over"];
    let out = shell.feed(&argv(&cut), b"cut off", "it", PATIENCE).await.unwrap();
    assert_eq!((out.status, out.stderr_text().as_str()), (9, "the content did not arrive whole"));
    assert_eq!(fs::read(&path).unwrap(), content);
    assert!(!fs::exists(beside(&path)).unwrap());
    // What a killed run has left beside it is in nobody's way.
    fs::write(beside(&path), "left").unwrap();
    let again = write(want(&path, "0600"), b"", false).await.unwrap();
    assert_eq!((fs::read(&path).unwrap().len(), again == modified), (0, false));
    files.give(Wanted { path: &path, owner: "root", group: "daemon", mode: "0604" }).await.unwrap();
    let found = files.look(&path, 0).await.unwrap().found.unwrap();
    assert_eq!((found.group.as_str(), found.is_public(), found.modified == again), ("daemon", true, true));

    // Links are seen, and not followed; nor is anything written through one, or over a directory.
    symlink(&path, at("link")).unwrap();
    let place = files.look(&at("link"), 10).await.unwrap();
    assert_eq!((place.real.as_str(), place.found.unwrap().kind()), (path.as_str(), "a symbolic link"));
    symlink(at("nowhere"), at("dangling")).unwrap();
    assert_eq!(files.look(&at("dangling"), 10).await.unwrap().found.unwrap().kind(), "a symbolic link");
    fs::create_dir(at("folder")).unwrap();
    assert_eq!(files.look(&at("folder"), 10).await.unwrap().found.unwrap().kind(), "a directory");
    for (name, new) in [("link", true), ("dangling", true), ("folder", true), ("link", false), ("folder", false)] {
        assert!(write(want(&at(name), "0600"), b"x", new).await.unwrap_err().refused(), "{name}");
    }
    assert!(files.give(Wanted { path: &at("link"), owner: "root", group: "root", mode: "0666" }).await.is_err());
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink() && fs::exists(at("folder")).unwrap());

    // Removed is what nobody has changed.
    assert!(matches!(files.remove(&path, &modified).await, Err(CommandError::Unchanged { .. })));
    assert!(files.remove(&at("link"), &again).await.is_err());
    files.remove(&path, &again).await.unwrap();
    files.remove(&path, &again).await.unwrap();
    assert!(!fs::exists(&path).unwrap());
}
