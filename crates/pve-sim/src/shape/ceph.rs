//! Ceph at the start.

use serde::Deserialize;

use super::Size;

/// How far Ceph has been set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CephStage {
    /// No packages.
    None,
    /// Packages, no configuration.
    Installed,
    /// A configuration, no monitor.
    Initialised,
    /// A monitor and a manager on each node, no OSD.
    #[default]
    Monitors,
    /// Every disk is an OSD.
    Ready,
}

impl std::str::FromStr for CephStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "none" => CephStage::None,
            "installed" => CephStage::Installed,
            "initialised" => CephStage::Initialised,
            "monitors" => CephStage::Monitors,
            "ready" => CephStage::Ready,
            other => {
                let known = "none, installed, initialised, monitors, ready";
                return Err(format!("unknown Ceph stage '{other}': one of {known}"));
            }
        })
    }
}

/// Ceph at the start.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CephShape {
    /// How far it has been set up.
    pub stage: CephStage,
    /// Release, as `20.2`; that is the default.
    pub release: Option<String>,
    /// Nodes with a monitor; by default each, from stage `monitors` on.
    pub mons: Option<Vec<String>>,
    /// Nodes with a manager, the active one first; by default each, from stage `monitors` on.
    pub mgrs: Option<Vec<String>>,
    /// Nodes with a metadata server; none by default.
    pub mdss: Vec<String>,
    /// File systems, on pools that are named here as well.
    pub filesystems: Vec<FileSystemShape>,
    /// OSDs, instead of one on each disk (stage `ready`) or none.
    pub osds: Option<Vec<OsdShape>>,
    /// Pools.
    pub pools: Vec<CephPoolShape>,
    /// CRUSH rules besides `replicated_rule`.
    pub rules: Vec<CrushRuleShape>,
}

/// A file system.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSystemShape {
    /// Name.
    pub name: String,
    /// The pool of its metadata.
    pub metadata_pool: String,
    /// The pool of its data.
    pub data_pool: String,
}

/// An OSD.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsdShape {
    /// The node it is on.
    pub node: String,
    /// The disk it is on; an OSD without one lives in memory and has `size`.
    #[serde(default)]
    pub device: Option<String>,
    /// Its size; the disk's by default.
    #[serde(default)]
    pub size: Option<Size>,
    /// CRUSH device class; that of the disk by default.
    #[serde(default)]
    pub class: Option<String>,
}

/// A Ceph pool.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CephPoolShape {
    /// Name.
    pub name: String,
    /// Its number, where pools before it were destroyed; the next free one if absent.
    #[serde(default)]
    pub id: Option<u32>,
    /// Copies.
    #[serde(default)]
    pub size: Option<u32>,
    /// Copies needed for I/O.
    #[serde(default)]
    pub min_size: Option<u32>,
    /// Placement groups.
    #[serde(default)]
    pub pg_num: Option<u32>,
    /// CRUSH rule.
    #[serde(default)]
    pub crush_rule: Option<String>,
    /// Application, as `rbd`.
    #[serde(default)]
    pub application: Option<String>,
}

/// A replicated CRUSH rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrushRuleShape {
    /// Name.
    pub name: String,
    /// Its number, where rules before it were removed; the next free one if absent.
    #[serde(default)]
    pub id: Option<u32>,
    /// What copies are spread over: `osd`, `host` ...
    pub failure_domain: String,
    /// Where it starts; `default` by default.
    #[serde(default)]
    pub root: Option<String>,
    /// Only devices of this class.
    #[serde(default)]
    pub device_class: Option<String>,
}
