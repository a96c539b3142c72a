//! Whatever PVE takes can be written down: no limit is narrower than its own, and no text is refused that it was seen to
//! take, but for those that say why.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use terraform_plugin::Path;
use terraform_plugin::model::Model;
use terraform_plugin::schema::{Attribute, Kind, Rule, Test};
use terraform_plugin::value::{Type, Value};

use super::calls;
use crate::access::pool::Pool;
use crate::ceph::crush_rule::CrushRule;
use crate::ceph::osd::Osd;
use crate::ceph::pool::Pool as CephPool;
use crate::ha::resource::HaResource;
use crate::storage::rbd::StorageRbd;
use crate::vm::disk_move::VmDiskMove;
use crate::vm::vm::Vm;

/// How an attribute that can be set stands to PVE's parameter.
enum Stands {
    /// Its limits are those of this parameter, or of this part of it.
    As(&'static str),
    /// Its limits are others, and why.
    Unlike(&'static str, &'static str),
    /// The call has no parameter for it, and why.
    Apart(&'static str),
}

use Stands::{Apart, As, Unlike};

const OURS: &str = "what the provider itself goes by";
const MORE_COPIES: &str = "a pool that keeps more is adopted; PVE's limit is told before a write";
const NAMES_IN_CEPH: &str = "Ceph takes these characters only";

const POOL: &[(&str, Stands)] = &[("poolid", As("poolid")), ("comment", As("comment"))];

const CEPH_POOL: &[(&str, Stands)] = &[
    ("name", As("name")),
    ("size", Unlike("size", MORE_COPIES)),
    ("min_size", Unlike("min_size", MORE_COPIES)),
    ("crush_rule", As("crush_rule")),
    ("pg_num", As("pg_num")),
    ("pg_num_min", Unlike("pg_num_min", "0 and below are no number of groups; unset says that there is no least one")),
    ("pg_autoscale_mode", As("pg_autoscale_mode")),
    ("application", As("application")),
    ("target_size", Unlike("target_size", "0 is Ceph's word for unset")),
    ("target_size_ratio", As("target_size_ratio")),
    ("allow_destroy", Apart(OURS)),
    ("allow_single_copy", Apart(OURS)),
];

const OSD: &[(&str, Stands)] = &[
    ("node", As("node")),
    ("device.path", Unlike("dev", "a path as the list of disks has it; links are named by by_id")),
    ("device.by_id", Unlike("dev", "a link as the list of disks has it")),
    ("device.serial", Apart("PVE is told the path")),
    ("device.partition", Apart("PVE is told the path")),
    ("crush_device_class", Unlike("crush-device-class", NAMES_IN_CEPH)),
    ("in", Apart("PVE has calls for that")),
    ("encrypted", As("encrypted")),
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
    ("comment", As("comment")),
    ("allow_local", Apart(OURS)),
];

const STORAGE_RBD: &[(&str, Stands)] = &[
    ("storage", As("storage")),
    ("pool", As("pool")),
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

const VM: &[(&str, Stands)] = &[
    ("vmid", As("vmid")),
    ("name", As("name")),
    ("node", As("node")),
    ("pool", As("pool")),
    ("cores", As("cores")),
    ("sockets", As("sockets")),
    ("cpu", As("cpu")),
    ("memory", As("memory.current")),
    ("machine", As("machine.type")),
    ("bios", As("bios")),
    ("scsi_hardware", As("scsihw")),
    ("on_boot", As("onboot")),
    ("description", As("description")),
    ("tags", As("tags")),
    ("started", Apart("PVE has calls for that")),
    ("disks.size", As("scsi[n].size")),
    ("disks.storage", As("scsi[n].file")),
    ("disks.initial_storage", As("scsi[n].file")),
    ("disks.cache", As("scsi[n].cache")),
    ("disks.discard", As("scsi[n].discard")),
    ("disks.iothread", As("scsi[n].iothread")),
    ("disks.ssd", As("scsi[n].ssd")),
    ("networks.model", As("net[n].model")),
    ("networks.bridge", As("net[n].bridge")),
    ("networks.tag", As("net[n].tag")),
    ("networks.mac", As("net[n].macaddr")),
    ("networks.firewall", As("net[n].firewall")),
    ("cloud_init.storage", As("ide[n].file")),
    ("cloud_init.user", As("ciuser")),
    ("cloud_init.ssh_keys", As("sshkeys")),
    ("cloud_init.ip_config.ip", As("ipconfig[n]")),
    ("cloud_init.ip_config.gw", As("ipconfig[n]")),
    ("cloud_init.ip_config.ip6", As("ipconfig[n]")),
    ("cloud_init.ip_config.gw6", As("ipconfig[n]")),
    ("cloud_init.dns.servers", As("nameserver")),
    ("cloud_init.dns.domain", As("searchdomain")),
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
    let call = |path: &str| {
        assert!(!taken(path).is_empty(), "nothing was written below {path}");
        let of_call = |m: &&Json| m["path"] == path && m["method"] == "POST";
        Call {
            parameters: api["methods"].as_array().unwrap().iter().find(of_call).unwrap()["parameters"].clone(),
            taken: taken(path),
        }
    };
    let found = [
        compared::<Pool>(&call("/pools"), POOL),
        compared::<CephPool>(&call("/nodes/{node}/ceph/pool"), CEPH_POOL),
        compared::<CrushRule>(&Call::default(), CRUSH_RULE),
        compared::<Osd>(&call("/nodes/{node}/ceph/osd"), OSD),
        compared::<HaResource>(&call("/cluster/ha/resources"), HA_RESOURCE),
        compared::<StorageRbd>(&call("/storage"), STORAGE_RBD),
        compared::<Vm>(&call("/nodes/{node}/qemu"), VM),
        compared::<VmDiskMove>(&call("/nodes/{node}/qemu/{vmid}/move_disk"), VM_DISK_MOVE),
    ];
    let found = found.concat();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// PVE's own description of its calls.
pub(in crate::in_process) fn api() -> Json {
    let path = format!("{}/crates/pve-sim/truth/api.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What PVE takes in a call.
#[derive(Default)]
struct Call {
    /// As its schema says.
    parameters: Json,
    /// The texts that it was seen to take, there and in the calls below it. An empty one takes the value away.
    taken: BTreeMap<String, BTreeSet<String>>,
}

/// The texts that PVE was seen to take, by parameter; none where nothing was recorded.
pub(in crate::in_process) fn taken(template: &str) -> BTreeMap<String, BTreeSet<String>> {
    let below = |path: &str| {
        let mut segments = path.split('/');
        template.split('/').all(|own| segments.next().is_some_and(|its| own.starts_with('{') || own == its))
    };
    let mut taken = BTreeMap::<String, BTreeSet<String>>::new();
    for (_, call) in calls() {
        let request = &call["request"];
        let writes = request["method"] == "POST" || request["method"] == "PUT";
        if writes && call["status"] == 200 && below(request["path"].as_str().unwrap_or_default()) {
            for (name, value) in request["params"].as_object().into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if !text.is_empty() {
                    taken.entry(name.clone()).or_default().insert(text);
                }
            }
        }
    }
    taken
}

/// What is wrong with the limits of an object, and with the table about it.
fn compared<M: Model>(call: &Call, table: &[(&str, Stands)]) -> Vec<String> {
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
        match unlike {
            None => wrong.extend(differences),
            Some(why) if differences.is_empty() => {
                wrong.push(format!("{at} is like PVE's {parameter}, and the table says: {why}"));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// Whether a check refuses a text.
pub(in crate::in_process) fn refuses(test: &Test, text: &str) -> bool {
    match test {
        Test::Regex(pattern) => !pattern.regex().unwrap().is_match(text),
        Test::OneOf(words) => !words.iter().any(|word| word.as_str() == Some(text)),
        Test::Custom(run) => run(&Value::from(text)).is_err(),
        _ => false,
    }
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

/// Where a check draws another line than PVE. What PVE calls a format is code, and cannot be compared; nor can a function of
/// ours, except with the words that PVE names.
pub(in crate::in_process) fn differs(test: &Test, theirs: &Json) -> Option<String> {
    let limit =
        |name: &str| theirs[name].as_str().map(str::to_owned).or_else(|| theirs[name].as_i64().map(|n| n.to_string()));
    let words = || theirs["enum"].as_array().into_iter().flatten().filter_map(Json::as_str);
    match test {
        Test::Range(low, high) => {
            let ours = (low.as_ref().map(ToString::to_string), high.as_ref().map(ToString::to_string));
            let pves = (limit("minimum"), limit("maximum"));
            (ours != pves).then(|| format!("PVE has {:?} to {:?}", pves.0, pves.1))
        }
        // An empty text is no value to either.
        Test::Length(Some(0 | 1) | None, None) => None,
        Test::Length(least, most) => {
            let same = least.is_none_or(|least| least <= 1) && limit("maxLength") == most.map(|most| most.to_string());
            (!same).then(|| format!("PVE has {:?}", limit("maxLength")))
        }
        Test::Regex(_) if theirs["format"].is_string() => None,
        Test::Regex(pattern) => {
            let bare = |text: &str| {
                let text = text.strip_prefix("(?^:").and_then(|text| text.strip_suffix(')')).unwrap_or(text);
                text.trim_start_matches('^').trim_end_matches('$').to_owned()
            };
            let pves = theirs["pattern"].as_str().map(bare);
            (pves.as_ref() != Some(&bare(pattern.as_str()))).then(|| format!("PVE has the pattern {pves:?}"))
        }
        Test::OneOf(ours) => {
            let missing: Vec<_> = words().filter(|word| !ours.iter().any(|ours| ours.as_str() == Some(word))).collect();
            (!missing.is_empty()).then(|| format!("PVE has {missing:?} too"))
        }
        Test::Custom(run) => {
            let refused: Vec<_> = words().filter(|word| run(&Value::from(*word)).is_err()).collect();
            (!refused.is_empty()).then(|| format!("PVE has {refused:?} too"))
        }
        Test::Each(check) => differs(&check.test, theirs),
        Test::Together(..) => None,
    }
}
