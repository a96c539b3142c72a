//! The part of the `ceph` command line that is simulated. A command that is not in the tables of
//! this folder exits 22, as an unknown one does in Ceph.

mod args;
mod config;
mod crush;
mod erasure;
mod fs;
mod osd;
mod pool;
mod status;

use serde_json::Value;

use super::{Ceph, Errno, Refusal, Time};
use args::Command;

/// What a command left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status: 0, or the errno's number.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// What a command answers before it is printed.
#[derive(Debug, Default)]
struct Reply {
    body: Body,
    errno: Option<Errno>,
    /// The status text, which goes to stderr.
    note: String,
}

#[derive(Debug, Default)]
enum Body {
    #[default]
    Nothing,
    Text(String),
    Json(Value),
}

impl Reply {
    fn text(text: impl Into<String>) -> Self {
        Self { body: Body::Text(text.into()), ..Self::default() }
    }

    fn json(value: Value) -> Self {
        Self { body: Body::Json(value), ..Self::default() }
    }

    /// Success with a remark on stderr.
    fn note(note: impl Into<String>) -> Self {
        Self { note: note.into(), ..Self::default() }
    }

    /// A list: JSON, or one line each.
    fn lines(json: bool, items: Vec<String>) -> Self {
        if json {
            return Self::json(items.into());
        }
        Self::text(items.into_iter().map(|i| i + "\n").collect::<String>())
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self { errno: Some(refusal.errno), note: refusal.text, ..Self::default() }
    }
}

impl From<Result<String, Refusal>> for Reply {
    fn from(result: Result<String, Refusal>) -> Self {
        result.map_or_else(Self::from, Self::note)
    }
}

/// Runs one `ceph` command; `argv` with or without the program's name.
pub fn run(ceph: &mut Ceph, now: Time, argv: &[&str]) -> Output {
    ceph.advance(now);
    let argv = argv.strip_prefix(&["ceph"]).unwrap_or(argv);
    let line = args::Line::read(argv);
    if line.version {
        return Output { status: 0, stdout: format!("{}\n", ceph.release.long()), stderr: String::new() };
    }
    if !ceph.has_quorum() {
        // Belief: what the tool prints when it gives up on the monitors (after 300 s of real waiting).
        let stderr = "[errno 110] RADOS timed out (error connecting to the cluster)\n".to_string();
        return Output { status: 1, stdout: String::new(), stderr };
    }
    let Some(command) = find(&line.words) else {
        let mut stderr = "no valid command found\n".to_string();
        stderr += "Error EINVAL: invalid command\n";
        return Output { status: 22, stdout: String::new(), stderr };
    };
    let args = match command.parse(&line) {
        Ok(args) => args,
        Err(complaint) => {
            let stderr = format!("{complaint}\n{}\nError EINVAL: invalid command\n", command.usage());
            return Output { status: 22, stdout: String::new(), stderr };
        }
    };
    let reply = (command.run)(ceph, now, &args);
    ceph.advance(now);
    print(reply, args.json)
}

/// The command with the longest prefix that fits.
fn find(words: &[String]) -> Option<&'static Command> {
    let tables = [
        crush::COMMANDS,
        erasure::COMMANDS,
        osd::COMMANDS,
        pool::COMMANDS,
        config::COMMANDS,
        status::COMMANDS,
        fs::COMMANDS,
    ];
    tables.into_iter().flatten().filter(|c| c.fits(words)).max_by_key(|c| c.prefix.len())
}

fn print(reply: Reply, json: bool) -> Output {
    let stdout = match reply.body {
        Body::Nothing if json => "\n".into(),
        Body::Nothing => String::new(),
        Body::Text(text) => text,
        Body::Json(value) if json => format!("\n{value}\n"),
        Body::Json(value) => format!("{value:#}\n"),
    };
    let stderr = match reply.errno {
        Some(errno) => format!("Error {}: {}\n", errno.name(), reply.note),
        None if reply.note.is_empty() => String::new(),
        None => format!("{}\n", reply.note),
    };
    Output { status: reply.errno.map_or(0, Errno::code), stdout, stderr }
}

/// `osd.3` or `3`.
fn osd_id(word: &str) -> Option<u32> {
    word.strip_prefix("osd.").unwrap_or(word).parse().ok()
}
