//! Signals: to a process that is named, and to whoever is at the other end of a connection.

use std::fs;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::faults::{Recipient, Signal};

/// The two addresses of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// The client's.
    pub(crate) peer: SocketAddr,
    /// The node's.
    pub(crate) node: SocketAddr,
}

/// How often more, and how soon again, the process behind a connection is looked for.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(20);

/// Ends a process at once. One that is gone already is none of our business.
pub(crate) fn kill(pid: u32) {
    tell(signal("KILL", &pid.to_string()));
}

/// Asks a process to end.
pub fn terminate(pid: u32) {
    tell(signal("TERM", &pid.to_string()));
}

fn tell(sent: io::Result<()>) {
    if let Err(error) = sent {
        eprintln!("pve-sim: {error}");
    }
}

/// Sends a signal to the process that holds the other end of a connection on this machine, to its parent or to its group.
///
/// # Errors
/// Nobody is to be found there, or we would be hit ourselves.
pub(crate) async fn signal_peer(ends: Ends, which: Signal, to: Recipient) -> io::Result<()> {
    let mut found = process_behind(ends);
    // The kernel's tables change while they are read, and what was there all the time can be missed.
    for _ in 0..LOOKS {
        if found.is_ok() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        found = process_behind(ends);
    }
    let pid = found?;
    let recipient = match to {
        Recipient::Peer => pid.to_string(),
        Recipient::Parent => match family(pid)?.parent {
            0 | 1 => return Err(io::Error::other("it has no parent any more")),
            parent if parent == std::process::id() => return Err(io::Error::other("we have started it ourselves")),
            parent => parent.to_string(),
        },
        Recipient::Group => match family(pid)?.group {
            group if group == family(std::process::id())?.group => {
                return Err(io::Error::other("it is in the simulator's own process group"));
            }
            group => format!("-{group}"),
        },
    };
    let name = match which {
        Signal::Kill => "KILL",
        Signal::Int => "INT",
    };
    signal(name, &recipient)
}

fn signal(name: &str, recipient: &str) -> io::Result<()> {
    // The shell's own command, which every system has: Rust's library cannot send signals to what is no child.
    let command = format!("kill -s {name} -- {recipient}");
    let status = Command::new("sh").args(["-c", &command]).stderr(Stdio::null()).status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("process {recipient} got no SIG{name}: it is gone, or not ours to signal")))
}

/// The process that holds the client's end of a TCP connection: the kernel's table of connections tells the socket, and
/// the processes' open files tell whose that is.
fn process_behind(ends: Ends) -> io::Result<u32> {
    let socket = format!("socket:[{}]", inode_of(&fs::read_to_string("/proc/net/tcp")?, ends)?);
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Processes may end while they are looked at, and others' may not be looked at.
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let held =
            |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == socket.as_str());
        if files.flatten().any(held) {
            return Ok(pid);
        }
    }
    Err(io::Error::other("no process holds the connection"))
}

/// The number of the client's socket in `/proc/net/tcp`: `sl local_address rem_address st queues timer retrnsmt uid timeout
/// inode`, the addresses as `0100007F:1F90`. Both count: connections to different addresses may begin at the same port.
fn inode_of(table: &str, ends: Ends) -> io::Result<u64> {
    let (SocketAddr::V4(peer), SocketAddr::V4(node)) = (ends.peer, ends.node) else {
        return Err(io::Error::other("not an IPv4 address"));
    };
    let written = |end: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_le_bytes(end.ip().octets()), end.port());
    let (local, remote) = (written(peer), written(node));
    let line = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|fields| {
        // 0: a socket without a process, as it is after a close.
        fields.get(1..3) == Some(&[&*local, &*remote]) && fields.get(9).is_some_and(|inode| *inode != "0")
    });
    let inode = line.and_then(|fields| fields.get(9).and_then(|inode| inode.parse().ok()));
    inode.ok_or_else(|| io::Error::other("the connection is gone"))
}

/// Whom a process belongs to.
struct Family {
    parent: u32,
    group: u32,
}

/// Fourth and fifth field of /proc/PID/stat; the second is a name in parentheses that may hold anything.
fn family(pid: u32) -> io::Result<Family> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let read = || {
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
        Some(Family { parent: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    };
    read().ok_or_else(|| io::Error::other("its state cannot be read"))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn the_process_behind_a_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_server, peer) = listener.accept().unwrap();
        let ends = Ends { peer, node: listener.local_addr().unwrap() };
        assert_eq!(process_behind(ends).unwrap(), std::process::id());
        // Whoever signals a group must not be in it.
        let spared = signal_peer(ends, Signal::Int, Recipient::Group).await.unwrap_err();
        assert!(spared.to_string().contains("own process group"));
        drop(client);
        // What another test starts meanwhile holds everything for a moment, until it is another program.
        let gone = || process_behind(ends).is_err();
        assert!((0..500).any(|_| gone() || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }));
    }

    #[test]
    fn signals_arrive_at_processes_and_at_groups() {
        use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};

        let sleep = || Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let (mut one, mut group) = (sleep(), sleep());
        kill(one.id());
        // Not SIGINT: a shell that runs something in the background has it ignored by all that follow.
        signal("TERM", &format!("-{}", group.id())).unwrap();
        assert_eq!(one.wait().unwrap().signal(), Some(9));
        assert_eq!(group.wait().unwrap().signal(), Some(15));
        assert!(signal("TERM", &group.id().to_string()).is_err());
    }

    #[test]
    fn a_socket_is_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:1F90 0100007F:1F91 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n   \
                     1: 0100007F:1F90 0100007F:1F92 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0\n";
        let inode = |peer, node| {
            let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
            inode_of(table, Ends { peer: at(peer), node: at(node) }).ok()
        };
        assert_eq!(inode(8080, 8081), Some(4711));
        assert_eq!(inode(8080, 8082), Some(4712));
        assert_eq!(inode(8081, 8080), None);
    }
}
