//! Machines by lot: any that PVE takes is made as it is written, plans nothing then, is imported as it is written, and becomes
//! any other.
//!
//! Another sample each day; `RANDOM_MACHINES_SEED` repeats one, `RANDOM_MACHINES=500` has so many.

use std::fmt::Write as _;
use std::sync::Arc;

use acceptance_tests::lots::{number, seed};
use fastrand::Rng;
use pve_sim::Options;
use pve_sim::shape::Shape;
use terraform_core::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::work::Work;

/// So many, unless `RANDOM_MACHINES` says otherwise.
const SAMPLE: u64 = 24;

/// A configuration that comes about line by line.
pub(super) struct Lots {
    rng: Rng,
    pub(super) text: String,
}

impl Lots {
    pub(super) fn begin(rng: Rng) -> Self {
        Self { rng, text: String::new() }
    }

    fn chance(&mut self) -> bool {
        self.rng.bool()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.rng.usize(..of.len())]
    }

    /// `name = VALUE` with an even chance; the value is HCL.
    pub(super) fn maybe(&mut self, name: &str, values: &[&str]) {
        if self.chance() {
            let value = self.one(values);
            let _ = writeln!(self.text, "{name} = {value}");
        }
    }

    /// An object with some of these attributes.
    fn object(&mut self, parts: &[(&str, &[&str])]) -> String {
        let mut said = Vec::new();
        for (name, values) in parts {
            if self.chance() {
                let value = self.one(values);
                said.push(format!("{name} = {value}"));
            }
        }
        format!("{{ {} }}", said.join(", "))
    }

    /// An object with at least one attribute, with an even chance. One without any says that there is nothing, which no import
    /// would say.
    pub(super) fn nested(&mut self, name: &str, parts: &[(&str, &[&str])]) {
        if self.chance() {
            let object = self.object(parts);
            if object.contains('=') {
                let _ = writeln!(self.text, "{name} = {object}");
            }
        }
    }

    /// One of these texts for each of the keys that are there.
    pub(super) fn map(&mut self, name: &str, keys: &[&str], values: &[&str]) {
        if !self.chance() {
            return;
        }
        let mut entries = Vec::new();
        for key in keys {
            if self.chance() {
                let value = self.one(values);
                entries.push(format!("{key} = {value}"));
            }
        }
        let _ = writeln!(self.text, "{name} = {{ {} }}", entries.join(", "));
    }
}

const BOOLEANS: &[&str] = &["true", "false"];

