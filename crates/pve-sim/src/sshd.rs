//! A real sshd on the loopback interface, for tests of what goes to the nodes by SSH. What it runs is either this machine's
//! own, or answered by a simulated node.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// Where Debian has it.
const PROGRAM: &str = "/usr/sbin/sshd";

/// Hands a command to a simulated node. Arguments: the control address, the node; the command is in `SSH_ORIGINAL_COMMAND`.
const FORWARD: &str = r#"import base64, json, os, sys, urllib.request
given = base64.b64encode(sys.stdin.buffer.read()).decode()
body = json.dumps({"line": os.environ["SSH_ORIGINAL_COMMAND"], "input": given}).encode()
request = urllib.request.Request(f"{sys.argv[1]}/nodes/{sys.argv[2]}/shell", body, {"content-type": "application/json"})
answer = json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))
sys.stdout.write(answer["stdout"])
sys.stderr.write(answer["stderr"])
sys.exit(answer["status"])
"#;

/// The server, its host key, and the key that it lets in as root. Ends when dropped.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Sshd {
    /// Why there can be none here, if that is so: it takes root, the program, and OpenSSH's own tools.
    pub fn hindrance() -> Option<&'static str> {
        let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        (!root || !Path::new(PROGRAM).exists())
            .then_some("the node shell by SSH is tried as root, with /usr/sbin/sshd (Debian: openssh-server)")
    }

    /// Runs what it is told on this machine.
    pub fn start() -> io::Result<Self> {
        Self::with(|_| String::new())
    }

    /// Hands what it is told to a node of the simulated cluster with this control address.
    pub fn for_node(control: &str, node: &str) -> io::Result<Self> {
        Self::with(|folder| format!("ForceCommand python3 {}/forward.py {control} {node}\n", folder.display()))
    }

    fn with(settings: impl FnOnce(&Path) -> String) -> io::Result<Self> {
        // Where it leaves its privileges behind.
        fs::create_dir_all("/run/sshd")?;
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        keygen(&at("host"))?;
        keygen(&at("key"))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {host}\nAuthorizedKeysFile {key}.pub\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin yes\nPidFile none\nPrintMotd no\n{more}",
            host = at("host").display(),
            key = at("key").display(),
            more = settings(folder.path()),
        );
        fs::write(at("forward.py"), FORWARD)?;
        fs::write(at("config"), settings)?;
        let mut command = Command::new(PROGRAM);
        command.args(["-D", "-e", "-f"]).arg(at("config"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let sshd = Self { folder, port, child };
        for _ in 0..400 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(sshd);
            }
            sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("sshd does not listen"))
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A file in its folder: `host`, `key` and both with `.pub` are there; there is room for more.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The private key that it lets in.
    pub fn key(&self) -> io::Result<String> {
        fs::read_to_string(self.file("key"))
    }

    /// The fingerprint of its host key, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> io::Result<String> {
        let told = Command::new("ssh-keygen").arg("-lf").arg(self.file("host.pub")).output()?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        told.split_whitespace().nth(1).map(str::to_owned).ok_or_else(|| io::Error::other("ssh-keygen says nothing"))
    }
}

/// Makes a key and its public half beside it.
pub fn keygen(file: &Path) -> io::Result<()> {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status()?;
    if made.success() { Ok(()) } else { Err(io::Error::other("ssh-keygen has failed")) }
}
