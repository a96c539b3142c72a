//! The table.

/// One mistake, and what is said about it.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// How many nodes, how far Ceph is, and a machine, or `yaml:` and the cluster's shape.
    pub(super) cluster: &'static str,
    /// What the provider's block says otherwise than where all is well, as JSON.
    pub(super) provider: &'static str,
    /// Nodes that are switched off.
    pub(super) off: &'static [&'static str],
    /// A fault, as JSON.
    pub(super) fault: &'static str,
    /// The configuration.
    pub(super) hcl: &'static str,
    /// Part of the summary.
    pub(super) summary: &'static str,
    /// At which it points; empty where no attribute is to blame.
    pub(super) attribute: &'static str,
    /// Part of the detail.
    pub(super) cure: &'static str,
    /// Whether the cause could not be known before the write.
    pub(super) written: bool,
}

const ROW: Row = Row {
    name: "",
    cluster: "ceph ready, guest 101",
    provider: "{}",
    off: &[],
    fault: "",
    hcl: "",
    summary: "",
    attribute: "",
    cure: "",
    written: false,
};

const VERSION: &str = "data \"pve_version\" \"this\" {}";
const POOL: &str = "resource \"pve_ceph_pool\" \"vm\" {\n  name = \"vm\"\n}";
/// A user of PVE's own realm who may look at everything.
const AUDITOR: &str = "yaml:
nodes: [{ name: pve1, disks: [{ path: /dev/sdb, size: 64G, serial: A }] }]
ceph: { stage: ready }
users:
  - userid: look@pve
    password: secret
    tokens: [{ id: t, privsep: false, value: 11111111-2222-3333-4444-555555555555 }]
    acl: [{ path: /, role: PVEAuditor }]
";
const AUDITORS_TOKEN: &str =
    r#"{"api_token": "look@pve!t=11111111-2222-3333-4444-555555555555", "username": null, "password": null}"#;
/// One node with a disk in use and a machine that is locked.
const ODDITIES: &str = "yaml:
nodes:
  - name: pve1
    disks:
      - { path: /dev/sdb, size: 64G, serial: FREE }
      - { path: /dev/sdc, size: 64G, serial: BUSY, partitions: [{ number: 1, size: 10G, used: ext4, mounted: true }] }
      - { path: /dev/sdd, size: 64G, serial: FULL, used: xfs }
guests:
  - { vmid: 101, node: pve1, config: { lock: backup, scsi0: 'local-lvm:4' } }
storages:
  - { storage: local, type: dir, path: /var/lib/vz, content: [iso] }
  - { storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images, rootdir] }
  - { storage: other, type: lvmthin, vgname: other, thinpool: data, content: [images] }
