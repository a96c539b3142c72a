//! The few of Ceph's commands, and of PVE's around Ceph, that are needed because PVE's API lacks them.
//!
//! Ceph answers many repetitions and many mistakes with exit status 0 (an existing rule is left as it is, a missing one is
//! "removed"), so the methods look at what is there afterwards where that matters.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{NodeShell, Output};
use crate::api::ceph::crush::ReplicatedShape;
use crate::{Area, Client, Error, Lock, wire};

/// Ceph's monitors answer within seconds or not at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// Daemons are stopped, one after the other.
const PURGE_PATIENCE: Duration = Duration::from_secs(300);

/// Ceph's command line on a node.
#[derive(Clone, Copy)]
pub struct CephCommands<'a> {
    client: &'a Client,
    shell: &'a dyn NodeShell,
}

/// Why a command has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// It could not be run, or its answer was lost.
    #[error(transparent)]
    Shell(#[from] Error),
    /// It ran and refused.
    #[error("{command} on {node}: {message} (exit status {status})")]
    Refused {
        /// The command line.
        command: String,
        /// Where.
        node: String,
        /// The error number that it exits with.
        status: i32,
        /// What it said.
        message: String,
    },
    /// It ran, failed, and is known to have left everything as it was.
    #[error("{command} on {node}: {message} (exit status {status})")]
    Unchanged {
        /// The command line, or what it was to do.
        command: String,
        /// Where.
        node: String,
        /// Its exit status.
        status: i32,
        /// What it said.
        message: String,
    },
    /// It succeeded and said something unexpected.
    #[error("{command} on {node}: unexpected answer: {message}")]
    Unreadable {
        /// The command line.
        command: String,
        /// Where.
        node: String,
        /// What is wrong with it.
        message: String,
    },
    /// A name that Ceph does not take, or that is not sent because it brings a monitor down (the empty one does).
    #[error("'{0}' is not a name for Ceph: letters, digits, '-', '_' and '.' only, and not '-' at the beginning")]
    Name(String),
}

/// What Ceph's monitors say when they refuse, before anything is done.
const REFUSALS: [&str; 6] = ["ENOENT", "EBUSY", "EEXIST", "EINVAL", "EPERM", "EACCES"];

impl CommandError {
    /// Whether nothing was changed for certain.
    pub fn refused(&self) -> bool {
        match self {
            Self::Shell(error) => error.refused(),
            Self::Name(_) | Self::Unchanged { .. } => true,
            // 126 and 127 are the shell's: the program could not be started.
            Self::Refused { status, .. } => {
                [126, 127].contains(status) || self.errno().is_some_and(|errno| REFUSALS.contains(&errno))
            }
            Self::Unreadable { .. } => false,
        }
    }

    /// Whether what is named does not exist.
    pub fn is_absent(&self) -> bool {
        self.errno() == Some("ENOENT")
    }

    /// Whether it is in use.
    pub fn is_busy(&self) -> bool {
        self.errno() == Some("EBUSY")
    }

    /// `EBUSY` of `Error EBUSY: crush ruleset ... is in use`. Not from the exit status, which shells and argument parsers
    /// use in ways of their own.
    fn errno(&self) -> Option<&str> {
        let Self::Refused { message, .. } = self else { return None };
        message.lines().find_map(|line| line.strip_prefix("Error ")?.split(':').next())
    }
}

/// A rule in `ceph osd crush rule dump`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RuleDump {
    /// Its number.
    #[serde(deserialize_with = "wire::number")]
    pub rule_id: i64,
    /// Its name.
    pub rule_name: String,
    /// What it does.
    #[serde(default)]
    pub steps: Vec<RuleStep>,
}

/// A step in [`RuleDump`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RuleStep {
    /// `take`, `chooseleaf_firstn`, `choose_firstn`, `emit` ...
    pub op: String,
    /// `take`: the bucket; `default~ssd` is `default` with class `ssd`.
    #[serde(default)]
    pub item_name: Option<String>,
    /// `choose...`: how many.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub num: Option<i64>,
    /// `choose...`: of what kind.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

impl RuleDump {
    /// As [`crate::api::ceph::crush::Rule::replicated_shape`], from what the command line says.
    pub fn replicated_shape(&self) -> Option<ReplicatedShape> {
        let [take, choose, emit] = &self.steps[..] else { return None };
        let kind = choose.kind.as_deref()?;
        let leaf = choose.op == "chooseleaf_firstn" || (choose.op == "choose_firstn" && kind == "osd");
        if take.op != "take" || !leaf || choose.num != Some(0) || emit.op != "emit" {
            return None;
        }
        let item = take.item_name.as_deref()?;
        let (root, class) = item.split_once('~').map_or((item, None), |(root, class)| (root, Some(class)));
        Some(ReplicatedShape {
            root: root.to_owned(),
            failure_domain: kind.to_owned(),
            device_class: class.map(str::to_owned),
        })
    }
}