/// What can be changed in place, and back.
fn settings(lots: &mut Lots) {
    lots.maybe("cores", &["1", "2", "4"]);
    lots.maybe("sockets", &["1", "2"]);
    if lots.chance() {
        lots.maybe("cpu", &["\"host\"", "\"x86-64-v2-AES\"", "\"kvm64\""]);
        let flags = ["[\"+aes\"]", "[\"-pcid\", \"+ssbd\"]"];
        lots.nested(
            "cpu_options",
            &[
                ("flags", &flags),
                ("hidden", BOOLEANS),
                ("phys_bits", &["\"host\"", "\"40\""]),
                ("guest_phys_bits", &["40"]),
            ],
        );
    } else {
        lots.maybe("cpu", &["\"host,flags=+aes\"", "\"cputype=max,hidden=1\"", "\"hidden=0,cputype=host\""]);
    }
    lots.maybe("cpu_limit", &["0", "1.5", "2"]);
    lots.maybe("cpu_units", &["100", "1024", "10000"]);
    lots.maybe("memory", &["512", "2048", "4096"]);
    lots.maybe("balloon", &["0", "256", "512"]);
    lots.maybe("shares", &["0", "1000", "50000"]);
    lots.maybe("numa", BOOLEANS);
    lots.map(
        "numa_nodes",
        &["numa0", "numa1"],
        &["{ cpus = \"0-1\", memory = 512 }", "{ cpus = \"0;2\", policy = \"bind\" }"],
    );
    lots.maybe("kvm", BOOLEANS);
    lots.maybe("allow_ksm", BOOLEANS);
    lots.maybe("bios", &["\"seabios\"", "\"ovmf\""]);
    lots.maybe("scsi_hardware", &["\"virtio-scsi-pci\"", "\"virtio-scsi-single\"", "\"lsi\""]);
    lots.maybe("name", &["\"web\"", "\"web.example\""]);
    lots.maybe("description", &["\"one\\ntwo\"", "\"end \\n\"", "\"\""]);
    lots.maybe("tags", &["[\"Web\", \"db\"]", "[]", "[\"a\"]"]);
    lots.maybe("on_boot", BOOLEANS);
    lots.maybe("hotplug", &["[]", "[\"disk\", \"network\"]", "[\"usb\", \"network\", \"disk\"]", "[\"cloudinit\"]"]);
    lots.maybe("acpi", BOOLEANS);
    lots.maybe("tablet", BOOLEANS);
    lots.maybe("localtime", BOOLEANS);
    lots.maybe("start_date", &["\"now\"", "\"2006-06-17T16:01:21\""]);
    lots.maybe("keyboard", &["\"de\"", "\"en-us\""]);
    if lots.chance() {
        lots.maybe("os_type", &["\"l26\"", "\"other\""]);
    } else {
        lots.maybe("os_type", &["\"win11\"", "\"win10\""]);
    }
    lots.nested(
        "agent",
        &[
            ("enabled", BOOLEANS),
            ("trim_cloned_disks", BOOLEANS),
            ("freeze_filesystems", BOOLEANS),
            ("type", &["\"isa\"", "\"virtio\""]),
        ],
    );
    lots.nested("startup", &[("order", &["0", "7"]), ("up", &["30"]), ("down", &["60"])]);
    lots.maybe("protection", &["false"]);
    lots.maybe("migrate_downtime", &["0.1", "0.25"]);
    lots.maybe("migrate_speed", &["0", "100"]);
    lots.maybe("vm_state_storage", &["\"local-lvm\""]);
    lots.nested(
        "vga",
        &[("type", &["\"std\"", "\"qxl\"", "\"virtio\""]), ("memory", &["16", "512"]), ("clipboard", &["\"vnc\""])],
    );
    lots.maybe("audio", &["{ device = \"AC97\" }", "{ device = \"intel-hda\", driver = \"none\" }"]);
    lots.maybe("rng", &["{ source = \"/dev/urandom\" }", "{ source = \"/dev/random\", max_bytes = 0, period = 500 }"]);
    lots.maybe("watchdog", &["{ model = \"i6300esb\" }", "{ model = \"ib700\", action = \"reset\" }"]);
    lots.map("serial", &["serial0", "serial3"], &["\"socket\""]);
    lots.map(
        "usb",
        &["usb0", "usb2"],
        &["{ host = \"spice\" }", "{ host = \"spice\", usb3 = true }", "{ mapping = \"stick\" }"],
    );
    lots.map(
        "pci",
        &["hostpci0", "hostpci1"],
        &["{ mapping = \"gpu\" }", "{ mapping = \"gpu\", pcie = true, rombar = false }"],
    );
    lots.map(
        "virtiofs",
        &["virtiofs0"],
        &["{ mapping = \"share\" }", "{ mapping = \"share\", cache = \"never\", direct_io = true }"],
    );
    lots.nested(
        "smbios",
        &[("serial", &["\"S 1\"", "\"A-2\""]), ("manufacturer", &["\"Homelab, Inc.\""]), ("product", &["\"Box\""])],
    );
    lots.map(
        "networks",
        &["net0", "net1", "net5"],
        &[
            "{ bridge = \"vmbr0\" }",
            "{ bridge = \"vmbr0\", tag = 20, firewall = true, mtu = 1, queues = 4 }",
            "{ bridge = \"vmbr0\", model = \"e1000e\", rate = 12.5, link_down = true }",
            "{ bridge = \"vmbr0\", trunks = \"1;5-9\", rate = 0 }",
            "{}",
        ],
    );
}

/// The disks of all of its configurations: what is there cannot shrink, nor be another kind.
fn disks(lots: &mut Lots) {
    const OPTIONS: &[(&str, &[&str])] = &[
        ("cache", &["\"none\"", "\"writeback\""]),
        ("aio", &["\"native\"", "\"threads\"", "\"io_uring\""]),
        ("discard", BOOLEANS),
        ("backup", BOOLEANS),
        ("replicate", BOOLEANS),
        ("detect_zeroes", BOOLEANS),
        ("serial", &["\"abc-1\""]),
        ("rerror", &["\"stop\""]),
        ("werror", &["\"enospc\"", "\"report\""]),
        (
            "throttle",
            &[
                "{ mbps = 10.5, mbps_max = 20, bps_max_length = 5 }",
                "{ iops_rd = 100, iops_wr = 50, iops_wr_max = 99 }",
            ],
        ),
        ("when_removed", &["\"keep\""]),
    ];
    let scsi: &[(&str, &[&str])] = &[
        ("iothread", BOOLEANS),
        ("ssd", BOOLEANS),
        ("queues", &["2"]),
        ("wwn", &["\"0x5000c500a1b2c3d4\""]),
        ("read_only", BOOLEANS),
    ];
    let with = |lots: &mut Lots, more: &[(&str, &[&str])]| {
        let options = [OPTIONS, more].concat();
        lots.object(&options).trim_start_matches('{').trim_start_matches(' ').to_owned()
    };
    let comma = |rest: String| if rest.trim() == "}" { rest } else { format!(", {rest}") };
    let scsi0 = comma(with(lots, scsi));
    let virtio1 = comma(with(lots, &[("iothread", BOOLEANS)]));
    let sata3 = comma(with(lots, &[("ssd", BOOLEANS)]));
    let _ = writeln!(
        lots.text,
        "disks = {{\n scsi0 = {{ size = \"1G\", storage = \"local-lvm\" {scsi0}\n virtio1 = {{ size = \"2G\", storage = \"local-lvm\" {virtio1}\n \
         sata3 = {{ size = \"512M\", storage = \"local-lvm\" {sata3}\n}}"
    );
    lots.map("cdroms", &["ide0", "sata5"], &["{}", "{ file = \"none\" }", "{ file = \"physical\" }"]);
    lots.maybe("boot_order", &["[\"scsi0\"]", "[\"virtio1\", \"scsi0\"]"]);
}

