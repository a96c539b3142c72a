//! What is written and what is read back are one form: whatever a configuration says of an attribute, it is refused before
//! anything is written, or it is there afterwards and nothing more is planned.

use serde_json::{Value as Json, json};
use terraform_plugin::model::Model;
use terraform_plugin::schema::{Attribute, Kind, Nesting, Rule};
use terraform_plugin::value::Type;

use super::{Kept, Rig};
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
use crate::ha::group::HaGroup;
use crate::ha::resource::HaResource;
use crate::ha::rule::nodes::HaRuleNodeAffinity;
use crate::ha::rule::together::HaRuleResourceAffinity;
use crate::job::replication::Replication;
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

/// Texts that programs on the way take apart, cut or fold.
const TEXTS: [&str; 22] = [
    "",
    " ",
    "\n",
    "a",
    "A",
    "a ",
    " a",
    "a\n",
    "a\nb",
    "a\r\nb",
    "a b",
    "a,b",
    "a;b",
    "a=b",
    "a:b",
    "a/b",
    "a%20b",
    "\u{e4}",
    "host,hidden=on",
    "192.0.2.7",
    "home.lan,example.org",
    "ssh-ed25519 AAAA a@x\nssh-ed25519 BBBB b@x\n",
];

/// The same, put together at random.
fn text(random: &mut fastrand::Rng) -> String {
    const PARTS: [&str; 16] =
        ["a", "B", "0", ".", "-", "_", " ", ",", ";", "=", ":", "\n", "\t", "\u{e4}", "192.0.2.1", "dhcp"];
    (0..random.usize(1..6)).map(|_| PARTS[random.usize(..PARTS.len())]).collect()
}

/// A value of that type, whose texts are `text`.
fn made_of(ty: &Type, texts: &[String], random: &mut fastrand::Rng) -> Json {
    match ty {
        Type::String => json!(texts[0]),
        Type::Bool => json!(random.bool()),
        Type::Number => json!(random.u32(1..4)),
        Type::List(of) | Type::Set(of) => {
            let elements = texts.iter().map(|text| made_of(of, std::slice::from_ref(text), random));
            elements.collect()
        }
        // By a word that folders of storages are known by, and others take as well.
        Type::Map(of) => json!({ "iso": made_of(of, texts, random) }),
        other => panic!("no attribute is of type {other:?}"),
    }
}

/// The first element of a list, on the way to a leaf.
const FIRST: &str = "[0]";

/// Every leaf of a schema, as the keys that lead to it. `key` names an element of a map.
fn leaves<'a>(attributes: &'a [Attribute], key: &dyn Fn(&str) -> &'static str) -> Vec<(Vec<String>, &'a Attribute)> {
    let mut found = Vec::new();
    let can_be_set = |attribute: &&Attribute| attribute.rule != Rule::Computed && attribute.name != "timeouts";
    for attribute in attributes.iter().filter(can_be_set) {
        let name = attribute.name.clone();
        match &attribute.kind {
            Kind::Plain(_) => found.push((vec![name], attribute)),
            Kind::Nested(nesting, inner) => {
                let element = match nesting {
                    Nesting::Single => None,
                    Nesting::List | Nesting::Set => Some(FIRST.to_owned()),
                    Nesting::Map => Some(key(&name).to_owned()),
                };
                found.push((vec![name.clone()], attribute));
                for (path, leaf) in leaves(inner, key) {
                    let path = [name.clone()].into_iter().chain(element.clone()).chain(path).collect();
                    found.push((path, leaf));
                }
            }
        }
    }
    found
}

fn set(config: &mut Json, path: &[String], value: Json) {
    let mut here = config;
    for step in path {
        if step == FIRST {
            if here.as_array().is_none_or(Vec::is_empty) {
                *here = json!([null]);
            }
            here = &mut here[0];
            continue;
        }
        if here.is_null() {
            *here = json!({});
        }
        here = &mut here[step.as_str()];
    }
    *here = value;
}

/// How the trial of one configuration went.
#[derive(Debug, PartialEq)]
enum Outcome {
    Refused,
    Done,
}

