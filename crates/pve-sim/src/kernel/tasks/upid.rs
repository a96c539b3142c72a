//! The name of a task: `UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:`.

use std::fmt;

/// A parsed UPID. Equality is that of its fields, so upper and lower case hex mean the same task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upid {
    /// The node where the task lives.
    pub node: String,
    /// The worker's process id.
    pub pid: u32,
    /// The worker's start in jiffies since the node's boot.
    pub pstart: u64,
    /// Start in Unix seconds.
    pub starttime: u64,
    /// The type, as `qmstart`.
    pub kind: String,
    /// The object, decoded: a vmid, a pool's name ...
    pub id: String,
    /// User, or user and token (`root@pam!t`).
    pub user: String,
}

impl Upid {
    /// Reads a UPID; `None` where PVE says `unable to parse worker upid`.
    pub fn parse(text: &str) -> Option<Upid> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["UPID", node, pid, pstart, starttime, kind, id, user, ""] = parts[..] else { return None };
        let hex = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
            (lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()))
                .then(|| u64::from_str_radix(text, 16).ok())
                .flatten()
        };
        let plain = |text: &str| !text.contains(|c: char| c.is_whitespace() || c == '/');
        let node_ok = node.starts_with(|c: char| c.is_ascii_alphanumeric())
            && node.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !node_ok || kind.is_empty() || user.is_empty() || !(plain(kind) && plain(id) && plain(user)) {
            return None;
        }
        Some(Upid {
            node: node.to_owned(),
            pid: u32::try_from(hex(pid, 8..=8)?).ok()?,
            pstart: hex(pstart, 8..=9)?,
            starttime: hex(starttime, 8..=8)?,
            kind: kind.to_owned(),
            id: percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned(),
            user: user.to_owned(),
        })
    }

    /// User and token of the task apart.
    pub fn user_and_token(&self) -> (&str, Option<&str>) {
        match self.user.split_once('!') {
            Some((user, token)) => (user, Some(token)),
            None => (&self.user, None),
        }
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Upid { node, pid, pstart, starttime, kind, id, user } = self;
        write!(f, "UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{kind}:")?;
        for c in id.chars() {
            match c {
                ':' | '/' | '%' => write!(f, "%{:02X}", u32::from(c))?,
                c if c.is_whitespace() && c.is_ascii() => write!(f, "%{:02X}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        write!(f, ":{user}:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "UPID:pve1:0000291F:00070B18:6B032D7F:qmdestroy:200:root@pam:";
        let upid = Upid::parse(text).unwrap();
        assert_eq!((upid.pid, upid.pstart, upid.starttime), (10527, 461592, 1795370367));
        assert_eq!(upid.to_string(), text);
        let odd = Upid { id: "a b/c:d%".into(), user: "a@pve!t".into(), ..upid };
        assert_eq!(Upid::parse(&odd.to_string()).unwrap(), odd);
        assert_eq!(odd.user_and_token(), ("a@pve", Some("t")));
    }

    #[test]
    fn what_is_no_upid_is_not_read() {
        for text in [
            "",
            "UPID:pve1",
            "UPID:pve1:0000291F:00070B18:6B032D7F:qmdestroy:200:root@pam",
            "UPID:pve1:291F:00070B18:6B032D7F:qmdestroy:200:root@pam:",
            "UPID:pve1:0000291F:00070B18:6B032D7F::200:root@pam:",
            "UPID:pve1:0000291G:00070B18:6B032D7F:x:200:root@pam:",
        ] {
            assert_eq!(Upid::parse(text), None, "{text}");
        }
    }
}