/// What is there once and for all.
fn fixed(rng: &mut Rng) -> String {
    let mut lots = Lots { rng: rng.fork(), text: String::new() };
    lots.maybe(
        "efi_disk",
        &["{ storage = \"local-lvm\" }", "{ storage = \"local-lvm\", type = \"4m\", pre_enrolled_keys = true }"],
    );
    lots.maybe("tpm_state", &["{ storage = \"local-lvm\", version = \"v2.0\" }", "{ storage = \"local-lvm\" }"]);
    lots.maybe("machine", &["\"q35\"", "\"pc\"", "\"pc-q35-9.2\""]);
    lots.maybe(
        "cloud_init",
        &[
            "{ storage = \"local-lvm\", user = \"ops\", upgrade = false, type = \"nocloud\" }",
            "{ storage = \"local-lvm\", interface = \"scsi30\", ip_config = { net0 = { ip = \"dhcp\" } } }",
            "{ storage = \"local-lvm\", dns = { servers = [\"192.0.2.1\"], domain = \"example.com\" }, password = \"geheim\" }",
            "{ storage = \"local-lvm\", custom = { user = \"local:snippets/u.yaml\" } }",
        ],
    );
    lots.text
}

fn machine(rng: &mut Rng, fixed: &str) -> String {
    let mut lots = Lots { rng: rng.fork(), text: format!("vmid = 100\n{fixed}") };
    settings(&mut lots);
    disks(&mut lots);
    format!("resource \"pve_vm\" \"web\" {{\n{}}}\n", lots.text)
}

/// What is to be changed, attribute by attribute.
async fn planned(work: &Work) -> String {
    let Ok(plan) = work.bench.core.plan(&work.config()).await else { return "no plan".to_owned() };
    let Some(change) = plan.change("pve_vm.web") else { return "no change".to_owned() };
    let (Value::Object(before), Value::Object(after)) = (&change.before, &change.after) else {
        return format!("{:?}", change.action);
    };
    let differ = before.iter().filter(|(name, value)| after.get(*name) != Some(value));
    differ.map(|(name, value)| format!("{name}: {value:?} -> {:?}", after.get(name))).collect::<Vec<_>>().join("\n")
}

/// What the machines name.
const NAMED: &str = r#"
mappings:
  dir: {share: ["node=pve1,path=/srv/share"]}
  pci: {gpu: ["node=pve1,path=0000:01:00.0,id=10de:1234"]}
  usb: {stick: ["node=pve1,id=1234:5678"]}
storages:
- {storage: local, type: dir, path: /var/lib/vz, content: [iso, vztmpl, backup, snippets], volumes: [{name: snippets/u.yaml, size: 1K}]}
- {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images, rootdir]}
"#;

/// Whether one of these lives as it should; what is wrong, if not.
async fn lives(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let shape = Shape::from_yaml(NAMED).unwrap();
    let mut work = Work::with(Options { factor: 600.0, shape, ..Options::default() }).await;
    let fixed = fixed(&mut rng);
    for round in ["made", "changed"] {
        let text = machine(&mut rng, &fixed);
        work.write(&text);
        let said = work.apply().await;
        assert!(said.ok, "seed {seed}, {round}: {}\n{text}", said.told());
        let said = work.plan().await;
        assert!(said.is_empty(), "seed {seed}, {round}, then: {}\n{text}\n{}", said.told(), planned(&work).await);
        work.forget("pve_vm.web");
        work.import("pve_vm.web", "100").await.succeeded();
        let said = work.plan().await;
        assert!(said.is_empty(), "seed {seed}, {round}, imported: {}\n{text}\n{}", said.told(), planned(&work).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_machine_is_made_as_it_is_written_and_plans_nothing_then() {
    let first = seed("RANDOM_MACHINES_SEED");
    let count = number("RANDOM_MACHINES").unwrap_or(SAMPLE);
    let gate = Arc::new(Semaphore::new(4));
    let mut all = JoinSet::new();
    for seed in first..first + count {
        let gate = gate.clone();
        all.spawn(async move {
            let _turn = gate.acquire_owned().await.unwrap();
            lives(seed).await;
        });
    }
    while let Some(ended) = all.join_next().await {
        if let Err(error) = ended {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}
