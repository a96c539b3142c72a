//! Whatever PVE takes can be written down: no limit is narrower than its own, and no text is refused that it was seen to
//! take, but for those that say why.

mod ceph;
mod container;
mod content;
mod node;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use terraform_plugin::Path;
use terraform_plugin::model::Model;
use terraform_plugin::schema::{Attribute, Kind, Rule};
use terraform_plugin::value::Type;

use super::super::described::{api, differs, let_through, refuses, taken};
use super::super::sections::is_held_as_a_section;
use super::super::{resources, type_name};
use crate::access::acl::Acl;
use crate::access::pool::Pool;
use crate::access::pool_member::PoolMember;
use crate::acme::account::AcmeAccount;
use crate::ceph::cluster::CephCluster;
use crate::ceph::config::CephConfig;
use crate::ceph::crush_bucket::CrushBucket;
use crate::ceph::crush_rule::CrushRule;
use crate::ceph::daemon::manager::CephManager;
use crate::ceph::daemon::metadata_server::CephMetadataServer;
use crate::ceph::daemon::monitor::CephMonitor;
use crate::ceph::erasure_pool::ErasurePool;
use crate::ceph::filesystem::CephFilesystem;
use crate::ceph::flags::CephFlags;
use crate::ceph::install::CephInstall;
use crate::ceph::osd::Osd;
use crate::ceph::pool::Pool as CephPool;
use crate::cluster::found::Cluster;
use crate::cluster::member::ClusterMember;
use crate::ct::container::Container;
use crate::firewall::rules::FirewallRules;
use crate::ha::resource::HaResource;
use crate::node::apt::repository::AptRepository;
use crate::node::apt::standard::AptStandardRepository;
use crate::node::file::NodeFile;
use crate::node::partition::DiskPartition;
use crate::node::service::NodeService;
use crate::storage::content::appliance::ApplianceTemplate;
use crate::storage::content::download::StorageDownload;
use crate::storage::content::file::StorageFile;
use crate::storage::content::oci_image::OciImage;
use crate::storage::rbd::StorageRbd;
use crate::vm::disk_move::VmDiskMove;
use crate::vm::snapshot::Snapshot;
use crate::vm::template::Template;
use crate::vm::vm::Vm;