/// A name as Ceph's command line takes it.
fn name(text: &str) -> Result<String, CommandError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.starts_with('-') || !text.chars().all(good) {
        return Err(CommandError::Name(text.to_owned()));
    }
    Ok(text.to_owned())
}

fn ceph<T: fmt::Display>(words: impl IntoIterator<Item = T>) -> Vec<String> {
    std::iter::once("ceph".to_owned()).chain(words.into_iter().map(|word| word.to_string())).collect()
}

/// `ceph osd crush rule create-replicated NAME ROOT TYPE [CLASS]`
pub fn rule_create_replicated(rule: &str, shape: &ReplicatedShape) -> Result<Vec<String>, CommandError> {
    let mut argv = ceph(["osd", "crush", "rule", "create-replicated"]);
    argv.extend([name(rule)?, name(&shape.root)?, name(&shape.failure_domain)?]);
    if let Some(class) = &shape.device_class {
        argv.push(name(class)?);
    }
    Ok(argv)
}

/// `ceph osd crush rule dump NAME -f json`
pub fn rule_dump(rule: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", "crush", "rule", "dump", &name(rule)?, "-f", "json"]))
}

/// `ceph osd crush rule rm NAME`
pub fn rule_rm(rule: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", "crush", "rule", "rm", &name(rule)?]))
}

/// `ceph osd crush rule rename FROM TO`
pub fn rule_rename(from: &str, to: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", "crush", "rule", "rename", &name(from)?, &name(to)?]))
}

/// `ceph osd erasure-code-profile rm NAME`
pub fn profile_rm(profile: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", "erasure-code-profile", "rm", &name(profile)?]))
}

/// `ceph osd crush set-device-class CLASS osd.ID`
pub fn set_device_class(osd: u32, class: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", "crush", "set-device-class", &name(class)?, &format!("osd.{osd}")]))
}

/// `ceph osd crush rm-device-class osd.ID`
pub fn rm_device_class(osd: u32) -> Vec<String> {
    ceph(["osd", "crush", "rm-device-class", &format!("osd.{osd}")])
}

/// `ceph osd dump -f json`
pub fn osd_dump() -> Vec<String> {
    ceph(["osd", "dump", "-f", "json"])
}

/// `ceph osd purge ID --yes-i-really-mean-it`
pub fn osd_purge(osd: u32) -> Vec<String> {
    ceph(["osd", "purge", &osd.to_string(), "--yes-i-really-mean-it"])
}

/// `ceph-volume lvm zap --destroy GROUP/VOLUME`
pub fn volume_zap(group: &str, volume: &str) -> Result<Vec<String>, CommandError> {
    let target = format!("{}/{}", name(group)?, name(volume)?);
    Ok(["ceph-volume", "lvm", "zap", "--destroy", &target].map(str::to_owned).to_vec())
}

/// `ceph config set WHO OPTION VALUE`
pub fn config_set(who: &str, option: &str, value: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["config", "set", &whom(who)?, &name(option)?, value]))
}

/// `ceph config rm WHO OPTION`
pub fn config_rm(who: &str, option: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["config", "rm", &whom(who)?, &name(option)?]))
}

/// Whom an option is for, with its mask: `osd/class:ssd`.
fn whom(text: &str) -> Result<String, CommandError> {
    let parts = text.split(['/', ':']).map(name).collect::<Result<Vec<_>, _>>();
    match parts {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(CommandError::Name(text.to_owned())),
    }
}

/// `ceph osd crush add-bucket NAME TYPE`
pub fn bucket_add(bucket: &str, kind: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", "crush", "add-bucket", &name(bucket)?, &name(kind)?]))
}

/// `ceph osd crush move NAME TYPE=PARENT`
pub fn bucket_move(item: &str, kind: &str, parent: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", "crush", "move", &name(item)?, &format!("{}={}", name(kind)?, name(parent)?)]))
}

/// `ceph osd crush rm NAME`
pub fn bucket_rm(bucket: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", "crush", "rm", &name(bucket)?]))
}

/// `ceph fs fail NAME`
pub fn fs_fail(filesystem: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["fs", "fail", &name(filesystem)?]))
}

/// `ceph fs set NAME joinable true`
pub fn fs_joinable(filesystem: &str) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["fs", "set", &name(filesystem)?, "joinable", "true"]))
}

/// `ceph osd set-group noout HOST`, or `unset-group`: the OSDs of one host are not marked out.
pub fn host_noout(host: &str, on: bool) -> Result<Vec<String>, CommandError> {
    Ok(ceph(["osd", if on { "set-group" } else { "unset-group" }, "noout", &name(host)?]))
}

