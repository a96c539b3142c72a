//! `firewall/rules` of the cluster, of nodes and of guests, and the security groups, whose rules lie right below them.
//! Recording 50.

mod options;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use crate::cluster::sections::Entry;
use crate::kernel::{Call, PveError, Routes};

const GROUPS: &str = "/cluster/firewall/groups";
const GROUP: &str = "/cluster/firewall/groups/{group}";
const PLACES: [&str; 5] = [
    "/cluster/firewall/rules",
    "/nodes/{node}/firewall/rules",
    "/nodes/{node}/qemu/{vmid}/firewall/rules",
    "/nodes/{node}/lxc/{vmid}/firewall/rules",
    GROUP,
];

/// What PVE says of a change whose digest is another.
const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

/// What of a rule is stored.
const FIELDS: [&str; 13] = [
    "type",
    "action",
    "enable",
    "comment",
    "dest",
    "dport",
    "icmp-type",
    "iface",
    "log",
    "macro",
    "proto",
    "source",
    "sport",
];

pub(crate) fn routes(r: &mut Routes) {
    for place in PLACES {
        let one = format!("{place}/{{pos}}");
        r.get(place, list);
        r.post(place, create);
        r.get(&one, read);
        r.put(&one, update);
        r.delete(&one, delete);
    }
    options::routes(r);
    r.get(GROUPS, groups);
    r.post(GROUPS, make_group);
    r.delete(GROUP, remove_group);
}

/// The place that a call is about.
fn place(call: &Call<'_>) -> Result<String, PveError> {
    Ok(match call.path.split("/{").last().unwrap_or_default() {
        _ if call.path.starts_with(GROUP) => {
            let group = call.params.need("group");
            if !call.cluster.firewall.groups.contains_key(group) {
                return Err(PveError::new(format!("no such security group '{group}'")));
            }
            format!("group/{group}")
        }
        _ if call.params.has("vmid") => format!("guest/{}", call.params.need("vmid")),
        _ if call.params.has("node") => format!("node/{}", call.params.need("node")),
        _ => "cluster".to_owned(),
    })
}

fn rules(call: &Call<'_>, place: &str) -> Vec<Entry> {
    call.cluster.firewall.rules.get(place).cloned().unwrap_or_default()
}

fn keep(call: &mut Call<'_>, place: String, rules: Vec<Entry>) {
    match rules.is_empty() {
        true => drop(call.cluster.firewall.rules.remove(&place)),
        false => drop(call.cluster.firewall.rules.insert(place, rules)),
    }
}

fn digest(rules: &[Entry]) -> String {
    Sha1::digest(json!(rules).to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A rule as it is shown.
fn shown(rule: &Entry, digest: &str) -> Map<String, Value> {
    let mut answer: Map<String, Value> = rule.clone().into_iter().collect();
    answer.insert("digest".to_owned(), json!(digest));
    let text = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
    // Belief: aliases are of IPv4.
    let address = [text("source"), text("dest")].into_iter().find(|text| text.contains(['.', ':', '/']));
    match address {
        _ if text("proto") == "icmp" => drop(answer.insert("ipversion".to_owned(), json!(4))),
        Some(address) => drop(answer.insert("ipversion".to_owned(), json!(if address.contains(':') { 6 } else { 4 }))),
        None => {}
    }
    answer
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let rules = rules(call, &place(call)?);
    let digest = digest(&rules);
    let one = |(pos, rule): (usize, &Entry)| {
        let mut answer = shown(rule, &digest);
        answer.insert("pos".to_owned(), json!(pos));
        Value::Object(answer)
    };
    Ok(rules.iter().enumerate().map(one).collect())
}

/// The position that a call names, if there is a rule.
fn position(call: &Call<'_>, rules: &[Entry]) -> Result<usize, PveError> {
    let pos = call.params.number("pos").unwrap_or(0);
    let there = usize::try_from(pos).ok().filter(|pos| *pos < rules.len());
    there.ok_or_else(|| PveError::new(format!("no rule at position {pos}")))
}

/// Alone it tells its position as a text.
fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let rules = rules(call, &place(call)?);
    let pos = position(call, &rules)?;
    let mut answer = shown(&rules[pos], &digest(&rules));
    answer.insert("pos".to_owned(), json!(pos.to_string()));
    Ok(Value::Object(answer))
}

/// A new rule comes first, whatever `pos` says, and is off unless it is said to be on.
fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let place = place(call)?;
    let mut rules = rules(call, &place);
    let mut rule = Entry::from([("enable".to_owned(), json!(0))]);
    given(call, &mut rule);
    check(&place, &mut rule)?;
    rules.insert(0, rule);
    keep(call, place, rules);
    Ok(Value::Null)
}

