//! What goes over a terminal, without the network: PVE's frames, the lines typed into the shell, and the reading of what
//! comes back.
//!
//! A terminal has one stream, an echo, a message of the day and no exit status. So:
//! - `/bin/sh` replaces root's login shell, so that no line editor wraps or colours anything, and the echo is turned off;
//! - a shell function runs the command with its output in files, then prints both base64-encoded, each line marked with
//!   a random token, and at the end the exit status with both lengths;
//! - the command itself is sent base64-encoded in pieces, since a terminal cuts lines at 4095 bytes and acts on
//!   control characters;
//! - the token is typed in two halves, so that an echo never equals an answer.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Output, quote};

/// Bytes of data in one input frame. PVE refuses websocket messages above 128 KiB.
const FRAME: usize = 16 * 1024;

/// Characters of base64 in one typed line; with what stands around them far below the terminal's 4095.
const PIECE: usize = 900;

/// Terminal input as the messages PVE's terminal proxy wants: `0:LENGTH:DATA`.
/// A header must not be cut, so each frame is one websocket message.
pub fn input(data: &[u8]) -> Vec<Vec<u8>> {
    let frame = |chunk: &[u8]| [format!("0:{}:", chunk.len()).as_bytes(), chunk].concat();
    data.chunks(FRAME).map(frame).collect()
}

/// The message that sets the terminal's size.
pub fn resize(columns: u16, rows: u16) -> Vec<u8> {
    format!("1:{columns}:{rows}:").into_bytes()
}

/// The message that keeps the connection alive and does nothing else.
pub const PING: &[u8] = b"2";

/// A random word that marks what belongs to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one: 128 random bits in hex.
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// A known one, for tests.
    #[cfg(test)]
    pub(crate) fn fixed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As shell text whose echo is not the token itself.
    fn typed(&self) -> String {
        let (head, tail) = self.0.split_at(self.0.len() / 2);
        format!("{head}''{tail}")
    }
}

/// Typed at the login shell's prompt, whichever shell that is.
pub const ENTER_SH: &[u8] = b"exec /bin/sh\n";

/// Typed into `/bin/sh` until [`Screen::shows`] its token: quietens the terminal and defines the function that
/// [`command`] calls. Harmless when typed twice.
pub fn prepare(token: &Token) -> Vec<u8> {
    // umask: the files may hold what a command prints. base64 breaks lines after 76 characters by itself.
    let lines = [
        "stty -echo 2>/dev/null; PS1=; PS2=; unset HISTFILE; umask 077".to_owned(),
        "pve_run() { d=$(mktemp -d) || { printf '\\n%s:f:\\n' \"$t\"; return; }".to_owned(),
        "\"$@\" >\"$d/o\" 2>\"$d/e\" </dev/null; s=$?; printf '\\n'".to_owned(),
        "for f in o e; do base64 <\"$d/$f\" | sed \"s/^/$t:$f:/\"; done".to_owned(),
        "printf '%s:x:%s:%s:%s:\\n' \"$t\" \"$s\" $(wc -c <\"$d/o\") $(wc -c <\"$d/e\"); rm -rf \"$d\"; }".to_owned(),
        format!("printf '\\n%s:r:\\n' {}", token.typed()),
    ];
    typed_lines(&lines)
}

/// Types a command. Answered by lines that [`Answer`] reads.
pub fn command<S: AsRef<str>>(token: &Token, argv: &[S]) -> Vec<u8> {
    let encoded = STANDARD.encode(quote::join(argv));
    let mut lines = vec!["b=".to_owned()];
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.len().min(PIECE));
        lines.push(format!("b=$b'{piece}'"));
        rest = tail;
    }
    lines.push(format!("t={}; eval \"pve_run $(printf %s \"$b\" | base64 -d)\"", token.typed()));
    typed_lines(&lines)
}

fn typed_lines(lines: &[String]) -> Vec<u8> {
    let mut out = lines.join("\n").into_bytes();
    out.push(b'\n');
    out
}

/// The longest line that is kept whole. Those of an answer are base64's 76 characters and a mark.
const LINE: usize = 64 << 10;

/// How much of the finished lines is kept until somebody takes them, counting some bytes for a line itself.
const SHOWN: usize = 8 << 20;
const LINE_ITSELF: usize = 32;

