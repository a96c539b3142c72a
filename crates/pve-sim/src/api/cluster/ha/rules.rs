//! `/cluster/ha/rules`: where resources may run, and which keep together or apart.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cluster::ha::{Infeasible, Rule, Says, Sid, digest_of_rules, infeasible};
use crate::kernel::locks::Lock;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/ha/rules", list);
    r.post("/cluster/ha/rules", create);
    r.get("/cluster/ha/rules/{rule}", read);
    r.put("/cluster/ha/rules/{rule}", update);
    r.delete("/cluster/ha/rules/{rule}", delete);
}

/// What is wrong with the rules as they are.
fn errors(call: &Call<'_>, rules: &[Rule]) -> Infeasible {
    infeasible(rules, call.cluster.ha.crm.nodes.len())
}

fn entry(call: &Call<'_>, at: usize, rule: &Rule, errors: &Infeasible) -> Value {
    let mut entry = json!({
        "rule": rule.id,
        "type": rule.kind(),
        "resources": rule.resources(),
        "order": at + 1,
        "digest": digest_of_rules(&call.cluster.ha.rules),
    });
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            entry[name] = value;
        }
    };
    match &rule.says {
        Says::Nodes { strict, .. } => {
            put("nodes", rule.nodes().map(Value::from));
            put("strict", strict.map(|on| u8::from(on).into()));
        }
        Says::Together { positive } => put("affinity", Some(if *positive { "positive" } else { "negative" }.into())),
    }
    put("disable", rule.disable.map(|on| u8::from(on).into()));
    put("comment", rule.comment.clone().map(Value::from));
    put("errors", errors.get(&rule.id).map(|texts| json!({ "resources": texts })));
    entry
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let rules = &call.cluster.ha.rules;
    let errors = errors(call, rules);
    let kind = call.params.text("type");
    let sid: Option<Sid> = call.params.text("resource").and_then(|sid| sid.parse().ok());
    let asked = |rule: &Rule| {
        kind.is_none_or(|kind| rule.kind() == kind) && sid.is_none_or(|sid| rule.resources.contains(&sid))
    };
    let rules = rules.iter().enumerate().filter(|(_, rule)| asked(rule));
    Ok(rules.map(|(at, rule)| entry(call, at, rule, &errors)).collect())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let name = call.params.need("rule");
    let rules = &call.cluster.ha.rules;
    let at = rules.iter().position(|rule| rule.id == name);
    let at = at.ok_or_else(|| PveError::new(format!("no such ha rule '{name}'")))?;
    Ok(entry(call, at, &rules[at], &errors(call, rules)))
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.need_quorum()?;
    let failing = |error: PveError| error.prefix("create ha rule failed: ");
    call.lock(Lock::domain("ha")).map_err(failing)?;
    let name = call.params.need("rule").to_owned();
    let mut rules = call.cluster.ha.rules.clone();
    if rules.iter().any(|rule| rule.id == name) {
        return Err(failing(PveError::new(format!("HA rule '{name}' already defined"))));
    }
    let says = match call.params.need("type") {
        "node-affinity" => Says::Nodes { nodes: BTreeMap::new(), strict: None },
        _ => Says::Together { positive: true },
    };
    let mut rule = Rule { id: name, resources: BTreeSet::new(), says, disable: None, comment: None };
    apply(call, &mut rule).map_err(failing)?;
    rule.disable = call.params.flag("disable").filter(|on| *on);
    // PVE gives a new one the place behind the first.
    rules.insert(rules.len().min(1), rule);
    store(call, rules, call.params.need("rule").to_owned()).map_err(failing)
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let failing = |error: PveError| error.prefix("update HA rules failed: ");
    call.lock(Lock::domain("ha")).map_err(failing)?;
    change(call).map_err(failing)
}

