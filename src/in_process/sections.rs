//! Every plain object is what PVE's own description of its calls says: the calls exist, each attribute is a parameter of the
//! same type, no limit is narrower, what only a creation takes replaces, and what is left out is left out on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::Value as Json;
use terraform_plugin::schema::{Attribute, Kind, Nesting, Rule};
use terraform_plugin::value::Type;
use terraform_plugin::{Job, Key, Need};

use super::described::{api, differs, let_through, refuses, taken};
use crate::access::group::Group;
use crate::access::pool::Pool;
use crate::access::realm::ad::RealmAd;
use crate::access::realm::builtin::Realm;
use crate::access::realm::ldap::RealmLdap;
use crate::access::realm::openid::RealmOpenid;
use crate::access::realm::sync_job::RealmSyncJob;
use crate::access::role::Role;
use crate::access::token::Token;
use crate::access::user::User;
use crate::acme::plugin::AcmePlugin;
use crate::cluster::options::ClusterOptions;
use crate::firewall::options::{FirewallOptions, of_place};
use crate::ha::group::HaGroup;
use crate::ha::rule::nodes::HaRuleNodeAffinity;
use crate::ha::rule::together::HaRuleResourceAffinity;
use crate::job::backup::BackupJob;
use crate::job::replication::Replication;
use crate::mapping::dir::MappingDir;
use crate::mapping::pci::MappingPci;
use crate::mapping::usb::MappingUsb;
use crate::metrics::graphite::MetricServerGraphite;
use crate::metrics::influxdb::MetricServerInfluxdb;
use crate::metrics::opentelemetry::MetricServerOpentelemetry;
use crate::node::config::NodeConfig;
use crate::node::dns::NodeDns;
use crate::node::hosts::NodeHosts;
use crate::node::time::NodeTime;
use crate::notification::gotify::NotificationGotify;
use crate::notification::matcher::NotificationMatcher;
use crate::notification::sendmail::NotificationSendmail;
use crate::notification::smtp::NotificationSmtp;
use crate::notification::webhook::NotificationWebhook;
use crate::section::{Family, Made, Section};
use crate::storage::btrfs::StorageBtrfs;
use crate::storage::cephfs::StorageCephfs;
use crate::storage::cifs::StorageCifs;
use crate::storage::dir::StorageDir;
use crate::storage::esxi::StorageEsxi;
use crate::storage::iscsi::StorageIscsi;
use crate::storage::iscsidirect::StorageIscsidirect;
use crate::storage::lvm::StorageLvm;
use crate::storage::lvmthin::StorageLvmthin;
use crate::storage::nfs::StorageNfs;
use crate::storage::pbs::StoragePbs;
use crate::storage::rbd::StorageRbd;
use crate::storage::zfs::StorageZfs;
use crate::storage::zfspool::StorageZfspool;

/// What every section was compared with.
/// Parameters that depend on the value of another one stand among the others, and so does that one.
fn with_variants(mut api: Json) -> Json {
    for method in api["methods"].as_array_mut().unwrap() {
        for choice in method["oneOf"].as_array().cloned().unwrap_or_default() {
            let parameters = method["parameters"].as_object_mut().unwrap();
            parameters.insert(choice["by"].as_str().unwrap().to_owned(), serde_json::json!({ "type": "string" }));
            let variants = choice["variants"].as_object().unwrap().values();
            parameters.extend(variants.flat_map(|variant| variant.as_object().unwrap().clone()));
        }
    }
    api
}