/// `pveceph purge`
pub fn purge() -> Vec<String> {
    vec!["pveceph".to_owned(), "purge".to_owned()]
}

/// What of `ceph osd dump` is of use here.
#[derive(Deserialize)]
struct OsdDump {
    osds: Vec<OsdEntry>,
    #[serde(default)]
    crush_node_flags: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct OsdEntry {
    #[serde(deserialize_with = "wire::number")]
    osd: u32,
    uuid: String,
}

impl<'a> CephCommands<'a> {
    /// Runs on the node of this shell. `client` is the one whose shared reads have to learn of changes.
    pub fn new(client: &'a Client, shell: &'a dyn NodeShell) -> Self {
        Self { client, shell }
    }

    /// Runs a command and returns its standard output.
    async fn run(&self, argv: Vec<String>) -> Result<String, CommandError> {
        let output = self.output(&argv, PATIENCE).await?;
        Ok(output.stdout_text())
    }

    /// Runs a command; what it printed, if it succeeded.
    async fn output(&self, argv: &[String], patience: Duration) -> Result<Output, CommandError> {
        let output = self.shell.run(argv, patience).await?;
        if output.success() {
            return Ok(output);
        }
        let said = output.stderr_text();
        let message = if said.is_empty() { output.stdout_text() } else { said };
        Err(CommandError::Refused {
            command: super::quote::join(argv),
            node: self.shell.node().to_owned(),
            status: output.status,
            message,
        })
    }

    /// Runs a command and reads the JSON that it prints.
    async fn read<T: DeserializeOwned>(&self, argv: Vec<String>) -> Result<T, CommandError> {
        let answer = self.run(argv.clone()).await?;
        serde_json::from_str(&answer).map_err(|why| CommandError::Unreadable {
            command: super::quote::join(&argv),
            node: self.shell.node().to_owned(),
            message: why.to_string(),
        })
    }

    /// Makes a bucket below nothing. One of that name is left as it is **and the command succeeds**, whatever its level.
    pub async fn add_bucket(&self, bucket: &str, kind: &str) -> Result<(), CommandError> {
        self.change(bucket_add(bucket, kind)?).await
    }

    /// Puts a bucket with all that is in it below another one, of that level. **A parent that is missing is made**, below
    /// nothing: look before.
    pub async fn move_bucket(&self, item: &str, kind: &str, parent: &str) -> Result<(), CommandError> {
        self.change(bucket_move(item, kind, parent)?).await
    }

    /// Removes a bucket, which has to be empty. A missing one is removed already.
    pub async fn remove_bucket(&self, bucket: &str) -> Result<(), CommandError> {
        self.change(bucket_rm(bucket)?).await
    }

    /// Takes the metadata servers away from a file system, which nobody serves from then on; repeated it changes nothing.
    pub async fn fail_filesystem(&self, filesystem: &str) -> Result<(), CommandError> {
        self.serve(fs_fail(filesystem)?).await
    }

    /// Lets metadata servers serve a file system again.
    pub async fn let_join(&self, filesystem: &str) -> Result<(), CommandError> {
        self.serve(fs_joinable(filesystem)?).await
    }

    async fn serve(&self, argv: Vec<String>) -> Result<(), CommandError> {
        let _writing = self.client.begin_write(Lock::CephPool, &[Area::CephMons, Area::CephStatus]).await?;
        self.run(argv).await.map(drop)
    }

    /// Runs a command that changes the CRUSH map.
    async fn change(&self, argv: Vec<String>) -> Result<(), CommandError> {
        let areas = [Area::Crush, Area::CephPools, Area::CephOsds, Area::CephStatus];
        let _writing = self.client.begin_write(Lock::Crush, &areas).await?;
        self.run(argv).await.map(drop)
    }