fn given(call: &Call<'_>, rule: &mut Entry) {
    for (name, text) in call.params.texts().filter(|(name, _)| FIELDS.contains(name)) {
        let value = match name {
            "enable" => json!(i32::from(text != "0")),
            "comment" => json!(text.trim_end()),
            _ => json!(text),
        };
        rule.insert(name.to_owned(), value);
    }
    // Belief: PVE::Firewall::copy_rule_data: an empty text takes a property away.
    rule.retain(|_, value| value != "");
}

/// With `moveto` nothing else is looked at: the rule goes before the one that stands there now.
fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let place = place(call)?;
    let mut rules = rules(call, &place);
    let pos = position(call, &rules)?;
    unchanged(call, &rules)?;
    if let Some(to) = call.params.number("moveto") {
        let to = usize::try_from(to).unwrap_or(usize::MAX).min(rules.len());
        let rule = rules.remove(pos);
        rules.insert(if to > pos { to - 1 } else { to }, rule);
    } else {
        for name in call.params.list("delete") {
            if !FIELDS.contains(&name.as_str()) {
                return Err(PveError::param("delete", format!("no such property ('{name}')")));
            }
            rules[pos].remove(&name);
        }
        given(call, &mut rules[pos]);
        check(&place, &mut rules[pos])?;
    }
    keep(call, place, rules);
    Ok(Value::Null)
}

fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let place = place(call)?;
    let mut rules = rules(call, &place);
    let pos = position(call, &rules)?;
    unchanged(call, &rules)?;
    rules.remove(pos);
    keep(call, place, rules);
    Ok(Value::Null)
}

fn unchanged(call: &Call<'_>, rules: &[Entry]) -> Result<(), PveError> {
    match call.params.text("digest") {
        Some(known) if known != digest(rules) => Err(PveError::new(MODIFIED)),
        _ => Ok(()),
    }
}

