//! Against a real sshd on the loopback interface, which each test starts for itself.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep as pause;

use super::*;
use crate::Config;

const PATIENCE: Duration = Duration::from_secs(30);

/// An sshd with a host key of its own, and the key that it lets in.
struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn keygen(file: &Path, comment: &str) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(file).status();
    assert!(made.unwrap().success());
}

impl Sshd {
    /// None, said loudly, where there is no sshd, or nobody who may start one that lets root in.
    fn start() -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        if !program.exists() || !root {
            let why = "SKIPPED: the node shell by SSH needs root and /usr/sbin/sshd (Debian: openssh-server)";
            assert!(std::env::var("ACCEPTANCE_MUST_NOT_SKIP").is_err(), "{why}");
            eprintln!("{why}");
            return None;
        }
        fs::create_dir_all("/run/sshd").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        keygen(&at("host"), "host");
        keygen(&at("key"), "ours");
        fs::copy(at("key.pub"), at("let_in")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {host}\nAuthorizedKeysFile {let_in}\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin yes\nPidFile none\nPrintMotd no\n",
            host = at("host").display(),
            let_in = at("let_in").display(),
        );
        fs::write(at("config"), settings).unwrap();
        let mut command = Command::new(program);
        command.args(["-D", "-e", "-f"]).arg(at("config")).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let sshd = Self { folder, port, child };
        let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        for _ in 0..200 {
            if answers() {
                return Some(sshd);
            }
            pause(Duration::from_millis(50));
        }
        panic!("sshd does not listen");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self, name: &str) -> Secret {
        Secret::new(fs::read_to_string(self.file(name)).unwrap())
    }

    /// As `ssh-keygen -l` shows it.
    fn print(&self) -> String {
        let told = Command::new("ssh-keygen").arg("-lf").arg(self.file("host.pub")).output().unwrap();
        String::from_utf8(told.stdout).unwrap().split_whitespace().nth(1).unwrap().to_owned()
    }

    /// A line of a file of known hosts for this host, with that key.
    fn known_hosts(&self, key: &str) -> PathBuf {
        let key = fs::read_to_string(self.file(key)).unwrap();
        let file = self.file("known_hosts");
        fs::write(&file, format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
        file
    }

    /// What lets us in: the key, and the host key pinned.
    fn usual(&self) -> SshConfig {
        SshConfig { private_key: Some(self.key("key")), ..self.reached(Some(self.print())) }
    }

    fn reached(&self, host_key: Option<String>) -> SshConfig {
        let node = SshNode { address: Some("127.0.0.1".to_owned()), port: Some(self.port), host_key };
        SshConfig { nodes: BTreeMap::from([("pve1".to_owned(), node)]), ..SshConfig::default() }
    }
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
    let Some(sshd) = Sshd::start() else { return };
    let client = client(sshd.usual());
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
    let Some(sshd) = Sshd::start() else { return };
    let shell = client(sshd.usual()).shell("pve1");
    let error = shell.run(&argv(&["sleep", "600"]), Duration::from_secs(3)).await.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }) && !error.refused(), "{error}");
    // The next one has a connection of its own.
    assert!(shell.run(&argv(&["true"]), PATIENCE).await.unwrap().success());
}

#[tokio::test]
async fn nothing_is_said_to_a_server_whose_key_nobody_vouches_for() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.file("other"), "another host");
    let with_key = |ssh: SshConfig| SshConfig { private_key: Some(sshd.key("key")), ..ssh };
    let known = |key: &str| with_key(SshConfig { known_hosts: Some(sshd.known_hosts(key)), ..sshd.reached(None) });

    assert!(run(known("host.pub"), &["true"]).await.unwrap().success());
    let told = refused(known("other.pub")).await;
    assert!(told.contains(&sshd.print()) && told.contains("has another one"), "{told}");
    fs::write(sshd.file("empty"), "").unwrap();
    let told = refused(with_key(SshConfig { known_hosts: Some(sshd.file("empty")), ..sshd.reached(None) })).await;
    assert!(told.contains(&sshd.print()) && told.contains("is not in") && told.contains("ssh-keyscan"), "{told}");
    let told = refused(with_key(SshConfig { known_hosts: Some(sshd.file("nowhere")), ..sshd.reached(None) })).await;
    assert!(told.contains("nowhere"), "{told}");
    let told = refused(with_key(sshd.reached(None))).await;
    assert!(told.contains(&sshd.print()) && told.contains("`host_key`"), "{told}");
    let wrong = format!("SHA256:{}", "A".repeat(43));
    let told = refused(with_key(sshd.reached(Some(wrong.clone())))).await;
    assert!(told.contains(&sshd.print()) && told.contains(&wrong), "{told}");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_was_tried() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.file("stranger"), "nobody knows it");
    let reached = || sshd.reached(Some(sshd.print()));
    let told = refused(SshConfig {
        private_key: Some(sshd.key("stranger")),
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
    let Some(sshd) = Sshd::start() else { return };
    let socket = sshd.file("agent");
    let mut agent = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    for _ in 0..200 {
        if socket.exists() {
            break;
        }
        pause(Duration::from_millis(50));
    }
    let added = Command::new("ssh-add").arg("-q").arg(sshd.file("key")).env("SSH_AUTH_SOCK", &socket).status().unwrap();
    let out = run(SshConfig { agent: Some(socket), ..sshd.reached(Some(sshd.print())) }, &["true"]).await;
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
