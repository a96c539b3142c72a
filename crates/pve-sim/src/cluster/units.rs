//! A node's systemd: `systemctl` and `journalctl`, as far as the provider asks them.
//!
//! Belief: what they say and with which status they end is as on Debian 13, by systemd's manual pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::ceph::Output;
use crate::shell::files::Files;

/// Units that PVE's installer brings: whether each can be enabled, is enabled, and runs.
const BROUGHT: [(&str, bool, bool, bool); 7] = [
    ("chrony.service", true, true, true),
    ("cron.service", true, true, true),
    ("fstrim.timer", true, true, true),
    ("pveproxy.service", true, true, true),
    ("rsync.service", true, false, false),
    ("ssh.service", true, true, true),
    ("systemd-tmpfiles-clean.service", false, false, false),
];

/// Where an administrator's own units are.
const FOLDER: &str = "/etc/systemd/system";

/// A unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// Whether it starts at boot.
    pub enabled: bool,
    /// `active`, `failed` or `inactive`.
    pub active: &'static str,
    /// How often it was started.
    pub starts: u32,
    can_be_enabled: bool,
    /// When its file was changed, as it was read last.
    read: Option<(u64, u32)>,
    journal: Vec<String>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units(BTreeMap<String, Unit>);

impl Default for Units {
    fn default() -> Self {
        let one = |(name, can_be_enabled, enabled, active): &(&str, bool, bool, bool)| {
            let active = if *active { "active" } else { "inactive" };
            let unit = Unit { enabled: *enabled, active, can_be_enabled: *can_be_enabled, ..Unit::default() };
            ((*name).to_owned(), unit)
        };
        Self(BROUGHT.iter().map(one).collect())
    }
}

impl Units {
    /// A unit that is known.
    pub fn get(&self, name: &str) -> Option<&Unit> {
        self.0.get(name)
    }

