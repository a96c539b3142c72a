//! The installation of Ceph's packages on a node, as PVE offers it: `pveceph install` in a terminal of its own, which asks
//! questions and gives no exit status.
//!
//! While it works there is a mark on the node because of which every call about Ceph says that it is not installed. The mark goes
//! when the program ends, and stays if it is killed, as it is when its terminal is closed. So the terminal is held until the end,
//! whatever becomes of whoever waits for it, and a node that a killed run has left so is cured by running it again.
//!
//! Where it is known from: PVE's sources; what apt asks has never been recorded.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::framing::Screen;
use super::session::{Broken, Wire};
use super::termproxy::TermShell;
use crate::answer::clip;
use crate::{Client, Error};

/// The connection to the terminal must be there by then.
const OPEN: Duration = Duration::from_secs(45);

/// Firewalls forget connections on which nothing happens.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long an answer may go unheeded before it is given again.
const HEED: Duration = Duration::from_secs(10);

/// How many of the last lines are told, and how much of them.
const TOLD: usize = 12;
const SHOWN: usize = 2000;

/// What of it is installed, and whence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// `tentacle`.
    pub release: String,
    /// `enterprise`, `no-subscription`, `test`, or `manual`, which takes what the node has.
    pub repository: String,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Whether it says that it succeeded.
    pub success: bool,
    /// The last that it said.
    pub said: String,
}

impl Installation {
    /// What PVE appends to `pveceph install`, as it wants it.
    fn options(&self) -> String {
        ["--version", &self.release, "--repository", &self.repository].join("\0")
    }
}

impl Client {
    /// Installs Ceph's packages on a node, and sees it to its end: also when the future is dropped, or `patience` is over. An
    /// error leaves open what became of it, unless it was refused. What really is there is to be looked at afterwards.
    pub async fn install_ceph(&self, node: &str, what: &Installation, patience: Duration) -> Result<Installed, Error> {
        let deadline = Instant::now() + patience;
        let shell = TermShell::new(self.clone(), node.to_owned());
        let opened =
            shell.terminal(Some(("ceph_install", &what.options())), deadline.min(Instant::now() + OPEN)).await?;
        let request = format!("'pveceph install' on {node}");
        let conversation = tokio::spawn(converse(opened));
        match timeout_at(deadline, conversation).await {
            Ok(Ok(Ok(installed))) => Ok(installed),
            Ok(Ok(Err(why))) => Err(Error::AnswerLost { request, message: why.to_string() }),
            Ok(Err(_)) => Err(Error::AnswerLost { request, message: "the conversation broke off".to_owned() }),
            Err(_) => {
                Err(Error::AnswerLost { request, message: "it still works, and the time allowed is over".to_owned() })
            }
        }
    }
}

/// What to type at the end of a line that waits for it. Apt's own question is what was asked for; anything else that is asked
/// (a release that is a preview, another repository) is more than that.
fn answer_to(line: &str) -> Option<&'static [u8]> {
    let line = line.trim_end().to_ascii_lowercase();
    match line.rsplit_once(['[', '(']).map(|(_, choice)| choice) {
        Some("y/n]") => Some(b"y\r"),
        Some("y/n)" | "y/n)?") => Some(b"n\r"),
        _ => None,
    }
}

