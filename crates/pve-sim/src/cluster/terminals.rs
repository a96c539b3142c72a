//! Terminals: ports that wait for one client each.

use std::collections::BTreeMap;
use std::time::Instant;

/// The first and the last port of consoles.
const PORTS: std::ops::RangeInclusive<u16> = 5900..=5999;

/// Terminals by the node that listens and its port.
#[derive(Debug, Default)]
pub(crate) struct Terminals(BTreeMap<(String, u16), Terminal>);

/// A terminal.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    /// Where the program runs.
    pub(crate) target: String,
    /// Whose it is: `root@pam`, `a@pve!token`.
    pub(crate) user: String,
    /// What its client has to show.
    pub(crate) ticket: String,
    /// `root@pam` with a login of its own gets a shell, everybody else a login prompt.
    pub(crate) shell: bool,
    /// The installation that runs there in place of a shell.
    pub(crate) install: Option<Installation>,
    /// How far it has got.
    pub(crate) stage: Stage,
}

/// What `pveceph install` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    /// `tentacle`.
    pub(crate) release: String,
    /// `enterprise`, `no-subscription`, `test` or `manual`.
    pub(crate) repository: String,
}

impl Installation {
    /// From `cmd-opts`, with the defaults of 9.2; none if they are no options that are simulated.
    pub(crate) fn parse(options: &str) -> Option<Self> {
        let mut wanted = Self { release: String::new(), repository: "enterprise".to_owned() };
        let mut words = options.split('\0').filter(|word| !word.is_empty());
        while let Some(option) = words.next() {
            let value = words.next()?.to_owned();
            match option {
                "--version" => wanted.release = value,
                "--repository" => wanted.repository = value,
                _ => return None,
            }
        }
        // Without a release it asks for it.
        (!wanted.release.is_empty()).then_some(wanted)
    }
}

/// How far a terminal has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody has connected since then. In real time: the client is a program outside of the simulation.
    Waiting(Instant),
    /// It has its client.
    Connected,
    /// It is over, with termproxy's words if something was wrong.
    Over(Option<&'static str>),
}

impl Terminals {
    /// Reserves a port on a node; none if all are in use.
    pub(crate) fn open(&mut self, node: &str, terminal: Terminal) -> Option<u16> {
        let port = PORTS.into_iter().find(|port| !self.0.contains_key(&(node.to_owned(), *port)))?;
        self.0.insert((node.to_owned(), port), terminal);
        Some(port)
    }

    /// The terminal that listens on this port of a node.
    pub(crate) fn at(&mut self, node: &str, port: u16) -> Option<&mut Terminal> {
        self.0.get_mut(&(node.to_owned(), port))
    }

    /// Frees a port.
    pub(crate) fn close(&mut self, node: &str, port: u16) {
        self.0.remove(&(node.to_owned(), port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_cut_at_nul() {
        let wanted = Installation::parse("--version\0tentacle\0--repository\0no-subscription").unwrap();
        assert_eq!((wanted.release.as_str(), wanted.repository.as_str()), ("tentacle", "no-subscription"));
        assert_eq!(Installation::parse("--version\0squid").unwrap().repository, "enterprise");
        for bad in ["", "--repository\0test", "--version", "--allow-experimental\0on"] {
            assert_eq!(Installation::parse(bad), None, "{bad}");
        }
    }
}
