//! `/nodes/{node}/termproxy` and `/vncwebsocket`: a node's terminal in a websocket.
//!
//! Belief throughout: from the sources of PVE's API and its terminal proxy; no terminal was ever recorded. `upgrade` is not
//! simulated, `ceph_install` in [`super::install`].

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::ceph::{Need, ceph_on};
use super::install::Typed;
use crate::cluster::Cluster;
use crate::cluster::access::ROOT;
use crate::cluster::ceph::{Output, run};
use crate::cluster::terminals::{Installation, Stage, Terminal};
use crate::kernel::call::Socket;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Next, TaskCx};
use crate::kernel::world::World;
use crate::kernel::{Call, PveError, Routes};
use crate::shell::{Session, script};

/// How long a terminal waits for its client, and then for the ticket; in real time, as the client lives in it.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/termproxy", termproxy);
    r.get("/nodes/{node}/vncwebsocket", vncwebsocket);
    r.programs(program);
}

fn termproxy(call: &mut Call<'_>) -> Result<Value, PveError> {
    let install = match call.params.text("cmd") {
        None | Some("login") => None,
        Some("ceph_install") => Installation::parse(call.params.text("cmd-opts").unwrap_or_default()),
        Some(_) => None,
    };
    if install.is_none() && call.params.text("cmd").is_some_and(|cmd| cmd != "login") {
        *call.cluster.unmodelled.entry("POST /nodes/{node}/termproxy with a command".to_owned()).or_default() += 1;
        return Err(PveError::status(501, "this command is not simulated"));
    }
    let (target, listens, user) = (call.params.need("node").to_owned(), call.served_by.clone(), call.user.full());
    if call.cluster.nodes.get(&target).is_none() {
        return Err(PveError::new(format!(
            "hostname lookup '{target}' failed - failed to get address info for: {target}: Name or service not known"
        )));
    }
    let path = format!("/nodes/{target}");
    let ticket = call.cluster.access.issue_console_ticket(&user, &path, call.now());
    let terminal = Terminal {
        target,
        user: user.clone(),
        ticket: ticket.clone(),
        shell: user == ROOT,
        install,
        stage: Stage::Waiting(Instant::now()),
    };
    let Some(port) = call.cluster.terminals.open(&listens, terminal) else {
        return Err(PveError::new("unable to find free port (5900-6000)"));
    };
    let job = move |t: &mut TaskCx<'_>| watch(t, &listens, port);
    let upid = call.task_on(&call.served_by.clone(), "vncshell", "", job);
    Ok(json!({ "user": user, "ticket": ticket, "port": port, "upid": upid.to_string() }))
}

/// The task beside a terminal: runs as long as the terminal is open.
fn watch(t: &mut TaskCx<'_>, node: &str, port: u16) -> Next {
    let Some(terminal) = t.cluster.terminals.at(node, port) else { return Next::Done };
    let why = match terminal.stage {
        Stage::Waiting(since) if since.elapsed() > PATIENCE => Some("failed waiting for client: timed out"),
        Stage::Waiting(_) | Stage::Connected => return Next::After(Duration::from_secs(1)),
        Stage::Over(why) => why,
    };
    let user_path = format!("/nodes/{}", terminal.target);
    t.cluster.terminals.close(node, port);
    match why {
        None => Next::Done,
        Some(why) => {
            t.log(why);
            Next::Fail(format!(
                "command '/usr/bin/termproxy {port} --path {user_path} --perm Sys.Console -- /bin/login -f root' failed: exit code 1"
            ))
        }
    }
}

fn vncwebsocket(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (target, listens) = (call.params.need("node").to_owned(), call.served_by.clone());
    let port = call.params.number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let ticket = call.params.need("vncticket").to_owned();
    let user = call.user.full();
    let known = call.cluster.terminals.at(&listens, port).cloned();
    let good = known.as_ref().is_some_and(|t| t.target == target && t.user == user && t.ticket == ticket);
    if !good {
        return Err(PveError::status(401, "permission denied - invalid PVEVNC ticket"));
    }
    call.upgrade(async move |world, socket| {
        let Some(terminal) = world.with(|cluster| claim(cluster, &listens, port)) else { return };
        let end = serve(&world, terminal, socket).await;
        world.with(|cluster| {
            if let Some(terminal) = cluster.terminals.at(&listens, port) {
                terminal.stage = Stage::Over(end);
            }
        });
    });
    Ok(Value::Null)
}

/// The terminal for its one client.
fn claim(cluster: &mut Cluster, node: &str, port: u16) -> Option<Terminal> {
    let terminal = cluster.terminals.at(node, port)?;
    if !matches!(terminal.stage, Stage::Waiting(since) if since.elapsed() <= PATIENCE) {
        return None;
    }
    terminal.stage = Stage::Connected;
    Some(terminal.clone())
}