/// Reads to the end, and answers what is asked.
async fn converse(mut wire: impl Wire) -> Result<Installed, Broken> {
    let mut screen = Screen::default();
    let mut said: Vec<String> = Vec::new();
    let mut answered: Option<(String, Instant)> = None;
    loop {
        match timeout(KEEP_ALIVE, wire.receive()).await {
            Err(_) => wire.keep_alive().await?,
            Ok(received) => match received? {
                Some(bytes) => screen.feed(&bytes),
                None => break,
            },
        }
        while let Some(line) = screen.next_line() {
            tracing::info!(line, "pveceph install");
            said.push(line);
        }
        said.drain(..said.len().saturating_sub(TOLD));
        let open = screen.tail();
        let again = |(line, at): &(String, Instant)| *line != open || at.elapsed() >= HEED;
        if let Some(answer) = answer_to(&open)
            && answered.as_ref().is_none_or(again)
        {
            tracing::info!(question = open, answer = String::from_utf8_lossy(answer).trim(), "pveceph install");
            wire.send(answer).await?;
            answered = Some((open, Instant::now()));
        }
    }
    said.push(screen.tail());
    let said = said.join("\n").trim().to_owned();
    // Nothing but its last lines tells.
    let success = said.contains("successfully!");
    Ok(Installed { success, said: clip(&said, SHOWN) })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures_util::future::BoxFuture;

    use super::*;

    /// A terminal that prints a piece after each of what it waits for, and then closes.
    struct Script {
        pieces: VecDeque<&'static str>,
        /// What was typed.
        typed: Vec<u8>,
        waits: bool,
    }

    impl Wire for Script {
        fn send<'a>(&'a mut self, typed: &'a [u8]) -> BoxFuture<'a, Result<(), Broken>> {
            self.typed.extend(typed);
            self.waits = false;
            Box::pin(async { Ok(()) })
        }

        fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Broken>> {
            Box::pin(async {
                if self.waits {
                    return std::future::pending().await;
                }
                let piece = self.pieces.pop_front();
                self.waits = piece.is_some_and(|piece| piece.ends_with("? ") || piece.ends_with("] "));
                Ok(piece.map(|piece| piece.as_bytes().to_vec()))
            })
        }

        fn keep_alive(&mut self) -> BoxFuture<'_, Result<(), Broken>> {
            Box::pin(async { Ok(()) })
        }
    }

    async fn played(pieces: &[&'static str]) -> (Installed, String) {
        let mut script = Script { pieces: pieces.iter().copied().collect(), typed: Vec::new(), waits: false };
        let installed = converse(Borrowed(&mut script)).await.unwrap();
        (installed, String::from_utf8(script.typed).unwrap())
    }

    struct Borrowed<'s>(&'s mut Script);

    impl Wire for Borrowed<'_> {
        fn send<'a>(&'a mut self, typed: &'a [u8]) -> BoxFuture<'a, Result<(), Broken>> {
            self.0.send(typed)
        }

        fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Broken>> {
            self.0.receive()
        }

        fn keep_alive(&mut self) -> BoxFuture<'_, Result<(), Broken>> {
            self.0.keep_alive()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn apt_is_told_yes_once_and_the_end_tells_how_it_went() {
        let good = [
            "update available package list\r\nstart installation\r\n\x1b[0mReading package lists...\r\n",
            "Do you want to continue? [Y/n] ",
            "y\r\nSetting up ceph (20.2.1)\r\n",
            "installed Ceph 20.2 Tentacle successfully!\r\nreloading API to load new Ceph RADOS library...\r\n",
        ];
        let (installed, typed) = played(&good).await;
        assert!(installed.success && installed.said.contains("Setting up ceph"), "{installed:?}");
        assert_eq!(typed, "y\r");
        let (installed, typed) =
            played(&["start installation\r\n", "apt failed during ceph installation (25600)\r\n"]).await;
        assert!(!installed.success && installed.said.ends_with("(25600)"), "{installed:?}");
        assert_eq!(typed, "");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_more_than_was_asked_for_is_told_no() {
        let preview = "Ceph 21.2 is currently considered a technology preview for Proxmox VE - continue (y/N)? ";
        let (installed, typed) = played(&[preview, "n\r\nAborting installation as requested\r\n"]).await;
        assert!(!installed.success && installed.said.contains("Aborting"), "{installed:?}");
        assert_eq!(typed, "n\r");
        assert_eq!(answer_to("Do you want to switch to the test repository (Y/n)? "), Some(&b"n\r"[..]));
        for line in ["pve1 login: ", "Setting up ceph", "[Y/n] was answered", ""] {
            assert_eq!(answer_to(line), None, "{line}");
        }
    }

    #[test]
    fn options_are_separated_as_pve_splits_them() {
        let what = Installation { release: "tentacle".to_owned(), repository: "no-subscription".to_owned() };
        assert_eq!(what.options(), "--version\0tentacle\0--repository\0no-subscription");
    }
}
