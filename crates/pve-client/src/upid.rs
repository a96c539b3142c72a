//! The names of PVE's tasks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A task's name: `UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Upid(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts {
    text: String,
    node: String,
    pid: u32,
    start: i64,
    kind: String,
    id: String,
    user: String,
}

impl Upid {
    /// The node where the task lives; only that node knows its status and log.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    /// Process id on the node.
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// Start by the node's clock, Unix seconds.
    pub fn start(&self) -> i64 {
        self.0.start
    }

    /// The kind of task: `qmmove`, `cephcreatepool`, ...
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// What the task works on: a vmid, a pool's name, a disk, or nothing.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Who started it: `user@realm` or `user@realm!token`.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// The text as PVE gave it.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

/// The text is not a task's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a UPID")]
pub struct NotAUpid(String);

impl FromStr for Upid {
    type Err = NotAUpid;

    fn from_str(text: &str) -> Result<Upid, NotAUpid> {
        parse(text).ok_or_else(|| NotAUpid(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Upid> {
    let parts: Vec<&str> = text.split(':').collect();
    let ["UPID", node, pid, pstart, start, kind, id, user, ""] = parts[..] else { return None };
    let plain = |part: &str| !part.contains(|c: char| c == '/' || c.is_whitespace());
    let named = |part: &str| !part.is_empty() && plain(part);
    if !(named(node) && named(kind) && plain(id) && named(user)) {
        return None;
    }
    u64::from_str_radix(pstart, 16).ok()?;
    Some(Upid(Arc::new(Parts {
        text: text.to_owned(),
        node: node.to_owned(),
        pid: u32::from_str_radix(pid, 16).ok()?,
        start: i64::from_str_radix(start, 16).ok()?,
        kind: kind.to_owned(),
        id: id.to_owned(),
        user: user.to_owned(),
    })))
}

impl TryFrom<String> for Upid {
    type Error = NotAUpid;

    fn try_from(text: String) -> Result<Upid, NotAUpid> {
        text.parse()
    }
}

impl From<Upid> for String {
    fn from(upid: Upid) -> String {
        upid.0.text.clone()
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_pve_produces() {
        let text = "UPID:pve1:0000291F:00070B18:6B032D7F:qmdestroy:200:root@pam:";
        let upid: Upid = text.parse().unwrap();
        assert_eq!((upid.node(), upid.pid(), upid.start()), ("pve1", 0x291f, 0x6b032d7f));
        assert_eq!((upid.kind(), upid.id(), upid.user()), ("qmdestroy", "200", "root@pam"));
        assert_eq!(upid.to_string(), text);

        let moved: Upid = "UPID:a:1:123456789:6b032d7f:qmmove:100-scsi0>101-scsi1:u@pve!t:".parse().unwrap();
        assert_eq!((moved.id(), moved.user()), ("100-scsi0>101-scsi1", "u@pve!t"));
        let nameless: Upid = "UPID:a:1:1:1:cephsetflags::u@pve:".parse().unwrap();
        assert_eq!(nameless.id(), "");
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "OK",
            "UPID:a:1:1:1:t:i:u",
            "UPID:a:x:1:1:t:i:u:",
            "UPID::1:1:1:t:i:u:",
            "UPID:a:1:1:1::i:u:",
            "UPID:a:1:1:1:t:i/j:u:",
            "UPID:a:1:1:1:t:i::",
            "UPID:a:1:1:1:t:i:u: ",
        ] {
            assert!(text.parse::<Upid>().is_err(), "{text:?}");
        }
    }
}