    /// What a rule says; `None` if there is none.
    pub async fn rule(&self, rule: &str) -> Result<Option<RuleDump>, CommandError> {
        match self.read(rule_dump(rule)?).await {
            Err(error) if error.is_absent() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Makes a rule for replicated pools. An existing rule of that name is left as it is **and the command succeeds**,
    /// whatever that rule says: compare with [`CephCommands::rule`] or the map afterwards.
    pub async fn create_replicated_rule(&self, rule: &str, shape: &ReplicatedShape) -> Result<(), CommandError> {
        self.change(rule_create_replicated(rule, shape)?).await
    }

    /// Removes a rule. In use by a pool: [`CommandError::is_busy`]. A missing one is removed already.
    pub async fn remove_rule(&self, rule: &str) -> Result<(), CommandError> {
        self.change(rule_rm(rule)?).await
    }

    /// Removes an erasure code profile. In use by a pool: [`CommandError::is_busy`]. A missing one is removed already.
    pub async fn remove_profile(&self, profile: &str) -> Result<(), CommandError> {
        self.change(profile_rm(profile)?).await
    }

    /// Renames a rule, also while pools use it. The source gone and the target there counts as done; that the target is
    /// the right one is for the caller to look at. The target there too is a refusal.
    pub async fn rename_rule(&self, from: &str, to: &str) -> Result<(), CommandError> {
        self.change(rule_rename(from, to)?).await
    }

    /// Gives an OSD a device class, taking its former one away first: Ceph does not replace one.
    pub async fn set_device_class(&self, osd: u32, class: &str) -> Result<(), CommandError> {
        let argv = set_device_class(osd, class)?;
        match self.change(argv.clone()).await {
            Err(error) if error.is_busy() => {}
            other => return other,
        }
        self.remove_device_class(osd).await?;
        self.change(argv).await
    }

    /// Takes an OSD's device class away. At its next start it finds one by itself.
    pub async fn remove_device_class(&self, osd: u32) -> Result<(), CommandError> {
        self.change(rm_device_class(osd)).await
    }

    /// The fsid of an OSD as the monitors know it, with its node or its disk dead, too; `None` if there is no such OSD.
    pub async fn osd_fsid(&self, osd: u32) -> Result<Option<String>, CommandError> {
        let dump: OsdDump = self.read(osd_dump()).await?;
        Ok(dump.osds.into_iter().find(|entry| entry.osd == osd).map(|entry| entry.uuid))
    }

    /// Takes an OSD out of Ceph for good: its place in CRUSH, its key, its number. What is on its disk stays. Placement
    /// groups are not looked at; one that is up is refused ([`CommandError::is_busy`]), and a missing one is gone already.
    pub async fn purge_osd(&self, osd: u32) -> Result<(), CommandError> {
        self.change(osd_purge(osd)).await
    }

    /// Takes a volume on the node of this shell away, with its group if it is the last in it. One that a daemon has open is
    /// refused. What is in it is lost: whose it is has to be looked at before.
    pub async fn zap_volume(&self, group: &str, volume: &str) -> Result<(), CommandError> {
        let argv = volume_zap(group, volume)?;
        let lock = Lock::NodeDisks(self.shell.node().to_owned());
        let _writing = self.client.begin_write(lock, &[Area::Disks]).await?;
        self.run(argv).await.map(drop)
    }

    /// Sets an option in the monitors' database; one that is set is overwritten. Ceph takes daemons that do not exist.
    pub async fn set_option(&self, who: &str, option: &str, value: &str) -> Result<(), CommandError> {
        self.configure(config_set(who, option, value)?).await
    }

    /// Takes an option out of the monitors' database; what is not set is unset already.
    pub async fn unset_option(&self, who: &str, option: &str) -> Result<(), CommandError> {
        self.configure(config_rm(who, option)?).await
    }

    /// Runs a command that changes the configuration database.
    async fn configure(&self, argv: Vec<String>) -> Result<(), CommandError> {
        let areas = [Area::CephConfig, Area::CephStatus, Area::CephPools, Area::CephOsds];
        let _writing = self.client.begin_write(Lock::CephConfig, &areas).await?;
        self.run(argv).await.map(drop)
    }

    /// Whether the OSDs of a host are kept from being marked out, by a flag of that host alone.
    pub async fn has_host_noout(&self, host: &str) -> Result<bool, CommandError> {
        let dump: OsdDump = self.read(osd_dump()).await?;
        Ok(dump.crush_node_flags.get(host).is_some_and(|flags| flags.iter().any(|flag| flag == "noout")))
    }

    /// Keeps the OSDs of a host from being marked out, or no longer. What is so already is left as it is.
    pub async fn set_host_noout(&self, host: &str, on: bool) -> Result<(), CommandError> {
        let argv = host_noout(host, on)?;
        let _writing = self.client.begin_write(Lock::CephConfig, &[Area::CephOsds, Area::CephStatus]).await?;
        self.run(argv).await.map(drop)
    }

    /// Takes all of Ceph but its packages away from the node: daemons, their data, and with the last monitor the configuration
    /// and the keys of the cluster. PVE refuses while there are pools, OSDs or other monitors, in words and **not by the exit
    /// status**; and if no monitor answers, it goes on without having looked. What it said; what came of it is to be looked at.
    pub async fn purge(&self) -> Result<String, CommandError> {
        let output = self.output(&purge(), PURGE_PATIENCE).await?;
        Ok(format!("{}\n{}", output.stdout_text(), output.stderr_text()).trim().to_owned())
    }
}

#[cfg(test)]
mod tests;
