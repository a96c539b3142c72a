//! Units of a node's systemd: what they are, started, stopped, enabled and disabled.

use std::collections::HashMap;
use std::time::Duration;

use super::commands::CommandError;
use super::{NodeShell, Output};

/// What is asked is answered at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of a unit's journal that are told.
const LINES: &str = "15";

/// The units of the node that a shell leads to.
#[derive(Clone, Copy)]
pub struct Units<'a>(&'a dyn NodeShell);

/// What systemd tells of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// `loaded`, `not-found`, `masked`, `bad-setting`, `error`.
    pub load: String,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`.
    pub active: String,
    /// More of that: `running`, `exited`, `dead`, `auto-restart`.
    pub sub: String,
    /// `enabled`, `disabled`, `static`, `indirect`, `generated`, `alias` ...; empty if there is no file.
    pub file: String,
    /// Whether its file was changed since systemd has read it.
    pub stale: bool,
}

impl Unit {
    /// Whether systemd knows it.
    pub fn is_known(&self) -> bool {
        self.load != "not-found"
    }

    /// Whether it starts at boot by itself; none for one that can be neither enabled nor disabled.
    pub fn enabled(&self) -> Option<bool> {
        match self.file.as_str() {
            "enabled" | "enabled-runtime" => Some(true),
            "disabled" => Some(false),
            _ => None,
        }
    }

    /// Whether it runs.
    pub fn is_active(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading" | "refreshing")
    }

    /// Whether it is on its way to something else.
    pub fn is_on_its_way(&self) -> bool {
        matches!(self.active.as_str(), "activating" | "deactivating")
    }
}

impl<'a> Units<'a> {
    /// By this shell.
    pub fn new(shell: &'a dyn NodeShell) -> Self {
        Self(shell)
    }

    /// What a unit is like.
    pub async fn show(&self, unit: &str) -> Result<Unit, CommandError> {
        let properties = "--property=LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload";
        let out = self.run(&["systemctl", "show", properties, "--", unit], PATIENCE).await?;
        Ok(read(&out.stdout_text()))
    }

    /// Starts it, and waits until it runs or has failed.
    pub async fn start(&self, unit: &str, patience: Duration) -> Result<(), CommandError> {
        self.run(&["systemctl", "start", "--", unit], patience).await.map(drop)
    }

    /// Stops it, and waits until it is.
    pub async fn stop(&self, unit: &str, patience: Duration) -> Result<(), CommandError> {
        self.run(&["systemctl", "stop", "--", unit], patience).await.map(drop)
    }

    /// Starts it anew, or at all.
    pub async fn restart(&self, unit: &str, patience: Duration) -> Result<(), CommandError> {
        self.run(&["systemctl", "restart", "--", unit], patience).await.map(drop)
    }

    /// Has it started at boot, or not any more.
    pub async fn enable(&self, unit: &str, on: bool) -> Result<(), CommandError> {
        self.run(&["systemctl", if on { "enable" } else { "disable" }, "--", unit], PATIENCE).await.map(drop)
    }

    /// Has systemd read what has changed in its folders.
    pub async fn reload(&self) -> Result<(), CommandError> {
        self.run(&["systemctl", "daemon-reload"], PATIENCE).await.map(drop)
    }

    /// Forgets that it has failed, so that it counts as stopped.
    pub async fn forget_failure(&self, unit: &str) -> Result<(), CommandError> {
        self.run(&["systemctl", "reset-failed", "--", unit], PATIENCE).await.map(drop)
    }

    /// The last lines of its journal.
    pub async fn journal(&self, unit: &str) -> Result<String, CommandError> {
        let of = format!("--unit={unit}");
        let argv = ["journalctl", "--no-pager", "--quiet", "--output=cat", "--lines", LINES, &of];
        Ok(self.run(&argv, PATIENCE).await?.stdout_text())
    }

    async fn run(&self, argv: &[&str], patience: Duration) -> Result<Output, CommandError> {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let out = self.0.run(&argv, patience).await?;
        match out.success() {
            true => Ok(out),
            false => Err(CommandError::Refused {
                command: argv.join(" "),
                node: self.0.node().to_owned(),
                status: out.status,
                message: out.stderr_text(),
            }),
        }
    }
}

fn read(said: &str) -> Unit {
    let said: HashMap<&str, &str> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let of = |name: &str| said.get(name).copied().unwrap_or_default().to_owned();
    Unit {
        load: of("LoadState"),
        active: of("ActiveState"),
        sub: of("SubState"),
        file: of("UnitFileState"),
        stale: of("NeedDaemonReload") == "yes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_tells_is_read() {
        let unit = read(
            "LoadState=loaded\nActiveState=active\nSubState=exited\nUnitFileState=disabled\nNeedDaemonReload=yes\n",
        );
        assert!(unit.is_known() && unit.is_active() && unit.stale && !unit.is_on_its_way());
        assert_eq!((unit.enabled(), unit.sub.as_str()), (Some(false), "exited"));
        let unit = read("LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n");
        assert!(!unit.is_known() && !unit.is_active() && !unit.stale);
        assert_eq!(unit.enabled(), None);
    }
}