/// Brings the object from what it is to a configuration, and looks whether that is a form to stay in.
async fn tried<M: Model>(rig: &Rig, kept: &mut Kept<M>, config: &Json) -> Result<Outcome, String> {
    let Ok(()) = rig.validate::<M>(config).await else { return Ok(Outcome::Refused) };
    let Ok(planned) = rig.plan(Some(kept), config).await else { return Ok(Outcome::Refused) };
    if planned.replaces {
        return Ok(Outcome::Refused);
    }
    let before = rig.read(kept).await.map_err(|errors| format!("read before: {errors:?}"))?;
    let now = match rig.apply(planned).await {
        Ok((now, _)) => now,
        Err(errors) => {
            let after = rig.read(kept).await.map_err(|errors| format!("read after a refusal: {errors:?}"))?;
            return match after.state == before.state {
                true => Ok(Outcome::Refused),
                false => Err(format!(
                    "refused with {errors:?}, and something was written: {:?} was {:?}",
                    after.state, before.state
                )),
            };
        }
    };
    let seen = rig.read(&now).await.map_err(|errors| format!("read: {errors:?}"))?;
    let again = rig.plan(Some(&seen), config).await.map_err(|errors| format!("plan: {errors:?}"))?;
    *kept = seen;
    match again.is_empty() {
        true => Ok(Outcome::Done),
        false => Err(format!("is planned for ever: {:?} becomes {:?}", again.prior, again.planned)),
    }
}

/// Tries every attribute with every text, and some more; how many stayed.
pub(super) async fn every_form<M: Model>(
    rig: &Rig,
    base: &Json,
    key: &dyn Fn(&str) -> &'static str,
    also: &[(&str, Json)],
) -> usize {
    let (kept, _) = rig.bring::<M>(None, base).await.unwrap();
    every_form_of(rig, kept, base, key, also).await
}