/// How an attribute that can be set stands to PVE's parameter.
enum Stands {
    /// Its limits are those of this parameter, or of this part of it.
    As(&'static str),
    /// Its limits are others, and why.
    Unlike(&'static str, &'static str),
    /// The call has no parameter for it, and why.
    Apart(&'static str),
    /// PVE's parameter of that name is something else: what.
    Namesake(&'static str),
}

use Stands::{Apart, As, Namesake, Unlike};

const OURS: &str = "what the provider itself goes by";
const MORE_COPIES: &str = "a pool that keeps more is adopted; PVE's limit is told before a write";
const NOT_BELOW_NOTHING: &str = "PVE's description has no least value, and less than nothing is none";
const A_PART: &str = "it is one part of that text, which PVE's description does not take apart";
const NAMES_IN_CEPH: &str = "Ceph takes these characters only";

const ACL: &[(&str, Stands)] = &[
    ("path", Unlike("path", "PVE takes other spellings of a path too, and stores this one")),
    ("roleid", Unlike("roles", "an entry has one role; PVE makes several entries at once")),
    ("who", Apart("PVE has a parameter each for users, groups and tokens")),
    ("propagate", As("propagate")),
];

const ACME_ACCOUNT: &[(&str, Stands)] = &[
    ("name", As("name")),
    ("contact", As("contact")),
    ("directory", As("directory")),
    ("tos_url", As("tos_url")),
    ("eab_kid", As("eab-kid")),
    ("eab_hmac_key", As("eab-hmac-key")),
    ("allow_destroy", Apart(OURS)),
];

const POOL_MEMBER: &[(&str, Stands)] = &[
    ("poolid", As("poolid")),
    ("member", Apart("PVE has a parameter each for guests and storages")),
    ("allow_move", As("allow-move")),
];

const CLUSTER: &[(&str, Stands)] = &[
    ("name", As("clustername")),
    ("node", Apart("it is asked there")),
    ("links.address", As("link[n].address")),
    ("links.priority", As("link[n].priority")),
];

const CLUSTER_MEMBER: &[(&str, Stands)] = &[
    ("node", Apart("it is asked there")),
    ("endpoint", Apart("it is asked there")),
    ("fingerprint", Unlike("fingerprint", "it is of the node that joins, and PVE's is of the member that is asked")),
    ("password", As("password")),
    ("links.address", As("link[n].address")),
    ("links.priority", As("link[n].priority")),
    ("gone", Apart(OURS)),
    ("shut_down", Apart(OURS)),
];

const APT_REPOSITORY: &[(&str, Stands)] = &[
    ("node", As("node")),
    ("file", Apart("PVE is told the whole path, and a position in the file")),
    ("suite", Apart("what is found by it has a position for PVE")),
    ("component", Apart("what is found by it has a position for PVE")),
    ("uri", Apart("what is found by it has a position for PVE")),
    ("enabled", As("enabled")),
];

const APT_STANDARD_REPOSITORY: &[(&str, Stands)] = &[
    ("node", As("node")),
    ("handle", Unlike("handle", "PVE takes those that it has names for, and all of these are such words")),
    ("enabled", Apart("the call that adds it enables it; another one switches it")),
];

/// PVE has no call for partitions: nothing to be compared with.
const DISK_PARTITION: &[(&str, Stands)] = &[
    ("node", Apart("the node's own programs")),
    ("disk", Apart("the node's own programs")),
    ("label", Apart("the node's own programs")),
    ("size", Apart("the node's own programs")),
    ("create_table", Apart(OURS)),
];

const FIREWALL_RULES: &[(&str, Stands)] = &[
    ("place", Apart("each place has calls of its own")),
    ("rules.type", As("type")),
    ("rules.action", As("action")),
    ("rules.enable", As("enable")),
    ("rules.comment", As("comment")),
    ("rules.dest", As("dest")),
    ("rules.dport", As("dport")),
    ("rules.icmp_type", As("icmp-type")),
    ("rules.iface", As("iface")),
    ("rules.log", As("log")),
    ("rules.macro", Unlike("macro", "no name that PVE has holds a blank")),
    ("rules.proto", As("proto")),
    ("rules.source", As("source")),
    ("rules.sport", As("sport")),
];

const MONITOR: &[(&str, Stands)] = &[("node", As("node")), ("name", As("monid")), ("address", As("mon-address"))];

const MANAGER: &[(&str, Stands)] = &[("node", As("node")), ("name", As("id"))];

const METADATA_SERVER: &[(&str, Stands)] =
    &[("node", As("node")), ("name", Unlike("name", "what begins with a digit is refused by its task"))];

const FLAGS: &[(&str, Stands)] = &[
    ("id", Apart("there is one set of flags")),
    ("nobackfill", As("nobackfill")),
    ("nodeep_scrub", As("nodeep-scrub")),
    ("nodown", As("nodown")),
    ("noin", As("noin")),
    ("noout", As("noout")),
    ("norebalance", As("norebalance")),
    ("norecover", As("norecover")),
    ("noscrub", As("noscrub")),
    ("notieragent", As("notieragent")),
    ("noup", As("noup")),
    ("pause", As("pause")),
];

const POOL: &[(&str, Stands)] = &[("poolid", As("poolid")), ("comment", As("comment"))];

const CEPH_POOL: &[(&str, Stands)] = &[
    ("name", As("name")),
    ("size", Unlike("size", MORE_COPIES)),
    ("min_size", Unlike("min_size", MORE_COPIES)),
    ("crush_rule", As("crush_rule")),
    ("pg_num", As("pg_num")),
    ("pg_num_min", Unlike("pg_num_min", "0 and below are no number of groups; unset says that there is no least one")),
    ("pg_autoscale_mode", As("pg_autoscale_mode")),
    (
        "application",
        Unlike("application", "a pool that is used for something else is adopted; PVE's words are told before a write"),
    ),
    ("target_size", Unlike("target_size", "0 is Ceph's word for unset")),
    ("target_size_ratio", Unlike("target_size_ratio", "a share is more than nothing; unset says that there is none")),
    ("allow_destroy", Apart(OURS)),
    ("allow_single_copy", Apart(OURS)),
];

const OSD: &[(&str, Stands)] = &[
    ("node", As("node")),
    ("device.path", Unlike("dev", "a path as the list of disks has it; links are named by by_id")),
    ("device.by_id", Unlike("dev", "a link as the list of disks has it")),
    ("device.serial", Apart("PVE is told the path")),
    ("device.partition", Apart("PVE is told the path")),
    ("db_device.path", Unlike("db_dev", "a path as the list of disks has it; links are named by by_id")),
    ("db_device.by_id", Unlike("db_dev", "a link as the list of disks has it")),
    ("db_device.serial", Apart("PVE is told the path")),
    ("db_device.partition", Apart("PVE is told the path")),
    ("db_size", Unlike("db_dev_size", "with a unit; PVE takes GiB")),
    ("wal_device.path", Unlike("wal_dev", "a path as the list of disks has it; links are named by by_id")),
    ("wal_device.by_id", Unlike("wal_dev", "a link as the list of disks has it")),
    ("wal_device.serial", Apart("PVE is told the path")),
    ("wal_device.partition", Apart("PVE is told the path")),
    ("wal_size", Unlike("wal_dev_size", "with a unit; PVE takes GiB")),
    ("crush_device_class", Unlike("crush-device-class", NAMES_IN_CEPH)),
    ("in", Apart("PVE has calls for that")),
    ("encrypted", As("encrypted")),
    ("osds_per_device", As("osds-per-device")),
    ("wipe_if", Apart(OURS)),
    ("allow_destroy", Apart(OURS)),
    ("force", Apart(OURS)),
];

const HA_RESOURCE: &[(&str, Stands)] = &[
    ("sid", Unlike("sid", "PVE takes a bare number too, and stores it with its kind")),
    ("state", Unlike("state", "`enabled` is PVE's old word for `started`, and read as that")),
    ("max_restart", As("max_restart")),
    ("max_relocate", As("max_relocate")),
    ("failback", As("failback")),
    ("group", As("group")),
    ("comment", As("comment")),
    ("allow_local", Apart(OURS)),
    ("candidates", Apart(OURS)),
    ("wait_for_disks", Apart(OURS)),
];

const STORAGE_RBD: &[(&str, Stands)] = &[
    ("storage", As("storage")),
    ("pool", As("pool")),
    ("data_pool", As("data-pool")),
    ("content", As("content")),
    ("nodes", As("nodes")),
    ("krbd", As("krbd")),
    ("disable", As("disable")),
];

const VM_DISK_MOVE: &[(&str, Stands)] = &[
    ("vmid", As("vmid")),
    ("disk", Unlike("disk", "what is unusedN is no disk of the machine")),
    ("storage", As("storage")),
    ("format", As("format")),
    ("bandwidth_limit", Unlike("bwlimit", "PVE counts in KiB; here the unit is written")),
    ("delete_source", As("delete")),
    ("detach_after", Apart(OURS)),
    ("stall_timeout", Apart(OURS)),
];

const SNAPSHOT: &[(&str, Stands)] = &[
    ("vmid", As("vmid")),
    ("name", Unlike("snapname", "an id has two characters at least: its format says so, and the schema does not")),
    ("description", Unlike("description", "a file of the cluster holds it")),
    ("vmstate", As("vmstate")),
];

const TEMPLATE: &[(&str, Stands)] = &[("vmid", As("vmid"))];

const VM: &[(&str, Stands)] = &[
    ("vmid", As("vmid")),
    ("name", As("name")),
    ("node", As("node")),
    ("pool", As("pool")),
    ("clone.vmid", As("vmid")),
    ("clone.snapshot", Apart("PVE has another call for clones")),
    ("clone.full", Apart("PVE has another call for clones")),
    ("clone.storage", As("storage")),
    ("clone.format", Apart("PVE has another call for clones")),
    ("restore.archive", As("archive")),
    ("restore.storage", As("storage")),
    ("restore.unique", As("unique")),
    ("placement", Apart("what is done when it is found elsewhere")),
    ("wait_for_agent", Apart("what is done after its creation")),
    ("cores", As("cores")),
    ("sockets", As("sockets")),
    ("cpu", As("cpu")),
    ("memory", As("memory.current")),
    (
        "machine",
        Unlike(
            "machine.type",
            "its settings stand behind it, in the same text; no machine has a name as long as PVE's limit",
        ),
    ),
    ("bios", As("bios")),
    ("scsi_hardware", As("scsihw")),
    ("on_boot", As("onboot")),
    ("description", As("description")),
    ("tags", As("tags")),
    ("started", Apart("PVE has calls for that")),
    ("disks.size", As("scsi[n].size")),
    ("disks.storage", As("scsi[n].file")),
    ("disks.initial_storage", As("scsi[n].file")),
    ("disks.import_from", As("scsi[n].import-from")),
    ("disks.cache", As("scsi[n].cache")),
    ("disks.discard", As("scsi[n].discard")),
    ("disks.aio", As("scsi[n].aio")),
    ("disks.backup", As("scsi[n].backup")),
    ("disks.cache", As("scsi[n].cache")),
    ("disks.detect_zeroes", As("scsi[n].detect_zeroes")),
    ("disks.iothread", As("scsi[n].iothread")),
    ("disks.queues", As("scsi[n].queues")),
    ("disks.replicate", As("scsi[n].replicate")),
    ("disks.rerror", As("scsi[n].rerror")),
    ("disks.serial", As("scsi[n].serial")),
    ("disks.ssd", As("scsi[n].ssd")),
    ("disks.werror", As("scsi[n].werror")),
    ("disks.wwn", As("scsi[n].wwn")),
    ("disks.read_only", As("scsi[n].ro")),
    ("disks.throttle.mbps", Unlike("scsi[n].mbps", NOT_BELOW_NOTHING)),
    ("disks.throttle.mbps_rd", Unlike("scsi[n].mbps_rd", NOT_BELOW_NOTHING)),
    ("disks.throttle.mbps_wr", Unlike("scsi[n].mbps_wr", NOT_BELOW_NOTHING)),
    ("disks.throttle.mbps_max", Unlike("scsi[n].mbps_max", NOT_BELOW_NOTHING)),
    ("disks.throttle.mbps_rd_max", Unlike("scsi[n].mbps_rd_max", NOT_BELOW_NOTHING)),
    ("disks.throttle.mbps_wr_max", Unlike("scsi[n].mbps_wr_max", NOT_BELOW_NOTHING)),
    ("disks.throttle.iops", Unlike("scsi[n].iops", NOT_BELOW_NOTHING)),
    ("disks.throttle.iops_rd", Unlike("scsi[n].iops_rd", NOT_BELOW_NOTHING)),
    ("disks.throttle.iops_wr", Unlike("scsi[n].iops_wr", NOT_BELOW_NOTHING)),
    ("disks.throttle.iops_max", Unlike("scsi[n].iops_max", NOT_BELOW_NOTHING)),
    ("disks.throttle.iops_rd_max", Unlike("scsi[n].iops_rd_max", NOT_BELOW_NOTHING)),
    ("disks.throttle.iops_wr_max", Unlike("scsi[n].iops_wr_max", NOT_BELOW_NOTHING)),
    ("disks.throttle.bps_max_length", As("scsi[n].bps_max_length")),
    ("disks.throttle.bps_rd_max_length", As("scsi[n].bps_rd_max_length")),
    ("disks.throttle.bps_wr_max_length", As("scsi[n].bps_wr_max_length")),
    ("disks.throttle.iops_max_length", As("scsi[n].iops_max_length")),
    ("disks.throttle.iops_rd_max_length", As("scsi[n].iops_rd_max_length")),
    ("disks.throttle.iops_wr_max_length", As("scsi[n].iops_wr_max_length")),
    ("disks.when_removed", Apart(OURS)),
    ("cdroms.file", As("ide[n]")),
    ("networks.model", As("net[n].model")),
    ("networks.bridge", As("net[n].bridge")),
    ("networks.tag", As("net[n].tag")),
    ("networks.mac", As("net[n].macaddr")),
    ("networks.firewall", As("net[n].firewall")),
    ("networks.link_down", As("net[n].link_down")),
    ("networks.mtu", As("net[n].mtu")),
    ("networks.queues", As("net[n].queues")),
    ("networks.rate", As("net[n].rate")),
    ("networks.trunks", As("net[n].trunks")),
    ("cloud_init.storage", As("ide[n].file")),
    ("cloud_init.user", As("ciuser")),
    ("cloud_init.ssh_keys", As("sshkeys")),
    ("cloud_init.ip_config.ip", As("ipconfig[n]")),
    ("cloud_init.ip_config.gw", As("ipconfig[n]")),
    ("cloud_init.ip_config.ip6", As("ipconfig[n]")),
    ("cloud_init.ip_config.gw6", As("ipconfig[n]")),
    ("cloud_init.dns.servers", As("nameserver")),
    ("cloud_init.dns.domain", As("searchdomain")),
    ("cloud_init.interface", Apart("it is the name of the parameter")),
    ("cloud_init.password", As("cipassword")),
    ("cloud_init.password_version", Apart(OURS)),
    ("cloud_init.type", As("citype")),
    ("cloud_init.upgrade", As("ciupgrade")),
    ("cloud_init.custom.user", Unlike("cicustom", A_PART)),
    ("cloud_init.custom.network", Unlike("cicustom", A_PART)),
    ("cloud_init.custom.meta", Unlike("cicustom", A_PART)),
    ("cloud_init.custom.vendor", Unlike("cicustom", A_PART)),
    ("cpu_options.flags", As("cpu")),
    ("cpu_options.hidden", As("cpu")),
    ("cpu_options.hv_vendor_id", Unlike("cpu", A_PART)),
    ("cpu_options.phys_bits", Unlike("cpu", A_PART)),
    ("cpu_options.guest_phys_bits", Unlike("cpu", A_PART)),
    ("machine_options.viommu", As("machine.viommu")),
    ("machine_options.aw_bits", As("machine.aw-bits")),
    ("machine_options.enable_s3", As("machine.enable-s3")),
    ("machine_options.enable_s4", As("machine.enable-s4")),
    ("smbios.manufacturer", Unlike("smbios1", "the limit is for all of it together, in base64")),
    ("smbios.product", Unlike("smbios1", "the limit is for all of it together, in base64")),
    ("smbios.version", Unlike("smbios1", "the limit is for all of it together, in base64")),
    ("smbios.serial", Unlike("smbios1", "the limit is for all of it together, in base64")),
    ("smbios.sku", Unlike("smbios1", "the limit is for all of it together, in base64")),
    ("smbios.family", Unlike("smbios1", "the limit is for all of it together, in base64")),
    ("efi_disk.storage", As("efidisk0.file")),
    ("efi_disk.type", As("efidisk0.efitype")),
    ("efi_disk.pre_enrolled_keys", As("efidisk0.pre-enrolled-keys")),
    ("tpm_state.storage", As("tpmstate0.file")),
    ("tpm_state.version", As("tpmstate0.version")),
    ("cpu_limit", As("cpulimit")),
    ("vcpus", As("vcpus")),
    ("affinity", As("affinity")),
    ("numa", As("numa")),
    ("numa_nodes.cpus", As("numa[n].cpus")),
    ("numa_nodes.memory", Unlike("numa[n].memory", NOT_BELOW_NOTHING)),
    ("numa_nodes.host_nodes", As("numa[n].hostnodes")),
    ("numa_nodes.policy", As("numa[n].policy")),
    ("kvm", As("kvm")),
    ("balloon", As("balloon")),
    ("shares", As("shares")),
    ("hugepages", As("hugepages")),
    ("keep_hugepages", As("keephugepages")),
    ("allow_ksm", As("allow-ksm")),
    ("boot_order", As("boot")),
    ("hotplug", As("hotplug")),
    ("acpi", As("acpi")),
    ("tablet", As("tablet")),
    ("localtime", As("localtime")),
    ("start_date", As("startdate")),
    ("keyboard", As("keyboard")),
    ("args", As("args")),
    ("os_type", As("ostype")),
    ("agent.enabled", As("agent.enabled")),
    ("agent.trim_cloned_disks", As("agent.fstrim_cloned_disks")),
    ("agent.freeze_filesystems", As("agent.freeze-fs")),
    ("agent.type", As("agent.type")),
    ("protection", As("protection")),
    ("startup.order", As("startup")),
    ("startup.up", As("startup")),
    ("startup.down", As("startup")),
    ("hook_script", As("hookscript")),
    ("freeze", As("freeze")),
    ("migrate_downtime", As("migrate_downtime")),
    ("migrate_speed", As("migrate_speed")),
    ("vm_state_storage", As("vmstatestorage")),
    ("vga.type", As("vga.type")),
    ("vga.memory", As("vga.memory")),
    ("vga.clipboard", As("vga.clipboard")),
    ("audio.device", As("audio0.device")),
    ("audio.driver", As("audio0.driver")),
    ("rng.source", Unlike("rng0", A_PART)),
    ("rng.max_bytes", As("rng0")),
    ("rng.period", As("rng0")),
    ("watchdog.model", Unlike("watchdog", A_PART)),
    ("watchdog.action", Unlike("watchdog", A_PART)),
    ("serial", As("serial[n]")),
    ("usb.host", As("usb[n].host")),
    ("usb.mapping", As("usb[n].mapping")),
    ("usb.usb3", As("usb[n].usb3")),
    ("cpu_units", Unlike("cpuunits", "PVE cuts it to what cgroups of the second version take")),
    ("pci.host", As("hostpci[n]")),
    ("pci.mapping", As("hostpci[n]")),
    ("pci.pcie", As("hostpci[n]")),
    ("pci.rombar", As("hostpci[n]")),
    ("pci.rom_file", As("hostpci[n]")),
    ("pci.primary_gpu", As("hostpci[n]")),
    ("pci.legacy_igd", As("hostpci[n]")),
    ("pci.mdev", As("hostpci[n]")),
    ("pci.driver", As("hostpci[n]")),
    ("pci.vendor_id", As("hostpci[n]")),
    ("pci.device_id", As("hostpci[n]")),
    ("pci.sub_vendor_id", As("hostpci[n]")),
    ("pci.sub_device_id", As("hostpci[n]")),
    ("virtiofs.mapping", As("virtiofs[n].dirid")),
    ("virtiofs.cache", As("virtiofs[n].cache")),
    ("virtiofs.direct_io", As("virtiofs[n].direct-io")),
    ("virtiofs.expose_xattr", As("virtiofs[n].expose-xattr")),
    ("virtiofs.expose_acl", As("virtiofs[n].expose-acl")),
    ("reboot", Namesake("whether a guest's own reboot is one")),
    ("allow_destroy", Apart(OURS)),
];

/// PVE has no call for rules: nothing to be compared with.
const CRUSH_RULE: &[(&str, Stands)] = &[
    ("name", Apart("Ceph's own command")),
    ("failure_domain", Apart("Ceph's own command")),
    ("root", Apart("Ceph's own command")),
    ("device_class", Apart("Ceph's own command")),
];

#[test]
fn limits_are_as_wide_as_pves() {
    let api = api();
    let call = |method: &str, path: &str| {
        let of_call = |m: &&Json| m["path"] == path && m["method"] == method;
        let of_call = api["methods"].as_array().unwrap().iter().find(of_call);
        let of_call = of_call.unwrap_or_else(|| panic!("PVE has no {method} {path}"));
        Call { parameters: of_call["parameters"].clone(), taken: taken(path) }
    };
    let post = |path: &str| {
        let call = call("POST", path);
        assert!(!call.taken.is_empty(), "nothing was written below {path}");
        call
    };
    let compared = [
        compared::<Acl>(&call("PUT", "/access/acl"), ACL),
        compared::<AcmeAccount>(&call("POST", "/cluster/acme/account"), ACME_ACCOUNT),
        compared::<AptRepository>(&call("POST", "/nodes/{node}/apt/repositories"), APT_REPOSITORY),
        compared::<AptStandardRepository>(&call("PUT", "/nodes/{node}/apt/repositories"), APT_STANDARD_REPOSITORY),
        compared::<CephCluster>(&call("POST", "/nodes/{node}/ceph/init"), ceph::CLUSTER),
        compared::<CephConfig>(&Call::default(), ceph::CONFIG),
        compared::<ErasurePool>(&post("/nodes/{node}/ceph/pool"), ceph::ERASURE_POOL),
        compared::<CephFilesystem>(&call("POST", "/nodes/{node}/ceph/fs/{name}"), ceph::FILESYSTEM),
        compared::<CephInstall>(&Call::default(), ceph::INSTALL),
        compared::<Cluster>(&post("/cluster/config"), CLUSTER),
        compared::<ClusterMember>(&post("/cluster/config/join"), CLUSTER_MEMBER),
        compared::<CrushBucket>(&Call::default(), ceph::CRUSH_BUCKET),
        compared::<CephFlags>(&call("PUT", "/cluster/ceph/flags"), FLAGS),
        compared::<CephManager>(&call("POST", "/nodes/{node}/ceph/mgr/{id}"), MANAGER),
        compared::<CephMetadataServer>(&call("POST", "/nodes/{node}/ceph/mds/{name}"), METADATA_SERVER),
        compared::<CephMonitor>(&call("POST", "/nodes/{node}/ceph/mon/{monid}"), MONITOR),
        compared::<CephPool>(&post("/nodes/{node}/ceph/pool"), CEPH_POOL),
        compared::<Container>(&post("/nodes/{node}/lxc"), container::CONTAINER),
        compared::<CrushRule>(&Call::default(), CRUSH_RULE),
        compared::<DiskPartition>(&Call::default(), DISK_PARTITION),
        compared::<FirewallRules>(&post("/cluster/firewall/rules"), FIREWALL_RULES),
        compared::<HaResource>(&post("/cluster/ha/resources"), HA_RESOURCE),
        compared::<NodeFile>(&Call::default(), node::FILE),
        compared::<NodeService>(&Call::default(), node::SERVICE),
        compared::<Osd>(&post("/nodes/{node}/ceph/osd"), OSD),
        compared::<Pool>(&post("/pools"), POOL),
        compared::<PoolMember>(&call("PUT", "/pools"), POOL_MEMBER),
        compared::<ApplianceTemplate>(&call("POST", "/nodes/{node}/aplinfo"), content::APPLIANCE),
        compared::<OciImage>(&call("POST", "/nodes/{node}/storage/{storage}/oci-registry-pull"), content::OCI_IMAGE),
        compared::<StorageDownload>(&call("POST", "/nodes/{node}/storage/{storage}/download-url"), content::DOWNLOAD),
        compared::<StorageFile>(&call("POST", "/nodes/{node}/storage/{storage}/upload"), content::FILE),
        compared::<StorageRbd>(&post("/storage"), STORAGE_RBD),
        compared::<Vm>(&post("/nodes/{node}/qemu"), VM),
        compared::<VmDiskMove>(&post("/nodes/{node}/qemu/{vmid}/move_disk"), VM_DISK_MOVE),
        compared::<Snapshot>(&post("/nodes/{node}/qemu/{vmid}/snapshot"), SNAPSHOT),
        compared::<Template>(&post("/nodes/{node}/qemu/{vmid}/template"), TEMPLATE),
    ];
    let held: BTreeSet<&String> = compared.iter().map(|(name, _)| name).collect();
    let found: Vec<&str> = compared.iter().flat_map(|(_, wrong)| wrong).map(String::as_str).collect();
    let all = resources(true).into_iter().chain(resources(false));
    let forgotten: Vec<String> = all.filter(|name| !held.contains(name) && !is_held_as_a_section(name)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(forgotten, [""; 0], "nobody holds the limits of these to PVE's: give them a table here");
}

/// What PVE takes in a call.
#[derive(Default)]
struct Call {
    /// As its schema says.
    parameters: Json,
    /// The texts that it was seen to take, there and in the calls below it. An empty one takes the value away.
    taken: BTreeMap<String, BTreeSet<String>>,
}

/// The object, and what is wrong with its limits and with the table about it.
fn compared<M: Model>(call: &Call, table: &[(&str, Stands)]) -> (String, Vec<String>) {
    let schema = M::schema();
    let mut wrong = Vec::new();
    for name in settable("", &schema.attributes) {
        if !table.iter().any(|(attribute, _)| *attribute == name) {
            wrong.push(format!("{} {name} is not compared", M::NAME));
        }
    }
    for (attribute, stands) in table {
        let path = attribute.split('.').fold(Path::root(), |path, name| path.at(name));
        let at = format!("{} {attribute}", M::NAME);
        let Some(ours) = schema.attribute(&path) else {
            wrong.push(format!("{at} does not exist"));
            continue;
        };
        let (parameter, unlike) = match stands {
            Apart(why) => {
                if call.parameters[*attribute].is_object() {
                    wrong.push(format!("{at}: PVE has a parameter of that name, and the table says: {why}"));
                }
                continue;
            }
            Namesake(what) => {
                if !call.parameters[*attribute].is_object() {
                    wrong.push(format!("{at}: PVE has no parameter of that name, and the table says: {what}"));
                }
                continue;
            }
            As(parameter) => (parameter, None),
            Unlike(parameter, why) => (parameter, Some(why)),
        };
        let mut names = parameter.split('.');
        let mut theirs = &call.parameters[names.next().unwrap()];
        for name in names {
            theirs = &theirs["format"][name];
        }
        if !theirs.is_object() {
            wrong.push(format!("{at}: PVE has no {parameter}"));
        }
        let mut differences = Vec::new();
        for check in &ours.checks {
            let refused = call.taken.get(*parameter).filter(|_| is_text(ours)).into_iter().flatten();
            let refused: Vec<_> = refused.filter(|text| refuses(&check.test, text)).collect();
            let seen = (!refused.is_empty()).then(|| format!("PVE took {refused:?}"));
            let why = differs(&check.test, theirs).into_iter().chain(seen);
            differences.extend(why.map(|why| format!("{at} ({}): {why}", check.says)));
        }
        differences.extend(let_through(ours, theirs).map(|why| format!("{at}: {why}")));
        match unlike {
            None => wrong.extend(differences),
            Some(why) if differences.is_empty() => {
                wrong.push(format!("{at} is like PVE's {parameter}, and the table says: {why}"));
            }
            Some(_) => {}
        }
    }
    (type_name::<M>(), wrong)
}

fn is_text(attribute: &Attribute) -> bool {
    matches!(attribute.kind, Kind::Plain(Type::String))
}

/// The attributes that a configuration can set, each by its path, but for the objects that hold others, and timeouts.
fn settable(above: &str, attributes: &[Attribute]) -> Vec<String> {
    let can_be_set = |attribute: &&Attribute| attribute.rule != Rule::Computed && attribute.name != "timeouts";
    let paths = attributes.iter().filter(can_be_set).flat_map(|attribute| match &attribute.kind {
        Kind::Plain(_) => vec![format!("{above}{}", attribute.name)],
        Kind::Nested(_, inner) => settable(&format!("{above}{}.", attribute.name), inner),
    });
    paths.collect()
}
