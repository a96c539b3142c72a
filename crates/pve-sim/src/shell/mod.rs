//! A root shell on a simulated node, behind a terminal: enough of a shell for scripts that run `ceph` and carry its output
//! back. It has a file system of its own and reaches nothing of the machine that the simulator runs on.
//!
//! Belief: how a terminal echoes and ends lines is as on Linux; that PVE's shell is a login shell with a message of the day
//! is from the sources of PVE's terminal proxy.

pub(crate) mod files;
mod on_files;
mod parse;
mod programs;
mod run;
#[cfg(test)]
mod tests;

use crate::cluster::ceph::Output;
use files::Files;
use parse::{Command, Fault, Piece, parse};
use run::{Memory, Shell};

/// A terminal takes no longer line while no line editor runs.
const LONGEST_LINE: usize = 4095;

/// What a command left behind, byte by byte.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// A line, as sshd gives it to a login shell, on the files of a node.
pub(crate) fn command(
    node: &str,
    line: &str,
    input: &[u8],
    files: &mut Files,
    external: &mut dyn FnMut(&[String]) -> Option<Output>,
) -> Said {
    let Ok(command) = parse(line) else {
        return Said { status: 2, stderr: b"sh: 1: Syntax error\n".to_vec(), ..Said::default() };
    };
    let mut memory = Memory::default();
    memory.files = std::mem::take(files);
    let mut printed = Vec::new();
    let status = Shell::new(&mut memory, external, node).run(&command, input, &mut printed);
    *files = memory.files;
    let mut said = Said { status, ..Said::default() };
    for (fd, bytes) in printed {
        if fd == 1 { said.stdout.extend(bytes) } else { said.stderr.extend(bytes) }
    }
    said
}

/// The words of a line that is one simple command without anything to be expanded.
pub(crate) fn words(line: &str) -> Vec<String> {
    let Ok(Command::List(all)) = parse(line) else { return Vec::new() };
    let [Command::Simple(simple)] = &all[..] else { return Vec::new() };
    let word = |pieces: &Vec<Piece>| {
        pieces.iter().map(|piece| if let Piece::Text(text) = piece { text.as_str() } else { "" }).collect::<String>()
    };
    simple.words.iter().map(word).collect()
}

/// A terminal with a shell on it.
pub(crate) struct Session {
    node: String,
    memory: Memory,
    /// The line being typed.
    line: Vec<u8>,
    /// Lines of a command that is not complete yet.
    pending: String,
}

impl Session {
    /// A login on a node. Gives what is shown first, too.
    pub(crate) fn login(node: &str) -> (Self, Vec<u8>) {
        let mut session =
            Self { node: node.to_owned(), memory: Memory::default(), line: Vec::new(), pending: String::new() };
        session.memory.vars.insert("PS1".to_owned(), format!("root@{node}:~# "));
        let motd =
            format!("Linux {node} 6.17.2-1-pve #1 SMP PREEMPT_DYNAMIC x86_64\r\nLast login: from web console\r\n");
        let mut shown = motd.into_bytes();
        session.prompt(&mut shown);
        (session, shown)
    }

    /// Whether the shell has ended.
    pub(crate) fn ended(&self) -> bool {
        self.memory.ended
    }

    /// Types; gives what is shown. `external` runs a program that is none of the shell's; `None`: it is not there.
    pub(crate) fn typed(&mut self, bytes: &[u8], external: &mut dyn FnMut(&[String]) -> Option<Output>) -> Vec<u8> {
        let mut shown = Vec::new();
        for byte in bytes {
            if self.memory.ended {
                break;
            }
            match byte {
                3 => {
                    if !self.memory.echo_off {
                        shown.extend(b"^C");
                    }
                    shown.extend(b"\r\n");
                    self.line.clear();
                    self.pending.clear();
                    self.prompt(&mut shown);
                }
                4 if self.line.is_empty() => self.memory.ended = true,
                b'\r' | b'\n' => {
                    if !self.memory.echo_off {
                        shown.extend(b"\r\n");
                    }
                    self.enter(external, &mut shown);
                }
                byte => {
                    if self.line.len() < LONGEST_LINE {
                        self.line.push(*byte);
                        if !self.memory.echo_off {
                            shown.push(*byte);
                        }
                    }
                }
            }
        }
        shown
    }

    fn enter(&mut self, external: &mut dyn FnMut(&[String]) -> Option<Output>, shown: &mut Vec<u8>) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        self.pending.push_str(&line);
        self.pending.push('\n');
        match parse(&self.pending) {
            Ok(command) => {
                self.pending.clear();
                let mut printed = Vec::new();
                Shell::new(&mut self.memory, external, &self.node).run(&command, b"", &mut printed);
                for (_, bytes) in printed {
                    as_terminal(&bytes, shown);
                }
            }
            Err(Fault::Incomplete) => {
                let more = self.memory.vars.get("PS2").map_or("> ", String::as_str);
                shown.extend(more.bytes());
                return;
            }
            Err(Fault::Syntax(what)) => {
                self.pending.clear();
                as_terminal(format!("sh: 1: Syntax error: \"{what}\" unexpected\n").as_bytes(), shown);
            }
        }
        self.prompt(shown);
    }

    fn prompt(&self, shown: &mut Vec<u8>) {
        if !self.memory.ended {
            shown.extend(self.memory.vars.get("PS1").map_or("# ", String::as_str).bytes());
        }
    }
}

/// What a text does that a shell of its own is given, as `sh -c` is.
pub(crate) fn script(node: &str, text: &str, external: &mut dyn FnMut(&[String]) -> Option<Output>) -> Output {
    let Ok(command) = parse(&format!("{text}\n")) else {
        return Output { status: 2, stdout: String::new(), stderr: "sh: 1: Syntax error\n".to_owned() };
    };
    let (mut memory, mut printed) = (Memory::default(), Vec::new());
    let status = Shell::new(&mut memory, external, node).run(&command, b"", &mut printed);
    let on = |wanted: u8| {
        let bytes: Vec<u8> =
            printed.iter().filter(|(fd, _)| *fd == wanted).flat_map(|(_, bytes)| bytes.clone()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Output { status, stdout: on(1), stderr: on(2) }
}

/// A terminal goes back to the beginning of the line at each line feed.
fn as_terminal(bytes: &[u8], shown: &mut Vec<u8>) {
    for byte in bytes {
        if *byte == b'\n' {
            shown.push(b'\r');
        }
        shown.push(*byte);
    }
}