/// The same with an object that is there already.
async fn every_form_of<M: Model>(
    rig: &Rig,
    mut kept: Kept<M>,
    base: &Json,
    key: &dyn Fn(&str) -> &'static str,
    also: &[(&str, Json)],
) -> usize {
    let schema = M::schema();
    let mut random = fastrand::Rng::with_seed(7);
    let mut done = 0;
    let mut wrong = Vec::new();
    let mut trials: Vec<(String, Json)> = Vec::new();
    for (path, attribute) in leaves(&schema.attributes, key) {
        let name = path.join(".");
        let mut with = |value: Json| {
            let mut config = base.clone();
            set(&mut config, &path, value.clone());
            trials.push((format!("{name} = {value}"), config));
        };
        match &attribute.kind {
            Kind::Nested(Nesting::List | Nesting::Set, _) => {
                with(json!([]));
                with(json!([{}]));
            }
            Kind::Nested(..) => with(json!({})),
            Kind::Plain(ty) => {
                let elements = matches!(ty, Type::List(_) | Type::Set(_));
                if elements {
                    with(json!([]));
                }
                if matches!(ty, Type::Bool | Type::Number) {
                    with(made_of(ty, &[], &mut random));
                    continue;
                }
                let texts = TEXTS.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
                let more = (0..8).map(|_| text(&mut random)).collect::<Vec<_>>();
                for text in texts.iter().chain(&more) {
                    with(made_of(ty, std::slice::from_ref(text), &mut random));
                }
                if elements {
                    for pair in [["A", "a"], ["a b", "c"], ["", "a"], ["192.0.2.1 192.0.2.2", "192.0.2.3"]] {
                        with(made_of(ty, &pair.map(str::to_owned), &mut random));
                    }
                }
            }
        }
    }
    for (path, value) in also {
        let mut config = base.clone();
        set(&mut config, &path.split('.').map(str::to_owned).collect::<Vec<_>>(), value.clone());
        trials.push((format!("{path} = {value}"), config));
    }
    for (what, config) in trials {
        match tried(rig, &mut kept, &config).await {
            Ok(Outcome::Done) => done += 1,
            Ok(Outcome::Refused) => {}
            Err(why) => wrong.push(format!("{what}: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{} forms of {}:\n{}", wrong.len(), M::NAME, wrong.join("\n"));
    done
}

pub(super) fn no_maps(name: &str) -> &'static str {
    panic!("{name} is no map that this test knows")
}

const CEPH: &str = "
ceph: {stage: ready}
storages:
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images]}
guests:
  - {vmid: 100, node: pve1, name: a, config: {memory: '512', scsi0: 'local-lvm:1'}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines() {
    let rig = Rig::of("{}").await;
    let base = json!({
        "vmid": 131, "name": "web", "node": "pve1",
        "disks": { "scsi0": { "size": "1G", "storage": "local-lvm" } },
        "networks": { "net0": { "bridge": "vmbr0", "mac": "BC:24:11:00:00:01" } },
        "cloud_init": { "storage": "local-lvm" },
        "allow_destroy": true,
    });
    let key = |name: &str| match name {
        "disks" => "scsi0",
        "networks" | "ip_config" => "net0",
        "cdroms" => "ide0",
        "numa_nodes" => "numa0",
        "serial" => "serial0",
        "usb" => "usb0",
        "pci" => "hostpci0",
        "virtiofs" => "virtiofs0",
        other => no_maps(other),
    };
    let also = [
        ("cpu", json!("cputype=host,hidden=on")),
        ("cpu", json!("host,hidden=1")),
        ("machine", json!("q35,viommu=intel")),
        ("machine", json!("pc-q35-9.2")),
        ("tags", json!(["Web", "prod"])),
        ("description", json!("two\nlines \n\n")),
        ("description", json!(" begins with a blank")),
        ("disks.scsi0.size", json!("1024M")),
        ("disks.scsi0.size", json!("1025M")),
        ("disks.scsi0.size", json!(32)),
        ("disks.scsi0.size", json!("2147483648")),
        ("networks.net0.mac", json!("bc:24:11:00:00:01")),
        ("networks.net0.bridge", json!("vmbr0,tag=5")),
        ("cloud_init.ip_config.net0", json!({ "ip": "dhcp", "ip6": "2001:DB8::5/64", "gw6": "2001:db8::1" })),
        ("cloud_init.ip_config.net0", json!({ "ip": "192.0.2.5/24 " })),
        ("cloud_init.ip_config.net0", json!({ "gw": "192.0.2.1" })),
        ("cloud_init.dns.servers", json!(["192.0.2.1 192.0.2.53"])),
        ("cloud_init.dns.servers", json!(["192.0.2.1 "])),
        ("cloud_init.dns.domain", json!("home.lan;example.org ")),
        ("cloud_init.ssh_keys", json!(["ssh-ed25519 AAAA a@x\nssh-ed25519 BBBB b@x\n", "ssh-ed25519 BBBB b@x"])),
    ];
    let done = every_form::<Vm>(&rig, &base, &key, &also).await;
    assert!(done > 60, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_are_made_in_the_form_that_they_stay_in() {
    let rig = Rig::of("{}").await;
    let on = |ci: Json| json!({ "vmid": 151, "cloud_init": ci, "allow_destroy": true });
    for config in [
        on(json!({ "storage": "local-lvm", "ssh_keys": ["ssh-ed25519 AAAA a@x\nssh-ed25519 BBBB b@x\n"] })),
        on(json!({ "storage": "local-lvm", "dns": { "servers": ["192.0.2.1 192.0.2.53"] } })),
        on(json!({ "storage": "local-lvm", "dns": { "domain": "home.lan,example.org" } })),
        on(json!({ "dns": {}, "ip_config": {}, "ssh_keys": [] })),
        on(json!({ "dns": { "servers": [""], "domain": "" }, "ssh_keys": ["\n"] })),
        on(json!({})),
        json!({ "vmid": 151, "tags": [], "description": "  \n", "disks": {}, "networks": {}, "allow_destroy": true }),
        json!({ "vmid": 151, "cpu": "cputype=host", "machine": "type=q35", "allow_destroy": true }),
    ] {
        let (made, said) = rig.bring::<Vm>(None, &config).await.unwrap();
        assert!(said.is_empty(), "{config}: {said:?}");
        let seen = rig.read(&made).await.unwrap();
        let again = rig.plan(Some(&seen), &config).await.unwrap();
        assert!(again.is_empty(), "{config}: {:?} becomes {:?}", again.prior, again.planned);
        // The same from an import, once what is local was applied.
        let imported = rig.import::<Vm>("151").await.unwrap();
        let (adopted, _) = rig.bring(Some(&imported), &config).await.unwrap();
        assert!(rig.plan(Some(&adopted), &config).await.unwrap().is_empty(), "{config}");
        rig.destroy(&seen).await.unwrap();
    }
    let refused = rig.validate::<Vm>(&on(json!({ "ip_config": { "net0": {} } }))).await.unwrap_err();
    assert!(refused[0].contains("No address for net0"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers() {
    let rig = Rig::of(super::containers::SHAPE).await;
    let key = |name: &str| match name {
        "networks" => "net0",
        "devices" => "dev0",
        "mount_points" => "mp0",
        other => no_maps(other),
    };
    let base = json!({
        "vmid": 150, "template_file": "local:vztmpl/debian-13_amd64.tar.zst", "allow_destroy": true, "hostname": "x",
        "rootfs": { "storage": "local-lvm", "size": "1G" },
        "networks": { "net0": { "name": "eth0", "bridge": "vmbr0" } },
    });
    let also = [
        ("networks.net0.ip", json!("192.0.2.5/24")),
        ("networks.net0.mac", json!("bc:24:11:00:00:01")),
        ("env", json!({ "A": "1" })),
        ("entrypoint", json!("/bin/sh -c x")),
        ("dns", json!({ "servers": ["192.0.2.1"], "domain": "a.b c.d" })),
        ("features", json!({ "nesting": true, "mount": "nfs;cifs" })),
        ("description", json!("one\ntwo\n")),
        ("cpu_limit", json!(1.5)),
    ];
    let done = every_form::<Container>(&rig, &base, &key, &also).await;
    assert!(done > 15, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_and_their_storages() {
    let rig = Rig::of(CEPH).await;
    let pool = json!({ "name": "vm", "allow_destroy": true });
    let also = [
        ("target_size", json!("1024M")),
        ("target_size", json!("1.5K")),
        ("target_size", json!(32)),
        ("target_size", json!("0")),
        ("target_size_ratio", json!(0)),
        ("target_size_ratio", json!(0.1)),
    ];
    let done = every_form::<CephPool>(&rig, &pool, &no_maps, &also).await;
    assert!(done > 5, "only {done} forms were accepted");
    let erasure = json!({ "name": "cold", "k": 2, "m": 1, "data_pg_num": 8, "allow_destroy": true });
    let also = [("data_pg_num", json!(16)), ("metadata_crush_rule", json!("replicated_rule"))];
    let done = every_form::<ErasurePool>(&rig, &erasure, &no_maps, &also).await;
    assert!(done > 5, "only {done} forms were accepted");
    let storage = json!({ "storage": "ceph-vm", "pool": "vm" });
    let also = [("nodes", json!(["pve1,pve2"])), ("nodes", json!(["pve1", "pve2"])), ("content", json!(["images"]))];
    let done = every_form::<StorageRbd>(&rig, &storage, &no_maps, &also).await;
    assert!(done > 3, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn file_systems() {
    let rig = Rig::of("ceph: {stage: ready, mdss: [pve1, pve2]}").await;
    let files = json!({ "name": "files", "allow_destroy": true });
    let also = [("data_pg_num", json!(16)), ("metadata_crush_rule", json!("replicated_rule"))];
    let done = every_form::<CephFilesystem>(&rig, &files, &no_maps, &also).await;
    assert!(done > 5, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_and_osds() {
    let rig = Rig::of(CEPH).await;
    let rule = json!({ "name": "r", "failure_domain": "osd" });
    let also = [("failure_domain", json!("host")), ("root", json!("default")), ("device_class", json!("ssd"))];
    let done = every_form::<CrushRule>(&rig, &rule, &no_maps, &also).await;
    assert_eq!(done, 3);
    let bucket = json!({ "name": "here", "type": "rack" });
    let also = [("hosts", json!(["pve1"])), ("hosts", json!([])), ("parent", json!("default"))];
    let done = every_form::<CrushBucket>(&rig, &bucket, &no_maps, &also).await;
    assert!(done > 2, "only {done} forms were accepted");
    let osd = rig.import::<Osd>("0").await.unwrap();
    let text = terraform_plugin::value::json::encode(&osd.state, &super::ty::<Osd>()).unwrap();
    let found: Json = serde_json::from_str(&text).unwrap();
    let base = json!({ "node": found["node"], "device": found["device"] });
    let also = [("wipe_if", json!(["ext4"])), ("crush_device_class", json!("nvme"))];
    let done = every_form_of::<Osd>(&rig, osd, &base, &no_maps, &also).await;
    assert!(done > 3, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_under_ha_and_moved_disks() {
    let rig = Rig::of(CEPH).await;
    let base = json!({ "sid": "vm:100", "state": "ignored", "allow_local": true });
    let done = every_form::<HaResource>(&rig, &base, &no_maps, &[]).await;
    assert!(done > 10, "only {done} forms were accepted");
    let base = json!({ "vmid": 100, "disk": "scsi0", "storage": "local-lvm" });
    let also = [("bandwidth_limit", json!("10 MiB/s")), ("detach_after", json!("90s"))];
    let done = every_form::<VmDiskMove>(&rig, &base, &no_maps, &also).await;
    assert!(done > 2, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_and_templates() {
    let rig = Rig::of(CEPH).await;
    let base = json!({ "vmid": 100, "name": "before" });
    let also = [
        ("description", json!("two\nlines \n\n")),
        ("description", json!(" begins with a blank")),
        ("vmstate", json!(true)),
    ];
    let done = every_form::<Snapshot>(&rig, &base, &no_maps, &also).await;
    assert!(done > 10, "only {done} forms were accepted");
    // There is nothing to be said of a template but whose it is.
    let rig = Rig::of("guests: [{vmid: 100, node: pve1}]").await;
    assert_eq!(every_form::<Template>(&rig, &json!({ "vmid": 100 }), &no_maps, &[]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daemons_and_flags() {
    let rig = Rig::of("ceph: {stage: ready, mons: [pve1], mgrs: [pve1], mdss: [pve1]}").await;
    let done = every_form::<CephFlags>(&rig, &json!({ "noout": true }), &no_maps, &[]).await;
    assert!(done > 10, "only {done} forms were accepted");
    // Whatever is said of these makes another one, so that what PVE takes is said as well.
    let on = json!({ "node": "pve2" });
    let also = [("name", json!("pve2"))];
    assert_eq!(every_form::<CephManager>(&rig, &on, &no_maps, &also).await, 1);
    assert_eq!(every_form::<CephMetadataServer>(&rig, &on, &no_maps, &also).await, 1);
    let also = [("name", json!("pve2")), ("address", json!("10.0.0.2"))];
    assert_eq!(every_form::<CephMonitor>(&rig, &on, &no_maps, &also).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceph_as_a_whole() {
    let rig = Rig::of("ceph: {stage: none}").await;
    let packages = json!({ "node": "pve1", "release": "tentacle", "repository": "no-subscription" });
    // Nothing of it can be changed but where packages come from.
    every_form::<CephInstall>(&rig, &packages, &no_maps, &[]).await;
    let rig = Rig::of("ceph: {stage: installed}").await;
    let also = [("network", json!("10.0.0.0/24")), ("cluster_network", json!("10.2.0.0/24"))];
    let base = json!({ "network": "10.0.0.0/8" });
    let done = every_form::<CephCluster>(&rig, &base, &no_maps, &also).await;
    assert!(done >= 1, "only {done} forms were accepted");
    let rig = Rig::of("ceph: {stage: ready}").await;
    let base = json!({ "who": "osd", "option": "osd_max_backfills", "value": "2" });
    let done = every_form::<CephConfig>(&rig, &base, &no_maps, &[("value", json!("3"))]).await;
    assert!(done >= 1, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_with_authorities() {
    let rig = Rig::of("{}").await;
    let base = json!({
        "name": "ours",
        "contact": ["a@lab.example"],
        "directory": "https://ca.example.com/directory",
        "tos_url": "https://ca.example.com/terms",
        "allow_destroy": true,
    });
    // Whatever else is said of it makes another one.
    let also = [("contact", json!(["b@lab.example", "a@lab.example"])), ("contact", json!(["B+c@lab-1.example"]))];
    let done = every_form::<AcmeAccount>(&rig, &base, &no_maps, &also).await;
    assert!(done > 2, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions() {
    let rig = Rig::of("ceph: {stage: none}").await;
    let base = json!({ "node": "pve1", "disk": "SIM0101", "label": "osd", "size": "10G", "create_table": true });
    // Whatever is said of it makes another one, unless it is the same size in other words.
    let also = [("size", json!("10240M")), ("create_table", json!(false))];
    let done = every_form::<DiskPartition>(&rig, &base, &no_maps, &also).await;
    assert!(done >= 2, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_services_of_nodes() {
    let rig = Rig::of("ssh: true").await;
    let base = json!({ "node": "pve1", "path": "/etc/sysctl.d/70-lan.conf", "content": "" });
    let also = [("mode", json!("0400")), ("owner", json!("nobody")), ("group", json!("nogroup"))];
    let done = every_form::<NodeFile>(&rig, &base, &no_maps, &also).await;
    assert!(done > 20, "only {done} forms were accepted");
    let base = json!({ "node": "pve1", "unit": "rsync.service", "running": true });
    let key = |_: &str| "config";
    let done = every_form::<NodeService>(&rig, &base, &key, &[("restarted_by", json!({ "a": "b\nc" }))]).await;
    assert!(done > 3, "only {done} forms were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_on_storages() {
    let index = "appliances: [{template: a_1.tar.zst, location: 'http://a.example/a_1.tar.zst'}]";
    let storages =
        "storages: [{storage: local, type: dir, path: /var/lib/vz, content: [iso, vztmpl, import, snippets]}]";
    let rig = Rig::of(&format!("ssh: true\n{index}\n{storages}")).await;
    let on = |more: Json| {
        let mut base = json!({ "node": "pve1", "storage": "local" });
        base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        base
    };
    // Most of what is said of a file makes it another one.
    let base = on(json!({ "content": "iso", "url": "http://a.example/a.iso" }));
    let also = [("verify_certificates", json!(false)), ("replace_if_changed", json!(true))];
    let done = every_form::<StorageDownload>(&rig, &base, &no_maps, &also).await;
    assert!(done >= 2, "only {done} forms were accepted");
    let base = on(json!({ "content": "snippets", "file_name": "a.yaml", "data": "" }));
    let done = every_form::<StorageFile>(&rig, &base, &no_maps, &[("data", json!("a\nb"))]).await;
    assert!(done > 5, "only {done} forms were accepted");
    let base = on(json!({ "reference": "docker.io/library/nginx:latest" }));
    every_form::<OciImage>(&rig, &base, &no_maps, &[]).await;
    every_form::<ApplianceTemplate>(&rig, &on(json!({ "template": "a_1.tar.zst" })), &no_maps, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters() {
    let link = |_: &str| "0";
    let rig = Rig::of("nodes: [{name: pve1, single: true}, {name: pve2, single: true}]").await;
    let done = every_form::<Cluster>(&rig, &json!({ "name": "lab", "node": "pve1" }), &link, &[]).await;
    assert!(done >= 10, "only {done} forms were accepted");
    let rig = Rig::of("nodes: [{name: pve1}, {name: pve2}, {name: pve3, single: true}]").await;
    let done = every_form::<ClusterMember>(&rig, &json!({ "node": "pve3" }), &link, &[]).await;
    assert!(done >= 10, "only {done} forms were accepted");
}

/// Whoever adds a resource tries its forms here; those of plain objects are tried with their lives.
#[test]
fn no_resource_is_left_out() {
    let tried = [
        super::type_name::<AcmeAccount>(),
        super::type_name::<CephCluster>(),
        super::type_name::<CephConfig>(),
        super::type_name::<ErasurePool>(),
        super::type_name::<CephFilesystem>(),
        super::type_name::<CephFlags>(),
        super::type_name::<CephInstall>(),
        super::type_name::<CephManager>(),
        super::type_name::<CephMetadataServer>(),
        super::type_name::<CephMonitor>(),
        super::type_name::<CephPool>(),
        super::type_name::<Cluster>(),
        super::type_name::<ClusterMember>(),
        super::type_name::<CrushBucket>(),
        super::type_name::<CrushRule>(),
        super::type_name::<DiskPartition>(),
        super::type_name::<HaGroup>(),
        super::type_name::<HaResource>(),
        super::type_name::<HaRuleNodeAffinity>(),
        super::type_name::<HaRuleResourceAffinity>(),
        super::type_name::<NodeFile>(),
        super::type_name::<NodeService>(),
        super::type_name::<Osd>(),
        super::type_name::<Replication>(),
        super::type_name::<Snapshot>(),
        super::type_name::<ApplianceTemplate>(),
        super::type_name::<OciImage>(),
        super::type_name::<StorageDownload>(),
        super::type_name::<StorageFile>(),
        super::type_name::<StorageRbd>(),
        super::type_name::<Container>(),
        super::type_name::<Template>(),
        super::type_name::<Vm>(),
        super::type_name::<VmDiskMove>(),
    ];
    let offered = super::resources(false);
    let mut tried = tried.to_vec();
    tried.sort();
    assert_eq!(offered, tried);
}