/// Serves a client to the end; termproxy's words if there was no login.
async fn serve(world: &World, terminal: Terminal, mut socket: Socket) -> Option<&'static str> {
    let first = tokio::time::timeout(PATIENCE, next(&mut socket)).await;
    let Ok(Some(first)) = first else { return Some("connection closed before authentication") };
    let line = format!("{}:{}\n", terminal.user, terminal.ticket);
    let Some(rest) = first.strip_prefix(line.as_bytes()) else { return Some("authentication data is invalid") };
    let mut frames = Frames::default();
    let mut typed = frames.take(rest);
    if !send(&mut socket, b"OK".to_vec()).await {
        return None;
    }
    let node = terminal.target.as_str();
    if !world.with(|cluster| cluster.nodes.online(node)) {
        send(&mut socket, format!("ssh: connect to host {node} port 22: No route to host\r\n").into_bytes()).await;
        return None;
    }
    if let Some(wanted) = terminal.install.filter(|_| terminal.shell) {
        super::install::serve(world, node, &wanted, Typed::new(&mut socket, frames, typed)).await;
        let _ = socket.close(None).await;
        return None;
    }
    let mut login = if terminal.shell {
        let (session, shown) = Session::login(node);
        send(&mut socket, shown).await;
        Some(session)
    } else {
        send(&mut socket, format!("{node} login: ").into_bytes()).await;
        None
    };
    loop {
        let shown = match &mut login {
            Some(session) => session.typed(&typed, &mut |argv| program(world, node, argv)),
            // Nobody has a password for the simulated system: whatever is typed, it asks again.
            None => typed.iter().filter(|byte| **byte != 0).flat_map(|byte| refuse(*byte, node)).collect(),
        };
        if !shown.is_empty() && !send(&mut socket, shown).await {
            return None;
        }
        if login.as_ref().is_some_and(Session::ended) || !world.with(|cluster| cluster.nodes.online(node)) {
            let _ = socket.close(None).await;
            return None;
        }
        match next(&mut socket).await {
            Some(bytes) => typed = frames.take(&bytes),
            None => return None,
        }
    }
}

fn refuse(byte: u8, node: &str) -> Vec<u8> {
    match byte {
        b'\r' | b'\n' => format!("\r\nPassword: \r\nLogin incorrect\r\n{node} login: ").into_bytes(),
        byte => vec![byte],
    }
}

/// Options of `flock`, each with a value.
const FLOCK: [&str; 2] = ["--wait", "--conflict-exit-code"];

/// A command under the lock that PVE has around changes to the node's disks; no other lock is simulated.
fn locked(world: &World, node: &str, words: &[String]) -> Option<Output> {
    let options = words.chunks_exact(2).take_while(|pair| FLOCK.contains(&pair[0].as_str())).count() * 2;
    let (options, rest) = words.split_at(options);
    let (file, command) = rest.split_first()?;
    if file != "/run/lock/pve-diskmanage.lck" {
        return None;
    }
    if world.with(|cluster| cluster.locks.is_held(&Lock::Disks(node.to_owned()))) {
        let conflict = options.chunks_exact(2).find(|pair| pair[0] == FLOCK[1]);
        let status = conflict.and_then(|pair| pair[1].parse().ok()).unwrap_or(1);
        return Some(Output { status, stdout: String::new(), stderr: String::new() });
    }
    program(world, node, command)
}

/// `ceph`, `ceph-volume`, `pveceph purge`, `ha-manager crm-command node-maintenance`, `pvecm expected` and what reads and writes tables of partitions, as they answer on this
/// node, also in a shell of their own and under a lock; no other program.
fn program(world: &World, node: &str, argv: &[String]) -> Option<Output> {
    let name = argv.first()?;
    match argv {
        [flock, words @ ..] if flock == "flock" => return locked(world, node, words),
        [sh, option, text] if sh == "sh" && option == "-c" => {
            return Some(script(node, text, &mut |argv| program(world, node, argv)));
        }
        _ => {}
    }
    let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
    if let Some(output) = world.with(|cluster| cluster.partition_program(node, name, &words)) {
        return Some(output);
    }
    if ["systemctl", "journalctl"].contains(&name.as_str()) {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        return world.with(|cluster| {
            let node = cluster.nodes.get_mut(node)?;
            let (units, files) = (&mut node.units, &node.files);
            units.run(files, &words)
        });
    }
    if ["pvecm", "/usr/bin/pvecm", "/bin/pvecm"].contains(&name.as_str()) {
        return world.with(|cluster| match words[..] {
            ["expected", votes] if votes.parse::<usize>().is_ok() => {
                let said = cluster.at(node, |cluster| cluster.nodes.expect(votes.parse().unwrap_or(0)));
                let (status, stderr) = said.map_or_else(|text| (1, format!("{text}\n")), |()| (0, String::new()));
                Some(Output { status, stdout: String::new(), stderr })
            }
            _ => unmodelled(cluster, "pvecm", &words),
        });
    }
    if ["ha-manager", "/usr/sbin/ha-manager", "/sbin/ha-manager"].contains(&name.as_str()) {
        return world.with(|cluster| match words[..] {
            ["crm-command", "node-maintenance", way @ ("enable" | "disable"), of] => {
                let said = cluster.ask_for_maintenance(node, of, way == "enable");
                let (status, stderr) = said.map_or_else(|text| (255, format!("{text}\n")), |()| (0, String::new()));
                Some(Output { status, stdout: String::new(), stderr })
            }
            _ => unmodelled(cluster, "ha-manager", &words),
        });
    }
    if ["pveceph", "/usr/bin/pveceph", "/bin/pveceph"].contains(&name.as_str()) {
        return world.with(|cluster| match words[..] {
            ["purge"] => {
                let now = cluster.now.seconds();
                Some(cluster.ceph_now().purge(node, now))
            }
            _ => unmodelled(cluster, "pveceph", &words),
        });
    }
    if ["ceph-volume", "/usr/sbin/ceph-volume", "/sbin/ceph-volume"].contains(&name.as_str()) {
        return world.with(|cluster| cluster.ceph.installed(node).then(|| cluster.ceph_volume(node, &words)));
    }
    if !["ceph", "/usr/bin/ceph", "/bin/ceph"].contains(&name.as_str()) {
        return None;
    }
    world.with(|cluster| {
        if !cluster.ceph.installed(node) {
            return None;
        }
        let now = cluster.now.seconds();
        if ceph_on(cluster, node, Need::Config).is_err() {
            let stderr = "Error initializing cluster client: ObjectNotFound('RADOS object not found (error calling conf_read_file)')\n";
            return Some(Output { status: 1, stdout: String::new(), stderr: stderr.to_owned() });
        }
        let words: Vec<&str> = ["ceph"].into_iter().chain(words).collect();
        Some(run(cluster.ceph_now(), now, &words))
    })
}