/// Turns a terminal's bytes into lines: escape sequences and carriage returns are taken out.
///
/// However much is printed, little of it is kept: a line is cut at its end, and of lines that nobody takes the oldest
/// are dropped.
#[derive(Debug, Default)]
pub struct Screen {
    line: Vec<u8>,
    escape: Escape,
    lines: VecDeque<String>,
    /// The size of `lines`.
    kept: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// ESC [ ... up to a letter.
    Control,
    /// ESC ] ... up to BEL or ESC \.
    Title,
    /// ESC in a title: the next byte ends it.
    TitleEnd,
    /// ESC ( X: one byte to skip.
    Charset,
}

impl Screen {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.escape = match (self.escape, byte) {
                (Escape::None, 0x1b) => Escape::Begun,
                (Escape::None, b'\n') => {
                    self.finish_line();
                    Escape::None
                }
                (Escape::None, b'\r' | 0x00 | 0x07 | 0x08) => Escape::None,
                (Escape::None, _) => {
                    if self.line.len() < LINE {
                        self.line.push(byte);
                    }
                    Escape::None
                }
                (Escape::Begun, b'[') => Escape::Control,
                (Escape::Begun, b']') => Escape::Title,
                (Escape::Begun, b'(' | b')' | b'#') => Escape::Charset,
                (Escape::Begun | Escape::TitleEnd | Escape::Charset, _) => Escape::None,
                (Escape::Control, 0x40..=0x7e) => Escape::None,
                (Escape::Control, _) => Escape::Control,
                (Escape::Title, 0x07) => Escape::None,
                (Escape::Title, 0x1b) => Escape::TitleEnd,
                (Escape::Title, _) => Escape::Title,
            };
        }
    }

    fn finish_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        self.kept += line.len() + LINE_ITSELF;
        self.lines.push_back(line);
        while self.kept > SHOWN && self.next_line().is_some() {}
    }

    /// Takes the finished lines up to the answer to [`prepare`]; true when it is there.
    pub fn shows(&mut self, token: &Token) -> bool {
        let answer = format!("{}:r:", token.0);
        std::iter::from_fn(|| self.next_line()).any(|line| line.contains(&answer))
    }

    /// The next finished line.
    pub fn next_line(&mut self) -> Option<String> {
        let line = self.lines.pop_front()?;
        self.kept -= line.len() + LINE_ITSELF;
        Some(line)
    }

    /// The unfinished line and the last finished ones: what to show when the shell does not answer.
    pub fn tail(&self) -> String {
        let mut out: Vec<_> = self.lines.iter().rev().take(3).rev().cloned().collect();
        out.push(String::from_utf8_lossy(&self.line).into_owned());
        out.join("\n").trim().to_owned()
    }
}

/// The longest output of one command, in base64.
const OUTPUT: usize = 32 << 20;

/// Collects the answer to one [`command`].
#[derive(Debug)]
pub struct Answer {
    mark: String,
    stdout: String,
    stderr: String,
}

/// Why an answer cannot be used, though the command ran or may have run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// The node could not make a temporary directory. The command was not run.
    #[error("the node's shell could not create a temporary directory")]
    NoTemporaryDirectory,
    /// The output was damaged on its way, for instance by a broadcast message.
    #[error("the command's output was damaged on the terminal")]
    Damaged,
    /// No command of ours says that much.
    #[error("the command's output is longer than {} MiB", OUTPUT >> 20)]
    TooLong,
}

impl Answer {
    /// For the command typed with this token.
    pub fn to(token: &Token) -> Self {
        Self { mark: format!("{}:", token.0), stdout: String::new(), stderr: String::new() }
    }

    /// Takes the next line; the result when it is complete. Lines of others are passed over.
    pub fn line(&mut self, line: &str) -> Option<Result<Output, Garbled>> {
        let (_, marked) = line.split_once(&self.mark)?;
        let (kind, rest) = marked.split_once(':')?;
        match kind {
            "o" => self.stdout.push_str(rest.trim()),
            "e" => self.stderr.push_str(rest.trim()),
            "f" => return Some(Err(Garbled::NoTemporaryDirectory)),
            "x" => return Some(self.finish(rest).ok_or(Garbled::Damaged)),
            _ => {}
        }
        (self.stdout.len() + self.stderr.len() > OUTPUT).then_some(Err(Garbled::TooLong))
    }

    /// `STATUS:BYTES:BYTES:`
    fn finish(&self, line: &str) -> Option<Output> {
        let mut parts = line.split(':').map(str::trim);
        let status = parts.next()?.parse().ok()?;
        let lengths: (usize, usize) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let stdout = STANDARD.decode(&self.stdout).ok()?;
        let stderr = STANDARD.decode(&self.stderr).ok()?;
        (lengths == (stdout.len(), stderr.len())).then_some(Output { status, stdout, stderr })
    }
}

#[cfg(test)]
mod tests;