/// What PVE looks at, as far as it is modelled: neither aliases nor sets.
fn check(place: &str, rule: &mut Entry) -> Result<(), PveError> {
    const MACROS: [&str; 7] = ["DNS", "HTTP", "HTTPS", "NTP", "Ping", "SMTP", "SSH"];
    let text = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let wrong = |name: &str, why: String| Err(PveError::param(name, why));
    let kind = text("type");
    let env = match place.split('/').next() {
        Some("group") if kind == "group" => Some("group"),
        Some("guest") if kind == "forward" => Some("vm"),
        _ => None,
    };
    if let Some(env) = env {
        return wrong("type", format!("invalid rule type '{kind}' for rule_env '{env}'"));
    }
    if kind == "group" {
        // Belief: PVE::Firewall writes of such a rule what it needs, and no more.
        rule.retain(|name, _| ["type", "action", "enable", "iface", "comment"].contains(&name.as_str()));
        return Ok(());
    }
    if !["ACCEPT", "DROP", "REJECT"].contains(&text("action").as_str()) {
        return wrong("action", format!("unknown action '{}'", text("action")));
    }
    for address in ["source", "dest"] {
        let text = text(address);
        // Belief: there are no sets as long as nobody can make one.
        if let Some(set) = text.strip_prefix('+') {
            return wrong(address, format!("no such ipset '{}'", set.trim_start_matches("dc/")));
        }
        if text.contains(',') && text.contains('-') {
            return wrong(address, "invalid format - you can't use a range in a list\n".to_owned());
        }
        if text.contains(|c: char| !c.is_ascii_alphanumeric() && !".:/,-_".contains(c)) {
            return wrong(address, format!("invalid format - invalid IP address: Invalid chars in IP {text}\n"));
        }
    }
    let proto = text("proto");
    // Belief: the first of /etc/protocols; numbers are taken as well.
    let known = ["", "tcp", "udp", "icmp", "igmp", "sctp", "gre", "esp", "ah", "ospf", "vrrp", "ipv6-icmp", "icmpv6"];
    if !known.contains(&proto.as_str()) && proto.parse::<u8>().is_err() {
        return wrong("proto", format!("invalid format - unknown protocol '{proto}'\n"));
    }
    if place.starts_with("guest") && !text("iface").is_empty() && !is_card(&text("iface")) {
        return wrong("iface", "value does not match the regex pattern 'net\\d+'".to_owned());
    }
    // Belief: PVE::Firewall takes numbers, ranges with a colon, and names of services, of which each has a letter in it.
    let no_port = |text: &&str| match text.parse::<u64>() {
        Ok(port) => port > 65535,
        Err(_) => !text.contains(|c: char| c.is_ascii_alphabetic()),
    };
    for ports in ["dport", "sport"] {
        let text = rule.get(ports).and_then(Value::as_str).unwrap_or_default();
        if let Some(port) = text.split([',', ':']).filter(|port| !port.is_empty()).find(no_port) {
            return wrong(ports, format!("invalid format - invalid port '{port}'\n"));
        }
        if !text.is_empty() && !rule.contains_key("proto") {
            return wrong("proto", format!("missing property - '{ports}' requires this property"));
        }
    }
    let name = text("macro");
    if !name.is_empty() {
        match MACROS.iter().find(|known| known.eq_ignore_ascii_case(&name)) {
            Some(known) => drop(rule.insert("macro".to_owned(), json!(known))),
            None => return wrong("macro", format!("unknown macro '{name}'")),
        }
    }
    Ok(())
}

fn is_card(iface: &str) -> bool {
    iface.strip_prefix("net").is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
}

fn groups(call: &mut Call<'_>) -> Result<Value, PveError> {
    let groups = &call.cluster.firewall.groups;
    let digest = format!("{:040x}", groups.len());
    let one = |(group, comment): (&String, &Option<String>)| match comment {
        Some(comment) => json!({ "group": group, "digest": digest, "comment": comment }),
        None => json!({ "group": group, "digest": digest }),
    };
    Ok(groups.iter().map(one).collect())
}

/// Names are in lower case, however they are given. With its own name as `rename` only the comment changes.
fn make_group(call: &mut Call<'_>) -> Result<Value, PveError> {
    let group = call.params.need("group").to_lowercase();
    let comment = call.params.text("comment").map(str::to_owned);
    match call.params.text("rename") {
        Some(old) if old != group => return Err(call.left_out("renaming a security group")),
        None if call.cluster.firewall.groups.contains_key(&group) => {
            return Err(PveError::param("group", format!("Security group '{group}' already exists")));
        }
        _ => {}
    }
    call.cluster.firewall.groups.insert(group, comment);
    Ok(Value::Null)
}

fn remove_group(call: &mut Call<'_>) -> Result<Value, PveError> {
    let group = call.params.need("group").to_owned();
    let place = place(call)?;
    if !rules(call, &place).is_empty() {
        return Err(PveError::new(format!("Security group '{group}' is not empty")));
    }
    call.cluster.firewall.groups.remove(&group);
    Ok(Value::Null)
}