fn compared() -> Held {
    let mut held = Held { api: with_variants(api()), ..Held::default() };
    held.section::<AcmePlugin>();
    held.section::<BackupJob>();
    held.section::<ClusterOptions>();
    for (place, path) in [
        ("cluster", "cluster/firewall/options"),
        ("node/pve1", "nodes/{node}/firewall/options"),
        ("vm/101", "nodes/{node}/qemu/{vmid}/firewall/options"),
        ("ct/101", "nodes/{node}/lxc/{vmid}/firewall/options"),
    ] {
        held.section_at::<FirewallOptions>(path, |name| name == "place" || of_place(place).contains(&name));
    }
    held.section::<Group>();
    held.section::<HaGroup>();
    held.section::<HaRuleNodeAffinity>();
    held.section::<HaRuleResourceAffinity>();
    held.section::<MappingDir>();
    held.section::<MappingPci>();
    held.section::<MappingUsb>();
    held.section::<MetricServerGraphite>();
    held.section::<MetricServerInfluxdb>();
    held.section::<MetricServerOpentelemetry>();
    held.section::<NodeConfig>();
    held.section::<NodeDns>();
    held.section::<NodeHosts>();
    held.section::<NodeTime>();
    held.section::<NotificationGotify>();
    held.section::<NotificationMatcher>();
    held.section::<NotificationSendmail>();
    held.section::<NotificationSmtp>();
    held.section::<NotificationWebhook>();
    held.section::<Pool>();
    held.section::<Realm>();
    held.section::<RealmAd>();
    held.section::<RealmLdap>();
    held.section::<RealmOpenid>();
    held.section::<RealmSyncJob>();
    held.section::<Replication>();
    held.section::<Role>();
    held.section::<Token>();
    held.section::<User>();
    held.section::<StorageBtrfs>();
    held.section::<StorageCephfs>();
    held.section::<StorageCifs>();
    held.section::<StorageDir>();
    held.section::<StorageEsxi>();
    held.section::<StorageIscsi>();
    held.section::<StorageIscsidirect>();
    held.section::<StorageLvm>();
    held.section::<StorageLvmthin>();
    held.section::<StorageNfs>();
    held.section::<StoragePbs>();
    held.section::<StorageRbd>();
    held.section::<StorageZfs>();
    held.section::<StorageZfspool>();
    held.nothing_is_left_out();
    held
}

