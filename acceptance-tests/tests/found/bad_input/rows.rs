//! The table. Most rows are in `src/in_process/wrong`; these are for how Terraform shows what is said, and for variables of the
//! environment.

/// One mistake, and what is said about it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Options of `pve-sim serve`.
    pub(crate) cluster: &'static str,
    /// Variables that differ from those of a run where all is well.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// A fault, as JSON.
    pub(crate) fault: &'static str,
    /// The configuration; one attribute a line.
    pub(crate) hcl: &'static str,
    /// Part of the summary.
    pub(crate) summary: &'static str,
    /// On whose line it points; empty where no attribute is to blame.
    pub(crate) attribute: &'static str,
    /// Part of the detail.
    pub(crate) cure: &'static str,
    /// Whether the cause could not be known before the write.
    pub(crate) written: bool,
}

const ROW: Row = Row {
    name: "",
    cluster: "--ceph ready --guest 101",
    environment: &[],
    fault: "",
    hcl: "",
    summary: "",
    attribute: "",
    cure: "",
    written: false,
};

const VERSION: &str = "data \"pve_version\" \"this\" {}";
const POOL: &str = "resource \"pve_ceph_pool\" \"vm\" {\n  name = \"vm\"\n}";

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "endpoint that does not exist",
        environment: &[("PVE_ENDPOINTS", "pve1=https://no-such-host.invalid:8006"), ("PVE_FINGERPRINTS", "")],
        hcl: VERSION,
        summary: "Cannot ask for the version",
        cure: "PVE_ENDPOINTS",
        ..ROW
    },
    Row {
        name: "wrong password",
        environment: &[("PVE_API_TOKEN", ""), ("PVE_PASSWORD", "wrong")],
        hcl: VERSION,
        summary: "Cannot ask for the version",
        cure: "password is wrong",
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
        name: "rule exists",
        hcl: "resource \"pve_ceph_crush_rule\" \"x\" {\n  name = \"replicated_rule\"\n  failure_domain = \"osd\"\n}",
        summary: "CRUSH rule \"replicated_rule\" exists already",
        attribute: "name",
        cure: "import {\n  to = pve_ceph_crush_rule.this\n  id = \"replicated_rule\"\n}",
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
        name: "task failed",
        fault: r#"{"match": {"method": "POST", "path": "/nodes/*/ceph/pool"}, "effect": {"task": "fail", "message": "the dog ate it"}}"#,
        hcl: POOL,
        summary: "Cannot create pool \"vm\"",
        cure: "the dog ate it",
        written: true,
        ..ROW
    },
];
