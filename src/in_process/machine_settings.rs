//! The configuration of `pve_vm`: what users of other providers met, and what PVE does by itself.

use acceptance_tests::given::vm;
use pve_sim::Options;
use pve_sim::shape::{GuestShape, Shape};
use serde_json::{Value as Json, json};

use super::Rig;
use super::work::{Site, Work};
use crate::vm::vm::Vm;

async fn cluster() -> Work {
    Work::with(Options { factor: 600.0, ..Options::default() }).await
}

const SMALL: &str =
    "vmid = 100\nallow_destroy = true\ndisks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }\n";

/// What PVE has stored of the machine, beside what waits.
fn stored(site: &Site, key: &str) -> Option<String> {
    site.setting(100, key)
}

async fn apply(work: &mut Work, text: &str) {
    work.write(&vm(text));
    work.apply().await.succeeded();
    let said = work.plan().await;
    assert!(said.is_empty(), "{}", said.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_never_inconsistent_where_pve_writes_otherwise() {
    let mut work = cluster().await;
    // Tags in capitals, a machine that PVE pins, options in another order, sizes in other units.
    let text = "os_type = \"win11\"\nmachine = \"q35\"\ntags = [\"Prod\"]\ncpu = \"hidden=1,cputype=host\"\ndescription = \"x\\n\"\n";
    apply(&mut work, &format!("{SMALL}{text}").replace("1G", "1024M")).await;
    assert!(stored(&work.site, "machine").unwrap().starts_with("pc-q35-"));
    // What is pinned stays so, whatever else changes.
    apply(&mut work, &format!("{SMALL}{text}memory = 1024\n").replace("1G", "1024M")).await;
    assert!(stored(&work.site, "machine").unwrap().starts_with("pc-q35-"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_planned_for_ever() {
    let mut work = cluster().await;
    let text = "pool = \"lab\"\nagent = { enabled = true }\nvga = { type = \"std\" }\ncloud_init = { storage = \"local-lvm\", \
                ssh_keys = [\"ssh-ed25519 AAAA me\\n\"], dns = { servers = [\"192.0.2.1 192.0.2.2\"] } }\nwatchdog = {}\n";
    let pool = "resource \"pve_pool\" \"lab\" {\n  poolid = \"lab\"\n}\n";
    work.write(&format!("{pool}{}", vm(&format!("{SMALL}{text}")).replace("\"lab\"", "pve_pool.lab.poolid")));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_forces_no_replacement_and_plans_nothing() {
    let config = json!({
        "memory": "2048", "ostype": "win11", "machine": "pc-q35-9.2", "cpu": "host,flags=+aes;-pcid", "agent": "enabled=1",
        "vga": "memory=32,type=qxl", "scsi0": "local-lvm:4,ssd=1,mbps=10.50,iops=100", "efidisk0": "local-lvm:1,efitype=4m",
        "ide2": "none,media=cdrom", "usb0": "spice", "serial0": "socket", "startup": "order=1,up=30", "net0": "virtio,bridge=vmbr0",
    });
    let guest = GuestShape {
        config: config.as_object().unwrap().clone().into_iter().collect(),
        ..GuestShape::ready(100, "pve1")
    };
    let shape = Shape { guests: vec![guest], ..Shape::default() };
    for text in [
        "vmid = 100",
        "vmid = 100\ncpu = \"host,flags=+aes;-pcid\"\nmachine = \"q35\"\nvga = { type = \"qxl\" }\nagent = { enabled = true }",
        "vmid = 100\ncpu = \"host\"\ncpu_options = { flags = [\"-pcid\", \"+aes\"] }\ncdroms = { ide2 = {} }\nstartup = { order = 1, up = 30 }",
    ] {
        let mut work = Work::with(Options { shape: shape.clone(), factor: 600.0, ..Options::default() }).await;
        work.write(&vm(text));
        work.import("pve_vm.web", "100").await.succeeded();
        let said = work.plan().await;
        assert!(said.is_empty(), "{text}: {}", said.told());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disks_are_where_they_are_whatever_their_order() {
    let mut work = cluster().await;
    let two = "vmid = 100\ndisks = {\n virtio1 = { size = \"1G\", storage = \"local-lvm\" }\n scsi0 = { size = \"2G\", storage = \"local-lvm\" }\n}\n";
    apply(&mut work, two).await;
    let (scsi, virtio) = (stored(&work.site, "scsi0"), stored(&work.site, "virtio1"));
    // One between them: the others stay what they are.
    apply(&mut work, &two.replace("disks = {", "disks = {\n scsi5 = { size = \"1G\", storage = \"local-lvm\" }")).await;
    assert_eq!((stored(&work.site, "scsi0"), stored(&work.site, "virtio1")), (scsi, virtio));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growing_and_options_together_leave_the_disk_as_it_is_asked_for() {
    let mut work = cluster().await;
    let text = |disk: &str| {
        format!("vmid = 100\nstarted = true\ndisks = {{ scsi0 = {{ storage = \"local-lvm\", {disk} }} }}\n")
    };
    apply(&mut work, &text("size = \"1G\", cache = \"none\"")).await;
    apply(&mut work, &text("size = \"3G\", cache = \"writeback\", backup = false")).await;
    let disk = work.instance("pve_vm.web")["attributes"]["disks"]["scsi0"].clone();
    assert_eq!((&disk["size"], &disk["cache"], &disk["backup"]), (&json!("3G"), &json!("writeback"), &json!(false)));
    assert!(stored(&work.site, "scsi0").unwrap().contains("size=3G"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_reboot_is_told_before_and_after_and_never_taken_for_done() {
    let mut work = cluster().await;
    let site = work.site.clone();
    apply(&mut work, &format!("{SMALL}started = true\nos_type = \"l26\"\nmemory = 512\n")).await;
    let running = format!("{SMALL}started = true\nos_type = \"l26\"\nmemory = 1024\ncores = 2\ntags = [\"a\"]\n");
    work.write(&vm(&running));
    let planned = work.plan().await;
    assert!(planned.says("cores, memory") && planned.says("next start"), "{}", planned.told());
    let said = work.apply().await.succeeded();
    assert!(said.says("cores, memory take effect at its next stop and start"), "{}", said.told());
    assert_eq!((stored(&site, "memory").as_deref(), stored(&site, "tags").as_deref()), (Some("512"), Some("a")));
    assert!(work.plan().await.is_empty());
    // The data source tells.
    let looked = "data \"pve_pending\" \"web\" {\n vmid = pve_vm.web.vmid\n}\noutput \"waits\" {\n value = data.pve_pending.web.changes[*].key\n}\n";
    work.write(&format!("{}{looked}", vm(&running)));
    let told = format!("{:?}", work.bench.core.plan(&work.config()).await.unwrap().outputs["waits"]);
    assert!(told.contains("cores") && told.contains("memory") && !told.contains("tags"), "{told}");
    // Rebooted once it may be.
    work.write(&vm(&format!("{running}reboot = \"if_needed\"\n")));
    work.apply().await.succeeded();
    assert_eq!(stored(&site, "memory").as_deref(), Some("1024"));
    assert!(site.sent().iter().any(|sent| sent.contains("status/reboot")), "{:?}", site.sent());
    // And not where nothing waits.
    site.forget_requests();
    work.write(&vm(&format!("{running}reboot = \"if_needed\"\ndescription = \"x\"\n")));
    work.apply().await.succeeded();
    assert!(!site.sent().iter().any(|sent| sent.contains("status/reboot")), "{:?}", site.sent());
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_fails_half_way_leaves_nothing_waiting() {
    let mut work = cluster().await;
    let site = work.site.clone();
    apply(&mut work, &format!("{SMALL}cores = 1\n")).await;
    // What it is to boot from is told before anything is written.
    work.write(&vm(&format!("{SMALL}cores = 2\nboot_order = [\"scsi0\", \"net7\"]\n")));
    work.apply().await.failed("The VM has no \"net7\" to boot from");
    // PVE finds out in the middle that there is no such image: whoever may not look into the storage cannot tell before.
    site.fault(&json!({
        "match": {"method": "GET", "path": "/nodes/*/storage/local/content"}, "effect": {"status": 403, "message": "no"}, "times": 9
    }));
    work.write(&vm(&format!("{SMALL}cores = 2\ncdroms = {{ ide0 = {{ file = \"local:iso/none.iso\" }} }}\n")));
    let said = work.apply().await.failed("Cannot change vm:100");
    assert!(said.says("taken back"), "{}", said.told());
    assert_eq!(stored(&site, "cores").as_deref(), Some("1"));
    assert_eq!(site.waiting(100), [""; 0]);
    apply(&mut work, &format!("{SMALL}cores = 2\n")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_goes_is_kept_or_destroyed_as_told() {
    let mut work = cluster().await;
    let site = work.site.clone();
    let disks = |more: &str| {
        format!("vmid = 100\ndisks = {{\n scsi0 = {{ size = \"1G\", storage = \"local-lvm\" }}\n{more}}}\n")
    };
    let kept = " scsi1 = { size = \"1G\", storage = \"local-lvm\" }\n";
    let doomed = " scsi2 = { size = \"1G\", storage = \"local-lvm\", when_removed = \"destroy\" }\n";
    apply(&mut work, &disks(&format!("{kept}{doomed}"))).await;
    let volume = |key: &str| stored(&site, key).unwrap().split(',').next().unwrap().to_owned();
    let (first, second) = (volume("scsi1"), volume("scsi2"));
    work.write(&vm(&disks("")));
    let planned = work.plan().await;
    assert!(planned.says("A disk will be detached") && planned.says("A disk will be destroyed"), "{}", planned.told());
    work.apply().await.succeeded();
    assert_eq!(stored(&site, "unused0"), Some(first));
    assert_eq!(stored(&site, "unused1"), None);
    assert!(!site.state().to_string().contains(second.split_once(':').unwrap().1), "{second} is gone");
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_no_part_of_a_creation_and_stands_in_no_state() {
    let mut work = cluster().await;
    let site = work.site.clone();
    let text = |password: &str, version: u32| {
        format!(
            "{SMALL}cloud_init = {{ storage = \"local-lvm\", password = \"{password}\", password_version = {version} }}\n"
        )
    };
    apply(&mut work, &text("erstes", 1)).await;
    let made = site.mutations();
    let creation = made
        .iter()
        .find(|seen| seen.method == "POST" && seen.path == "/nodes/pve1/qemu" || seen.path.ends_with("/qemu"));
    assert!(creation.is_some_and(|seen| !format!("{seen:?}").contains("cipassword")), "{made:?}");
    assert!(stored(&site, "cipassword").unwrap().starts_with('$'), "PVE has a hash");
    assert!(!work.instance("pve_vm.web").to_string().contains("erstes"));
    let before = stored(&site, "cipassword");
    apply(&mut work, &text("ein anderes", 1)).await;
    assert_eq!(stored(&site, "cipassword"), before, "not set again by itself");
    apply(&mut work, &text("ein anderes", 2)).await;
    assert_ne!(stored(&site, "cipassword"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_roots_is_refused_at_plan_to_anybody_else() {
    let rig = Rig::of("ceph: {stage: none}").await;
    rig.configure_as(&json!({ "api_token": rig.sim.api_token })).await;
    rig.forget_requests().await;
    for (config, said) in [
        (json!({ "args": "-device x" }), "`args` takes the login of root@pam"),
        (json!({ "hook_script": "local:snippets/h.pl" }), "`hook_script` takes the login"),
        (json!({ "usb": { "usb0": { "host": "1-2" } } }), "`usb[\"usb0\"]` takes the login"),
        (json!({ "serial": { "serial0": "/dev/ttyS0" } }), "`serial[\"serial0\"]` takes the login"),
    ] {
        let told = rig.plan::<Vm>(None, &config).await.unwrap_err().join("\n");
        assert!(told.contains(said) && told.contains("Nothing was written"), "{told}");
    }
    for config in [json!({ "usb": { "usb0": { "mapping": "a" } } }), json!({ "serial": { "serial0": "socket" } })] {
        rig.plan::<Vm>(None, &config).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_modelled_survives_and_cards_keep_their_address() {
    let config = json!({
        "memory": "2048", "agent": "1,freeze-fs-on-backup=0", "cpu": "host,level=30", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,host-tunnel=1",
        "scsi0": "local-lvm:4,product=x,scsiblock=0", "smbios1": "uuid=9bf7b5a6-9a3c-4f0e-8e51-000000000001", "spice_enhancements": "foldersharing=1",
    });
    let guest = GuestShape {
        config: config.as_object().unwrap().clone().into_iter().collect(),
        ..GuestShape::ready(100, "pve1")
    };
    let shape = Shape { guests: vec![guest], ..Shape::default() };
    let mut work = Work::with(Options { shape, factor: 600.0, ..Options::default() }).await;
    let text = "vmid = 100\nagent = { enabled = true, freeze_filesystems = true }\ncpu = \"max\"\nsmbios = { serial = \"S 1\" }\n\
                disks = { scsi0 = { cache = \"writeback\" } }\nnetworks = { net0 = { bridge = \"vmbr0\", tag = 9 } }\nstarted = false\n";
    work.write(&vm(text));
    work.import("pve_vm.web", "100").await.succeeded();
    work.apply().await.succeeded();
    let said = work.plan().await;
    assert!(said.is_empty(), "{}", said.told());
    let has = |key: &str, parts: &[&str]| {
        let text = stored(&work.site, key).unwrap();
        assert!(parts.iter().all(|part| text.split(',').any(|has| has == *part)), "{text}");
    };
    has("agent", &["freeze-fs=1"]);
    has("cpu", &["max", "level=30"]);
    has("net0", &["virtio=BC:24:11:00:00:01", "tag=9", "host-tunnel=1"]);
    has("scsi0", &["product=x", "scsiblock=0", "cache=writeback"]);
    has("smbios1", &["uuid=9bf7b5a6-9a3c-4f0e-8e51-000000000001", "serial=UyAx"]);
    assert_eq!(stored(&work.site, "spice_enhancements").as_deref(), Some("foldersharing=1"));
    assert_eq!(work.instance("pve_vm.web")["attributes"]["uuid"], Json::from("9bf7b5a6-9a3c-4f0e-8e51-000000000001"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_boot_order_is_what_was_asked_for_also_where_pve_changes_it() {
    let mut work = cluster().await;
    let site = work.site.clone();
    let asked = format!("{SMALL}boot_order = [\"scsi0\"]\n");
    apply(&mut work, &asked).await;
    // PVE would put the new drive at the end.
    apply(&mut work, &format!("{asked}cdroms = {{ sata0 = {{}} }}\n")).await;
    assert_eq!(stored(&site, "boot").as_deref(), Some("order=scsi0"));
    // Left to PVE, its choice stands.
    let left = format!("{SMALL}cdroms = {{ sata0 = {{}}, sata1 = {{}} }}\n");
    apply(&mut work, &left).await;
    assert_eq!(stored(&site, "boot").as_deref(), Some("order=scsi0;sata1"));
}