#[test]
fn every_section_is_as_pve_has_it() {
    let wrong = compared().wrong;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a resource is compared here. What is no section has calls of its own, and a table in `adopted/limits.rs`.
pub(super) fn is_held_as_a_section(name: &str) -> bool {
    static SEEN: OnceLock<BTreeSet<String>> = OnceLock::new();
    SEEN.get_or_init(|| compared().seen).contains(name)
}

/// What was compared.
#[derive(Default)]
struct Held {
    api: Json,
    wrong: Vec<String>,
    seen: BTreeSet<String>,
    /// By collection: what PVE's calls take, and what is offered or left out. Several types share one collection.
    offered: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
}

impl Held {
    fn method(&self, method: &str, path: &str) -> Option<&Json> {
        self.api["methods"].as_array().unwrap().iter().find(|m| m["path"] == path && m["method"] == method)
    }

    /// The parameters of a call; none if there is no such call.
    fn call(&self, method: &str, path: &str) -> Option<&Json> {
        self.method(method, path).map(|m| &m["parameters"])
    }

    /// What a call demands that nobody is told of.
    fn untold<S: Section>(&self, method: &str, path: &str) -> Vec<String> {
        let check = self.method(method, path).map_or(&Json::Null, |m| &m["permissions"]["check"]);
        let told: Vec<Need> = S::needs().into_iter().filter(|need| need.job == Job::Apply).collect();
        // Whatever a need names as enough is.
        let is_told = |enough: &Vec<(String, String)>| {
            let has = |need: &Need, one: &str| {
                let at = enough.iter().filter(|(path, _)| unnamed(need.path) == unnamed(path));
                at.map(|(_, privilege)| privilege).any(|privilege| one.split(" and ").any(|part| part == privilege))
            };
            told.iter().any(|need| !need.any.is_empty() && need.any.iter().all(|one| has(need, one)))
        };
        let untold = demanded(check).into_iter().filter(|any| !is_told(any));
        untold.map(|any| format!("{method} {path} takes one of {any:?}, which `needs` does not tell")).collect()
    }

    fn section<S: Section>(&mut self) {
        self.section_at::<S>(S::FAMILY.path, |_| true);
    }

    /// The same in one of several places, which has some of the attributes.
    fn section_at<S: Section>(&mut self, path: &str, has: impl Fn(&str) -> bool) {
        let name = super::type_name::<S>();
        let Family { made, posted, in_parameters, .. } = S::FAMILY;
        let everywhere = path == S::FAMILY.path;
        let collection = format!("/{path}");
        let below = |m: &Json| {
            let rest = m["path"].as_str()?.strip_prefix(&format!("{collection}/"))?;
            (rest.starts_with('{') && !rest.contains('/')).then(|| m["path"].as_str().unwrap().to_owned())
        };
        let single = made == Made::Already;
        let one = self.api["methods"].as_array().unwrap().iter().find_map(below);
        let one = if single || in_parameters { Some(collection.clone()) } else { one };
        let one = one.unwrap_or_else(|| panic!("{name}: PVE has nothing below {collection}"));
        let (verb, made_at) = match made {
            Made::InTheCollection => ("POST", &collection),
            Made::InItsPlace => ("POST", &one),
            // It is made by being changed.
            Made::Already => (if posted { "POST" } else { "PUT" }, &one),
        };
        for (method, at) in [("GET", &collection), ("GET", &one), ("DELETE", &one)] {
            if self.call(method, at).is_some() == (single && method == "DELETE") {
                self.wrong.push(format!("{name}: {method} {at} is there, or is not"));
            }
        }
        let post = self.call(verb, made_at).unwrap_or_else(|| panic!("{name}: no {verb} {made_at}")).clone();
        let change = if posted { "POST" } else { "PUT" };
        let put = self.call(change, &one).unwrap_or_else(|| panic!("{name}: no {change} {one}")).clone();
        let seen = taken(&collection);

        let mut wrong: Vec<String> = [(verb, made_at), (change, &one), ("DELETE", &one)]
            .into_iter()
            .flat_map(|(method, at)| self.untold::<S>(method, at))
            .map(|why| format!("{name}: {why}"))
            .collect();
        let mut offered: BTreeSet<String> = S::FAMILY.fixed.iter().map(|(name, _)| (*name).to_owned()).collect();
        let attributes = S::attributes();
        for attribute in attributes.iter().filter(|a| !a.local && a.rule != Rule::Computed && has(&a.name)) {
            let parameter = attribute.parameter();
            // What is one of its kind has a name of ours.
            if single && !post[parameter].is_object() && S::Key::FIELDS.contains(&attribute.name.as_str()) {
                continue;
            }
            offered.insert(parameter.to_owned());
            let key = S::Key::FIELDS.contains(&attribute.name.as_str());
            let mut differences = Vec::new();
            if !key {
                differences.extend(stands::<S>(attribute, &post[parameter], &put[parameter]));
            }
            differences.extend(limits(attribute, &post[parameter], seen.get(parameter)));
            differences.extend(let_through(attribute, &post[parameter]));
            differences.extend(parts::<S>(attribute, &post[parameter]));
            let differences = differences.into_iter().map(|why| format!("{name} {}: {why}", attribute.name));
            match S::UNLIKE.iter().find(|(unlike, _)| *unlike == attribute.name) {
                None => wrong.extend(differences),
                Some((_, why)) if differences.len() == 0 && everywhere => {
                    wrong.push(format!("{name} {} is like PVE's {parameter}, and it is said: {why}", attribute.name));
                }
                Some(_) => {}
            }
        }
        for (parameter, schema) in post.as_object().into_iter().flatten() {
            let needed = !is_optional(schema);
            let set = |a: &&Attribute| a.parameter() == parameter && a.rule == Rule::Required;
            let fixed = S::FAMILY.fixed.iter().any(|(name, _)| name == parameter);
            let left_out = S::LEFT_OUT.iter().any(|(name, _)| name == parameter);
            if needed
                && !fixed
                && !left_out
                && !attributes.iter().any(|a| set(&a))
                && !path.contains(&format!("{{{parameter}}}"))
            {
                wrong.push(format!("{name}: PVE demands {parameter}"));
            }
        }
        for (left_out, why) in S::LEFT_OUT {
            if !offered.insert((*left_out).to_owned()) {
                wrong.push(format!("{name} offers {left_out}, and it is said: {why}"));
            }
        }
        let names = |of: &Json| of.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let (taken, sum) = self.offered.entry(collection).or_default();
        taken.extend(names(&post).into_iter().chain(names(&put)));
        sum.extend(offered);
        self.wrong.extend(wrong);
        self.seen.insert(name);
    }

    /// What PVE takes somewhere is an attribute of one of the types there, or left out by one of them.
    fn nothing_is_left_out(&mut self) {
        const ALWAYS: [&str; 2] = ["delete", "digest"];
        for (path, (taken, offered)) in &self.offered {
            for parameter in taken.iter().filter(|name| !offered.contains(*name) && !ALWAYS.contains(&name.as_str())) {
                if !path.contains(&format!("{{{parameter}}}")) {
                    self.wrong.push(format!("{path}: {parameter} is neither offered nor left out"));
                }
            }
            for parameter in offered.iter().filter(|name| !taken.contains(*name) && !name.contains('.')) {
                self.wrong.push(format!("{path}: PVE has no {parameter}"));
            }
        }
    }
}

/// How an attribute differs from the parameters of the creation and of the change.
fn stands<S: Section>(attribute: &Attribute, post: &Json, put: &Json) -> Vec<String> {
    let mut found = Vec::new();
    if !post.is_object() {
        found.push("no parameter of the creation".to_owned());
    }
    let apart = S::FAMILY.apart.contains(&attribute.name.as_str());
    match (put.is_object(), attribute.replace, apart) {
        (false, false, false) => found.push("a change takes no such parameter, so it has to replace".to_owned()),
        (true, true, _) => found.push("a change takes the parameter, and it replaces".to_owned()),
        (true, _, true) => found.push("a change takes the parameter".to_owned()),
        _ => {}
    }
    // Where several types share a call, each demands what it needs.
    if attribute.rule == Rule::Required && S::FAMILY.fixed.is_empty() && is_optional(post) {
        found.push("PVE does not demand it".to_owned());
    }
    found.extend(kind(attribute, post));
    found
}

fn is_optional(parameter: &Json) -> bool {
    parameter["optional"].as_bool().unwrap_or(parameter["optional"] == 1)
}

/// How the parts of a property string differ from what PVE says of them.
fn parts<S: Section>(attribute: &Attribute, parameter: &Json) -> Vec<String> {
    let (parts, of) = match &attribute.kind {
        Kind::Nested(Nesting::Single, parts) => (parts, parameter),
        Kind::Nested(Nesting::List | Nesting::Set, parts) if attribute.repeated => (parts, &parameter["items"]),
        _ => return Vec::new(),
    };
    let Some(format) = of["format"].as_object() else { return Vec::new() };
    let mut found = Vec::new();
    let mut offered = BTreeSet::new();
    for part in parts.iter().filter(|part| part.rule != Rule::Computed) {
        let is_it = |(name, of): &(&String, &Json)| match part.parameter() {
            "=" => of["default_key"] == 1,
            parameter => *name == parameter,
        };
        let Some((name, of)) = format.iter().find(is_it) else {
            found.push(format!("PVE has no part {}", part.parameter()));
            continue;
        };
        offered.insert(name.as_str());
        let demanded = (part.rule == Rule::Required && is_optional(of)).then(|| "PVE does not demand it".to_owned());
        let loose = let_through(part, of);
        let why = kind(part, of).into_iter().chain(limits(part, of, None)).chain(loose).chain(demanded);
        found.extend(why.map(|why| format!("{}: {why}", part.name)));
    }
    for name in format.keys().filter(|name| !offered.contains(name.as_str())) {
        let whole = format!("{}.{name}", attribute.parameter());
        if !S::LEFT_OUT.iter().any(|(left_out, _)| *left_out == whole) {
            found.push(format!("{whole} is neither offered nor left out"));
        }
    }
    found
}

/// Each a place and a privilege; of each inner list, one is enough.
fn demanded(check: &Json) -> Vec<Vec<(String, String)>> {
    let text = |n: usize| check[n].as_str().unwrap_or_default().to_owned();
    let all = |path: &str, privileges: &Json| -> Vec<Vec<(String, String)>> {
        let privileges = privileges.as_array().into_iter().flatten().filter_map(Json::as_str);
        privileges.map(|privilege| vec![(path.to_owned(), privilege.to_owned())]).collect()
    };
    let below = || check.as_array().into_iter().flatten().skip(1).map(demanded);
    match text(0).as_str() {
        "perm" if check[3] == "any" => vec![all(&text(1), &check[2]).concat()],
        "perm" => all(&text(1), &check[2]),
        "and" => below().flatten().collect(),
        // Of each alternative one of what it demands, in every combination.
        "or" => below().fold(vec![Vec::new()], |chosen, alternative| {
            let with = |chosen: &Vec<_>| alternative.iter().map(|any| [&**chosen, any].concat()).collect::<Vec<_>>();
            chosen.iter().flat_map(with).collect()
        }),
        "userid-param" if check[1] != "self" => vec![vec![("/access/realm/{realm}".to_owned(), text(1))]],
        "userid-group" => all("/access/groups", &check[1]),
        _ => Vec::new(),
    }
}

/// A template whose parts have no names: ours are called otherwise than PVE's.
fn unnamed(template: &str) -> String {
    let parts = template.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// How its type differs, and what is usual.
fn kind(attribute: &Attribute, post: &Json) -> Vec<String> {
    let mut found = Vec::new();
    let kind = post["type"].as_str().unwrap_or("string");
    let fits = match (&attribute.kind, attribute.repeated) {
        (_, true) => kind == "array",
        (Kind::Plain(Type::Bool), _) => kind == "boolean",
        (Kind::Plain(Type::Number), _) => kind == "integer" || kind == "number",
        (
            Kind::Plain(Type::String | Type::List(_) | Type::Set(_) | Type::Map(_)) | Kind::Nested(Nesting::Single, _),
            _,
        ) => kind == "string",
        _ => false,
    };
    if !fits {
        found.push(format!("it is a {kind} in PVE"));
    }
    let (usual, default) = (attribute.usual.as_ref(), &post["default"]);
    let text = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    if let Some(usual) = usual
        && !default.is_null()
    {
        let ours = match usual.as_bool() {
            Some(on) => u8::from(on).to_string(),
            None => usual.as_str().map_or_else(|| usual.to_string(), str::to_owned),
        };
        let theirs = match (usual.as_bool(), text(default).as_str()) {
            (Some(_), "yes" | "true") => "1".to_owned(),
            (Some(_), "no" | "false") => "0".to_owned(),
            (_, text) => text.to_owned(),
        };
        if ours != theirs {
            found.push(format!("it is usually {ours}, and in PVE {theirs}"));
        }
    }
    found
}

/// Where its limits are narrower.
fn limits(attribute: &Attribute, parameter: &Json, taken: Option<&BTreeSet<String>>) -> Vec<String> {
    let mut found = Vec::new();
    for check in &attribute.checks {
        found.extend(differs(&check.test, parameter).map(|why| format!("{} is its limit: {why}", check.says)));
        let text = matches!(attribute.kind, Kind::Plain(Type::String)) && !attribute.sensitive;
        let refused: Vec<&String> =
            taken.filter(|_| text).into_iter().flatten().filter(|text| refuses(&check.test, text)).collect();
        if !refused.is_empty() {
            found.push(format!("{} is its limit, and PVE took {refused:?}", check.says));
        }
    }
    found
}