    /// A unit that is known, for what happens to it by itself.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Unit> {
        self.0.get_mut(name)
    }

    /// Runs `systemctl` or `journalctl`; none of what is not simulated.
    pub(crate) fn run(&mut self, files: &Files, words: &[&str]) -> Option<Output> {
        let done = |stdout: String| Some(Output { status: 0, stdout, stderr: String::new() });
        match words {
            ["systemctl", "show", properties, "--", unit] => done(self.show(files, unit, properties)),
            ["systemctl", "daemon-reload"] => {
                for (name, unit) in &mut self.0 {
                    unit.read = files.at_path(&format!("{FOLDER}/{name}")).map(|file| file.modified);
                }
                // What has no file any more and does not run is forgotten.
                self.0.retain(|name, unit| unit.active == "active" || unit.read.is_some() || is_brought(name));
                done(String::new())
            }
            ["systemctl", verb, "--", unit] => Some(self.act(files, verb, unit)),
            ["journalctl", "--no-pager", "--quiet", "--output=cat", "--lines", _, unit] => {
                let unit = self.0.get(unit.strip_prefix("--unit=")?);
                done(unit.map(|unit| unit.journal.iter().map(|line| format!("{line}\n")).collect()).unwrap_or_default())
            }
            _ => None,
        }
    }

    /// The unit, read from its file if it is new.
    fn known(&mut self, files: &Files, name: &str) -> Option<&mut Unit> {
        let file = files.at_path(&format!("{FOLDER}/{name}"));
        if !self.0.contains_key(name) {
            let instance = name.starts_with("wg-quick@");
            if file.is_none() && !instance {
                return None;
            }
            let text = text_of(files, name);
            let unit = Unit {
                active: "inactive",
                can_be_enabled: instance || text.contains("[Install]"),
                read: file.map(|file| file.modified),
                ..Unit::default()
            };
            self.0.insert(name.to_owned(), unit);
        }
        // A unit whose file is gone is known for as long as systemd has it loaded.
        self.0.get_mut(name)
    }

    fn show(&mut self, files: &Files, name: &str, properties: &str) -> String {
        let modified = files.at_path(&format!("{FOLDER}/{name}")).map(|file| file.modified);
        let of = |name: &str, unit: Option<&Unit>| match (name, unit) {
            ("LoadState", None) => "not-found",
            ("LoadState", Some(_)) => "loaded",
            ("ActiveState", None) => "inactive",
            ("ActiveState", Some(unit)) => unit.active,
            ("SubState", Some(Unit { active: "active", .. })) => "running",
            ("SubState", Some(Unit { active: "failed", .. })) => "failed",
            ("SubState", _) => "dead",
            ("UnitFileState", Some(unit)) => match (unit.can_be_enabled, unit.enabled) {
                (false, _) => "static",
                (true, true) => "enabled",
                (true, false) => "disabled",
            },
            ("NeedDaemonReload", Some(unit)) if unit.read != modified => "yes",
            ("NeedDaemonReload", _) => "no",
            _ => "",
        };
        let names = properties.strip_prefix("--property=").unwrap_or_default().to_owned();
        let unit = self.known(files, name).map(|unit| &*unit);
        names.split(',').map(|name| format!("{name}={}\n", of(name, unit))).collect()
    }

    fn act(&mut self, files: &Files, verb: &str, name: &str) -> Output {
        let fails = why_it_fails(files, name);
        let Some(unit) = self.known(files, name) else {
            let stderr = match verb {
                "start" | "restart" => format!("Failed to {verb} {name}: Unit {name} not found.\n"),
                "stop" => format!("Failed to stop {name}: Unit {name} not loaded.\n"),
                _ => format!("Failed to {verb} unit: Unit {name} does not exist\n"),
            };
            return Output { status: if verb == "start" { 5 } else { 1 }, stdout: String::new(), stderr };
        };
        let mut stderr = String::new();
        match verb {
            "start" if unit.active == "active" => {}
            "start" | "restart" => {
                unit.starts += 1;
                unit.journal.push(format!("Starting {name}..."));
                match fails {
                    None => {
                        unit.active = "active";
                        unit.journal.push(format!("Started {name}."));
                    }
                    Some(why) => {
                        unit.active = "failed";
                        unit.journal.extend([why, format!("{name}: Failed with result 'exit-code'.")]);
                        stderr = format!(
                            "Job for {name} failed because the control process exited with error code.\nSee \"systemctl \
                             status {name}\" and \"journalctl -xeu {name}\" for details.\n"
                        );
                    }
                }
            }
            "stop" => {
                unit.active = "inactive";
                unit.journal.push(format!("Stopped {name}."));
            }
            "reset-failed" if unit.active == "failed" => unit.active = "inactive",
            "enable" if !unit.can_be_enabled => stderr = "The unit files have no installation config\n".to_owned(),
            "enable" => unit.enabled = true,
            "disable" => unit.enabled = false,
            _ => {}
        }
        let status = i32::from(stderr.starts_with("Job"));
        Output { status, stdout: String::new(), stderr }
    }

    /// For comparing two runs: what is otherwise than it was brought, or came later.
    pub(crate) fn canonical(&self) -> Value {
        let brought = Self::default();
        let told = |unit: &Unit| json!({ "enabled": unit.enabled, "active": unit.active });
        let other = self.0.iter().filter(|(name, unit)| {
            let idle = Unit { active: "inactive", ..Unit::default() };
            let was = brought.0.get(*name).unwrap_or(&idle);
            told(unit) != told(was)
        });
        other.map(|(name, unit)| (name.clone(), told(unit))).collect()
    }
}

fn is_brought(name: &str) -> bool {
    BROUGHT.iter().any(|(brought, ..)| *brought == name)
}

fn text_of(files: &Files, name: &str) -> String {
    let text = files.read(&format!("{FOLDER}/{name}")).map(|text| String::from_utf8_lossy(text).into_owned());
    text.unwrap_or_default()
}

/// What the journal says of a start that fails: that of a program which does, or of WireGuard without its file.
fn why_it_fails(files: &Files, name: &str) -> Option<String> {
    if let Some(of) = name.strip_prefix("wg-quick@").and_then(|name| name.strip_suffix(".service")) {
        let path = format!("/etc/wireguard/{of}.conf");
        return files.read(&path).is_none().then(|| format!("wg-quick: `{path}' does not exist"));
    }
    text_of(files, name).contains("ExecStart=/bin/false").then(|| "Main process exited, status=1/FAILURE".to_owned())
}