/// A program that there is, with words that are not simulated.
fn unmodelled(cluster: &mut Cluster, program: &str, words: &[&str]) -> Option<Output> {
    *cluster.unmodelled.entry(format!("{program} {}", words.join(" "))).or_default() += 1;
    None
}

pub(super) async fn next(socket: &mut Socket) -> Option<Vec<u8>> {
    loop {
        match socket.next().await? {
            Ok(Message::Binary(bytes)) => return Some(bytes.to_vec()),
            Ok(Message::Text(text)) => return Some(text.as_bytes().to_vec()),
            Ok(Message::Close(_)) | Err(_) => return None,
            // Pings are answered by the library.
            Ok(_) => {}
        }
    }
}

pub(super) async fn send(socket: &mut Socket, bytes: Vec<u8>) -> bool {
    socket.send(Message::binary(bytes)).await.is_ok()
}

/// What comes from the client: `0:LENGTH:DATA`, `1:COLUMNS:ROWS:`, `2`.
#[derive(Default)]
pub(super) struct Frames {
    /// Bytes of data still to come.
    left: usize,
}

impl Frames {
    /// The typed bytes in a message. Data may go on in the next message; a header that is cut is lost, as in PVE.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut typed = Vec::new();
        while !bytes.is_empty() {
            if self.left > 0 {
                let (data, rest) = bytes.split_at(self.left.min(bytes.len()));
                typed.extend(data);
                self.left -= data.len();
                bytes = rest;
                continue;
            }
            bytes = match bytes {
                [b'0', b':', rest @ ..] => match number(rest) {
                    Some((length, rest)) => {
                        self.left = length;
                        rest
                    }
                    None => rest,
                },
                [b'1', b':', rest @ ..] => match number(rest).and_then(|(_, rest)| number(rest)) {
                    Some((_, rest)) => rest,
                    None => &[],
                },
                // `2` keeps the connection alive; what is not known is skipped.
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        typed
    }
}

/// `17:` and what follows.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let text = std::str::from_utf8(&bytes[..colon]).ok()?;
    Some((text.parse().ok()?, &bytes[colon + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::Bed;
    use crate::shape::Shape;

    #[test]
    fn frames_may_be_joined_and_data_cut_but_not_headers() {
        let mut frames = Frames::default();
        assert_eq!(frames.take(b"1:80:24:0:3:abc20:2:d"), b"abcd");
        assert_eq!(frames.take(b"e0:1:f"), b"ef");
        assert_eq!(frames.take(b"0:1"), b"");
        assert_eq!(frames.take(b"0:1:g"), b"g");
    }

    #[tokio::test]
    async fn a_ticket_is_for_one_user_one_node_and_one_port() {
        let bed = Bed::new(Shape::default());
        let answer = bed.send(bed.ticket(ROOT), "POST", "/nodes/pve1/termproxy", &[]).await;
        let data = serde_json::from_str::<Value>(&answer.body).unwrap()["data"].clone();
        assert_eq!((data["user"].as_str(), data["port"].as_u64()), (Some(ROOT), Some(5900)));
        assert!(data["upid"].as_str().unwrap().contains(":vncshell::root@pam:"));
        let ticket = data["ticket"].as_str().unwrap();
        for (node, port, shown) in [("pve2", "5900", ticket), ("pve1", "5901", ticket), ("pve1", "5900", "PVEVNC:x::y")]
        {
            let path = format!("/nodes/{node}/vncwebsocket");
            let answer = bed.send(bed.ticket(ROOT), "GET", &path, &[("port", port), ("vncticket", shown)]).await;
            assert_eq!(answer.status, 401);
        }
    }
}