fn change(call: &mut Call<'_>) -> Result<Value, PveError> {
    let name = call.params.need("rule").to_owned();
    let mut rules = call.cluster.ha.rules.clone();
    if call.params.text("digest").is_some_and(|known| known != digest_of_rules(&rules)) {
        return Err(PveError::new("detected modified configuration - file changed by other user? Try again."));
    }
    let rule = rules.iter_mut().find(|rule| rule.id == name);
    let rule = rule.ok_or_else(|| PveError::new(format!("HA rule '{name}' does not exist")))?;
    if rule.kind() != call.params.need("type") {
        return Err(PveError::new("unexpected property 'type'"));
    }
    apply(call, rule)?;
    // One that says no is not taken for anything.
    if call.params.flag("disable") == Some(true) {
        rule.disable = Some(true);
    }
    for option in call.params.list("delete") {
        unset(rule, &option)?;
    }
    store(call, rules, name)
}

fn unset(rule: &mut Rule, option: &str) -> Result<(), PveError> {
    match (option, &mut rule.says) {
        ("comment", _) => rule.comment = None,
        ("disable", _) => rule.disable = None,
        ("strict", Says::Nodes { strict, .. }) => *strict = None,
        ("resources", _) | ("nodes", Says::Nodes { .. }) | ("affinity", Says::Together { .. }) => {
            return Err(PveError::new(format!("unable to delete required option '{option}'")));
        }
        _ => return Err(PveError::new(format!("no such option '{option}'"))),
    }
    Ok(())
}

/// Takes over what is given.
fn apply(call: &Call<'_>, rule: &mut Rule) -> Result<(), PveError> {
    let params = &call.params;
    if params.has("resources") {
        let named: BTreeSet<Sid> = params.list("resources").iter().filter_map(|sid| sid.parse().ok()).collect();
        let unmanaged: Vec<String> =
            named.iter().filter(|sid| call.cluster.ha.resource(**sid).is_none()).map(Sid::to_string).collect();
        if named.is_empty() {
            return Err(PveError::new("no resources were specified"));
        }
        if !unmanaged.is_empty() {
            return Err(PveError::new(format!("cannot use unmanaged resource(s) {}.", unmanaged.join(", "))));
        }
        rule.resources = named;
    }
    match &mut rule.says {
        Says::Nodes { nodes, strict } => {
            if params.has("nodes") {
                *nodes = named_nodes(call)?;
            }
            *strict = params.flag("strict").or(*strict);
        }
        Says::Together { positive } => {
            if let Some(affinity) = params.text("affinity") {
                *positive = affinity == "positive";
            }
        }
    }
    if let Some(comment) = params.text("comment") {
        rule.comment = Some(comment.to_owned()).filter(|text| !text.is_empty());
    }
    Ok(())
}

/// The nodes that are given, with their priorities.
pub(super) fn named_nodes(call: &Call<'_>) -> Result<BTreeMap<String, u32>, PveError> {
    let one = |text: &String| match text.split_once(':') {
        Some((node, priority)) => (node.to_owned(), priority.parse().unwrap_or_default()),
        None => (text.clone(), 0),
    };
    let nodes: BTreeMap<String, u32> = call.params.list("nodes").iter().map(one).collect();
    let members = call.cluster.nodes.names();
    let unknown: Vec<&str> = nodes.keys().filter(|node| !members.contains(node)).map(String::as_str).collect();
    match nodes.is_empty() {
        true => Err(PveError::new("no nodes were specified")),
        false if !unknown.is_empty() => {
            Err(PveError::new(format!("cannot use non-existent node(s) {}.", unknown.join(", "))))
        }
        false => Ok(nodes),
    }
}

/// Writes all rules, unless there is something wrong with this one.
fn store(call: &mut Call<'_>, rules: Vec<Rule>, name: String) -> Result<Value, PveError> {
    if let Some(texts) = errors(call, &rules).get(&name) {
        return Err(PveError::new(format!("400 Rule '{name}' is invalid.\nresources: {}", texts.join(", "))));
    }
    call.cluster.ha.rules = rules;
    Ok(Value::Null)
}

/// Removing what is not there is fine.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.lock(Lock::domain("ha"))?;
    let name = call.params.need("rule").to_owned();
    call.cluster.ha.rules.retain(|rule| rule.id != name);
    Ok(Value::Null)
}