";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "endpoint without TLS",
        provider: r#"{"endpoints": {"pve1": "http://192.0.2.1:8006"}, "fingerprints": null}"#,
        hcl: VERSION,
        summary: "Endpoint without TLS",
        attribute: "endpoints",
        cure: "https://192.0.2.1:8006",
        ..ROW
    },
    Row {
        name: "refused connection",
        provider: r#"{"endpoints": {"pve1": "https://127.0.0.1:1"}, "fingerprints": null}"#,
        hcl: VERSION,
        summary: "Cannot ask for the version",
        cure: "Check `endpoints`",
        ..ROW
    },
    Row {
        name: "certificate with another fingerprint",
        provider: r#"{"fingerprints": {"pve1": "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00"}}"#,
        cluster: "one node",
        hcl: VERSION,
        summary: "Cannot ask for the version",
        cure: "has the SHA-256 fingerprint",
        ..ROW
    },
    Row {
        name: "fingerprint of a node without an endpoint",
        provider: r#"{"fingerprints": {"nope": "AA"}}"#,
        hcl: VERSION,
        summary: "Unusable provider configuration",
        cure: "nope",
        ..ROW
    },
    Row {
        name: "disabled user",
        cluster: "yaml:\nnodes: [{ name: pve1 }]\nusers: [{ userid: off@pve, password: secret, enable: false }]\n",
        provider: r#"{"api_token": null, "username": "off@pve", "password": "secret"}"#,
        hcl: VERSION,
        summary: "Cannot ask for the version",
        cure: "the user is disabled",
        ..ROW
    },
    Row {
        name: "token without the privilege",
        cluster: AUDITOR,
        provider: AUDITORS_TOKEN,
        hcl: "resource \"pve_pool\" \"x\" {\n  poolid = \"x\"\n}",
        summary: "pool",
        cure: "lacks Pool.Allocate on /pool/x",
        written: true,
        ..ROW
    },
    Row {
        name: "token where root is wanted",
        cluster: "ceph monitors",
        provider: r#"{"username": null, "password": null}"#,
        hcl: "resource \"pve_ceph_osd\" \"x\" {\n  node = \"pve1\"\n  device = { serial = \"SIM0101\" }\n}",
        summary: "Cannot create an OSD on /dev/sdb of pve1",
        cure: "Set `username = \"root@pam\"` and `password` on the provider",
        ..ROW
    },
    Row {
        name: "unknown node",
        cluster: "ceph monitors",
        hcl: "resource \"pve_ceph_osd\" \"x\" {\n  node = \"nope\"\n  device = { serial = \"SIM0101\" }\n}",
        summary: "nope",
        attribute: "node",
        cure: "pve_nodes",
        ..ROW
    },
    Row {
        name: "unknown node of a data source",
        hcl: "data \"pve_node_disks\" \"x\" {\n  node = \"nope\"\n}",
        summary: "nope",
        attribute: "node",
        cure: "pve_nodes",
        ..ROW
    },
    Row {
        name: "unknown disk",
        cluster: "ceph monitors",
        hcl: "resource \"pve_ceph_osd\" \"x\" {\n  node = \"pve1\"\n  device = { path = \"/dev/sdz\" }\n}",
        summary: "/dev/sdz",
        attribute: "device",
        cure: "Unused on pve1: /dev/sdb",
        ..ROW
    },
    Row {
        name: "serial not there",
        cluster: "ceph monitors",
        hcl: "resource \"pve_ceph_osd\" \"x\" {\n  node = \"pve1\"\n  device = { serial = \"NOPE\" }\n}",
        summary: "serial number NOPE does not exist on pve1",
        attribute: "device",
        cure: "SIM0101",
        ..ROW
    },
    Row {
        // It exists in the cluster; the look right before the write does not find it any more.
        name: "disk vanished",
        cluster: "ceph monitors",
        fault: r#"{"match": {"method": "GET", "path": "/nodes/pve1/disks/list"}, "nth": 1, "effect": {"content_type": "application/json", "body": "{\"data\":[{\"devpath\":\"/dev/sdc\",\"size\":68719476736,\"type\":\"ssd\",\"serial\":\"SIM0102\",\"osdid\":-1,\"osdid-list\":null}]}"}}"#,
        hcl: "resource \"pve_ceph_osd\" \"x\" {\n  node = \"pve1\"\n  device = { serial = \"SIM0101\" }\n}",
        summary: "serial number SIM0101 does not exist on pve1",
        attribute: "device",
        cure: "SIM0102",
        ..ROW
    },
    Row {
        name: "disk in use",
        cluster: ODDITIES,
        hcl: "resource \"pve_ceph_osd\" \"x\" {\n  node = \"pve1\"\n  device = { serial = \"BUSY\" }\n}",
        summary: "BUSY",
        attribute: "device",
        cure: "mounted",
        ..ROW
    },
    Row {
        name: "disk with contents",
        cluster: ODDITIES,
        hcl: "resource \"pve_ceph_osd\" \"x\" {\n  node = \"pve1\"\n  device = { serial = \"FULL\" }\n  wipe_if = [\"ext4\"]\n}",
        summary: "FULL",
        cure: "xfs",
        ..ROW
    },
    Row {
        name: "unknown storage",
        hcl: "resource \"pve_vm\" \"x\" {\n  disks = { scsi0 = { size = \"1G\", storage = \"nope\" } }\n}",
        summary: "nope",
        attribute: "disks",
        cure: "local-lvm",
        ..ROW
    },
    Row {
        name: "storage that cannot hold images",
        hcl: "resource \"pve_vm\" \"x\" {\n  disks = { scsi0 = { size = \"1G\", storage = \"local\" } }\n}",
        summary: "local",
        attribute: "disks",
        cure: "local-lvm",
        ..ROW
    },
    Row {
        name: "pool exists",
        cluster: "yaml:ceph: { stage: ready, pools: [{ name: taken }] }",
        hcl: "resource \"pve_ceph_pool\" \"x\" {\n  name = \"taken\"\n}",
        summary: "Pool \"taken\" exists already",
        attribute: "name",
        cure: "import {\n  to = pve_ceph_pool.this\n  id = \"taken\"\n}",
        ..ROW
    },
    Row {
        name: "min_size more than size",
        hcl: "resource \"pve_ceph_pool\" \"x\" {\n  name = \"x\"\n  size = 2\n  min_size = 3\n}",
        summary: "min_size 3 is more than size 2",
        attribute: "min_size",
        cure: "At most 2",
        ..ROW
    },
    Row {
        name: "more copies than failure domains",
        hcl: "resource \"pve_ceph_pool\" \"x\" {\n  name = \"x\"\n  size = 5\n  min_size = 3\n}",
        summary: "Pool \"x\" 5/3 cannot be placed by rule \"replicated_rule\"",
        attribute: "size",
        cure: "pve_ceph_crush_rule",
        ..ROW
    },
    Row {
        name: "a single copy",
        hcl: "resource \"pve_ceph_pool\" \"x\" {\n  name = \"x\"\n  size = 1\n}",
        summary: "A single copy is refused",
        attribute: "size",
        cure: "allow_single_copy = true",
        ..ROW
    },
    Row {
        name: "unknown CRUSH rule",
        hcl: "resource \"pve_ceph_pool\" \"x\" {\n  name = \"x\"\n  crush_rule = \"nope\"\n}",
        summary: "CRUSH rule \"nope\" does not exist",
        attribute: "crush_rule",
        cure: "replicated_rule",
        ..ROW
    },
    Row {
        name: "unknown device class",
        hcl: "resource \"pve_ceph_crush_rule\" \"x\" {\n  name = \"x\"\n  failure_domain = \"host\"\n  device_class = \"nope\"\n}",
        summary: "No OSD has device class \"nope\"",
        attribute: "device_class",
        cure: "ssd",
        ..ROW
    },
    Row {
        name: "VM locked",
        cluster: ODDITIES,
        hcl: "resource \"pve_vm_disk_move\" \"x\" {\n  vmid = 101\n  disk = \"scsi0\"\n  storage = \"other\"\n}",
        summary: "101",
        cure: "qm unlock",
        ..ROW
    },
    Row {
        name: "VM missing",
        hcl: "resource \"pve_vm_disk_move\" \"x\" {\n  vmid = 999\n  disk = \"scsi0\"\n  storage = \"local-lvm\"\n}",
        summary: "999",
        attribute: "vmid",
        cure: "VM.Audit",
        ..ROW
    },
    Row {
        name: "disk not on the VM",
        hcl: "resource \"pve_vm_disk_move\" \"x\" {\n  vmid = 101\n  disk = \"scsi5\"\n  storage = \"local-lvm\"\n}",
        summary: "scsi5",
        attribute: "disk",
        cure: "scsi0",
        ..ROW
    },
    Row {
        name: "sid malformed",
        hcl: "resource \"pve_ha_resource\" \"x\" {\n  sid = \"101\"\n}",
        summary: "sid",
        attribute: "sid",
        cure: "vm:101",
        ..ROW
    },
    Row {
        name: "HA for a guest that does not exist",
        hcl: "resource \"pve_ha_resource\" \"x\" {\n  sid = \"vm:999\"\n}",
        summary: "Guest vm:999 does not exist",
        attribute: "sid",
        cure: "VM.Audit",
        ..ROW
    },
    Row {
        name: "local disk under HA",
        hcl: "resource \"pve_ha_resource\" \"x\" {\n  sid = \"vm:101\"\n}",
        summary: "vm:101 cannot be started on another node",
        attribute: "sid",
        cure: "scsi0: the volume local-lvm:",
        ..ROW
    },
    Row {
        name: "Ceph not installed",
        cluster: "ceph none",
        hcl: POOL,
        summary: "pool",
        cure: "pve_ceph_install",
        ..ROW
    },
    Row {
        name: "Ceph not initialised",
        cluster: "ceph installed",
        hcl: POOL,
        summary: "pool",
        cure: "pve_ceph_cluster",
        ..ROW
    },
    Row {
        name: "no quorum",
        off: &["pve2", "pve3"],
        hcl: "resource \"pve_pool\" \"x\" {\n  poolid = \"x\"\n}",
        summary: "pool",
        cure: "no quorum",
        written: true,
        ..ROW
    },
    Row {
        name: "node down",
        off: &["pve2"],
        hcl: "resource \"pve_vm\" \"x\" {\n  node = \"pve2\"\n  disks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }\n}",
        summary: "Node pve2 is offline",
        attribute: "node",
        cure: "Online: pve1, pve3.",
        ..ROW
    },
    Row {
        name: "task failed",
        fault: r#"{"match": {"method": "POST", "path": "/nodes/*/ceph/pool"}, "effect": {"task": "fail", "message": "the dog ate it"}}"#,
        hcl: POOL,
        summary: "Cannot create pool \"vm\"",
        cure: "the dog ate it",
        written: true,
        ..ROW
    },
];
