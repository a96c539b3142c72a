//! Commands on a node, for the few things that PVE's API cannot do.
//!
//! [`NodeShell`] takes an argument vector and gives back exit status, stdout and stderr. One transport is PVE's own
//! terminal ([`termproxy`]), the other one SSH ([`ssh`]); the commands used are listed in [`commands`]
//! and [`partitions`].

pub mod commands;
pub mod files;
pub mod framing;
pub mod install;
mod kept;
pub mod partitions;
pub(crate) mod pvesh;
pub mod quote;
mod session;
pub mod ssh;
pub mod termproxy;
pub mod units;

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::{Client, Request, Upid};
use ssh::SshShell;
use termproxy::TermShell;

/// What a command left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Exit status; 128 + N after signal N, 127 if there is no such program.
    pub status: i32,
    /// Standard output, byte by byte.
    pub stdout: Vec<u8>,
    /// Standard error, byte by byte.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether the exit status is 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// Standard error as text, trimmed.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }

    /// Standard output as text, trimmed.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }
}

/// Runs programs as root on one node.
///
/// An `Err` means that the exit status is not known: [`Error::refused`] tells whether the command was certainly not
/// started. A program that ran and failed is an `Ok` with its status.
pub trait NodeShell: Send + Sync {
    /// The node where the commands run.
    fn node(&self) -> &str;

    /// Runs a program: `argv[0]` is looked up in `PATH`, nothing is expanded, standard input is empty.
    /// `patience` bounds the call, connecting included; the wait for other commands of ours does not count.
    fn run<'a>(&'a self, argv: &'a [String], patience: Duration) -> BoxFuture<'a, Result<Output, Error>>;
}

/// A root shell on a node, by the transport that the client is configured for.
#[derive(Debug, Clone)]
pub enum Shell {
    /// PVE's own terminal.
    Terminal(TermShell),
    /// SSH.
    Ssh(SshShell),
}

impl NodeShell for Shell {
    fn node(&self) -> &str {
        match self {
            Self::Terminal(shell) => shell.node(),
            Self::Ssh(shell) => shell.node(),
        }
    }

    fn run<'a>(&'a self, argv: &'a [String], patience: Duration) -> BoxFuture<'a, Result<Output, Error>> {
        match self {
            Self::Terminal(shell) => shell.run(argv, patience),
            Self::Ssh(shell) => shell.run(argv, patience),
        }
    }
}

impl Client {
    /// A root shell on a node: by SSH where that is configured, else through PVE's terminal. Nothing is opened before the
    /// first command; [`Client::has_shell`] tells whether there is what it takes.
    pub fn shell(&self, node: impl Into<String>) -> Shell {
        match &self.inner.ssh {
            Some(ssh) => Shell::Ssh(SshShell::new(self.clone(), ssh.clone(), node.into())),
            None => Shell::Terminal(TermShell::new(self.clone(), node.into())),
        }
    }

    /// A root shell on a node by SSH; none where that is not configured. For what the terminal does not carry: standard
    /// input.
    pub fn ssh(&self, node: impl Into<String>) -> Option<SshShell> {
        self.inner.ssh.as_ref().map(|ssh| SshShell::new(self.clone(), ssh.clone(), node.into()))
    }

    /// Whether requests with [`crate::Request::root`] can be sent: with the login of root@pam, or as `pvesh` by SSH.
    pub fn reaches_root(&self) -> bool {
        self.inner.ssh.is_some() || self.has_root()
    }

    /// Whether one of our credentials has begun this task, or a command of ours by SSH.
    pub fn has_begun(&self, upid: &Upid) -> bool {
        self.is_us(upid.user()) || (self.inner.ssh.is_some() && pvesh::begins(upid))
    }

    /// Where a request goes that the login of root@pam is not there for: to its node, by SSH. None for what holds a secret,
    /// which everybody on the node could read in the list of processes.
    pub(crate) fn root_by_ssh(&self, request: &Request) -> Option<SshShell> {
        let node = request.target().filter(|_| request.needs_root() && !request.holds_a_secret())?;
        self.ssh(node)
    }

    /// Whether commands can be run on the nodes: by SSH, or with the login of root@pam that PVE's terminal takes.
    pub fn has_shell(&self) -> bool {
        self.inner.ssh.is_some() || self.has_root()
    }
}
