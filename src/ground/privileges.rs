//! `terraform-provider-pve privileges [PLAN.json]`: the roles that a job which plans and a job which applies need, as lines
//! for `pveum`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value as Json;

/// What one job needs: by path the privileges, and for which types of resources only root@pam will do.
#[derive(Debug, Default, PartialEq)]
pub struct Needed {
    pub by_path: BTreeMap<String, BTreeSet<String>>,
    pub root: BTreeSet<String>,
}

/// An object that is planned or looked up: its type, what that needs, and the values of its attributes.
struct Planned<'a> {
    kind: &'a str,
    needs: &'a Json,
    values: Vec<&'a Json>,
}

/// The lines for what a plan holds (the JSON of `terraform show -json PLAN`), or for everything that the provider, as `docs`
/// describes it, can manage.
pub fn lines(docs: &Json, plan: Option<&Json>) -> String {
    let planned: Vec<Planned<'_>> = match plan {
        None => ["resources", "data_sources", "actions"].iter().flat_map(|kinds| all(&docs[*kinds])).collect(),
        Some(plan) => {
            let changed = plan["resource_changes"].as_array().into_iter().flatten();
            let changed = changed.filter_map(|change| {
                planned(docs, change, vec![&change["change"]["after"], &change["change"]["before"]])
            });
            let read = of_module(&plan["prior_state"]["values"]["root_module"], "data").into_iter();
            let read = read.filter_map(|object| planned(docs, object, vec![&object["values"]]));
            let invoked = plan["action_invocations"].as_array().into_iter().flatten();
            changed.chain(read).chain(invoked.filter_map(|action| acted(docs, action))).collect()
        }
    };
    let mut text = String::new();
    let (mut reads, mut writes) = (Needed::default(), Needed::default());
    for object in &planned {
        for need in object.all() {
            // Whoever applies plans first.
            if need["job"] == "plan" {
                reads.add(need, object);
            }
            writes.add(need, object);
        }
    }
    reads.tell("plans", "Plan", &mut text);
    writes.tell("applies", "Apply", &mut text);
    text
}

/// What the job that does these needs: `resources` or `actions`, the type, and values that its attributes have or had.
pub fn to_apply<'a>(docs: &Json, objects: impl Iterator<Item = (&'a str, &'a str, Vec<&'a Json>)>) -> Needed {
    let mut needed = Needed::default();
    for (offered, kind, values) in objects {
        let object = Planned { kind, needs: &docs[offered][kind]["needs"], values };
        for need in object.all() {
            needed.add(need, &object);
        }
    }
    needed
}

/// Everything of a kind that the provider offers, with no values.
fn all(objects: &Json) -> impl Iterator<Item = Planned<'_>> {
    let objects = objects.as_object().into_iter().flatten();
    objects.map(|(kind, object)| Planned { kind, needs: &object["needs"], values: Vec::new() })
}

/// An entry of the plan.
fn planned<'a>(docs: &'a Json, entry: &'a Json, values: Vec<&'a Json>) -> Option<Planned<'a>> {
    let kind = entry["type"].as_str()?;
    let offered = if entry["mode"] == "data" { "data_sources" } else { "resources" };
    Some(Planned { kind, needs: &docs[offered][kind]["needs"], values })
}

/// An action of the plan.
fn acted<'a>(docs: &'a Json, entry: &'a Json) -> Option<Planned<'a>> {
    let kind = entry["type"].as_str()?;
    Some(Planned { kind, needs: &docs["actions"][kind]["needs"], values: vec![&entry["config_values"]] })
}

/// The objects of a mode (`data`, `managed`) in a module of a plan, and in those below it.
pub fn of_module<'a>(module: &'a Json, mode: &str) -> Vec<&'a Json> {
    let here = module["resources"].as_array().into_iter().flatten().filter(|object| object["mode"] == mode);
    let below = module["child_modules"].as_array().into_iter().flatten();
    here.chain(below.flat_map(|module| of_module(module, mode))).collect()
}

impl Planned<'_> {
    /// What it needs with these values.
    fn all(&self) -> impl Iterator<Item = &Json> {
        self.needs.as_array().into_iter().flatten().filter(|need| concerns(need, self))
    }
}

impl Needed {
    fn add(&mut self, need: &Json, object: &Planned<'_>) {
        let any: Vec<&str> = need["any"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        // The one that says least: to look at something is less than to change it.
        match any.iter().find(|privilege| privilege.ends_with(".Audit")).or(any.first()) {
            Some(privilege) => {
                let path = place(need["path"].as_str().unwrap_or("/"), need, object);
                self.by_path.entry(path).or_default().insert((*privilege).to_owned());
            }
            None => drop(self.root.insert(object.kind.to_owned())),
        }
    }

    fn tell(&self, does: &str, name: &str, text: &mut String) {
        let _ = writeln!(text, "# A job that {does}. Put your own user in place of USER.");
        for (path, privileges) in &self.by_path {
            let suffix = path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
            let role = if suffix.is_empty() { format!("Terraform{name}") } else { format!("Terraform{name}-{suffix}") };
            let privileges = privileges.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            let _ = writeln!(text, "pveum role add {role} --privs {privileges}");
            let _ = writeln!(text, "pveum acl modify {path} --users USER --roles {role}");
        }
        if !self.root.is_empty() {
            let kinds = self.root.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "# Beside that root@pam with its password, which no rights replace, for: {kinds}.");
        }
    }
}

/// The value of an attribute, if it is known.
fn value(name: &str, object: &Planned<'_>) -> Option<String> {
    let known = object.values.iter().map(|values| &values[name]);
    known.filter(|value| !value.is_null()).find_map(|value| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// Whether an object needs it: some do only for some values of an attribute.
fn concerns(need: &Json, object: &Planned<'_>) -> bool {
    let (Some(name), Some(begins)) = (need["only"][0].as_str(), need["only"][1].as_str()) else { return true };
    value(name, object).is_none_or(|value| value.starts_with(begins))
}

/// The path with the object's values in it; what is not known makes it end above: rights propagate.
fn place(template: &str, need: &Json, object: &Planned<'_>) -> String {
    let value = |name: &str| {
        let value = value(name, object)?;
        let begins = need["only"][1].as_str().filter(|_| need["only"][0] == name).unwrap_or_default();
        Some(value.strip_prefix(begins).unwrap_or(&value).trim_matches('/').to_owned())
    };
    let mut path = String::new();
    for part in template.split('/').filter(|part| !part.is_empty()) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None => path.extend(["/", part]),
            Some(name) => match value(name).filter(|value| !value.is_empty()) {
                Some(value) => path.extend(["/", &value]),
                None => break,
            },
        }
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn docs() -> Json {
        json!({"resources": {
            "pve_pool": {"needs": [
                {"job": "plan", "path": "/pool/{poolid}", "any": ["Pool.Allocate", "Pool.Audit"]},
                {"job": "apply", "path": "/pool/{poolid}", "any": ["Pool.Allocate"]},
            ]},
            "pve_rule": {"needs": [
                {"job": "plan", "path": "/", "any": ["Sys.Audit"]},
                {"job": "apply", "path": "/", "any": []},
            ]},
            "pve_list": {"needs": [
                {"job": "plan", "path": "/vms/{place}", "only": ["place", "vm/"], "any": ["VM.Audit"]},
                {"job": "plan", "path": "/", "only": ["place", "cluster"], "any": ["Sys.Audit"]},
            ]},
        }, "data_sources": {
            "pve_pool": {"needs": [{"job": "plan", "path": "/pool/{poolid}", "any": ["Pool.Allocate", "Pool.Audit"]}]},
        }})
    }

    #[test]
    fn without_a_plan_everything_is_allowed_from_above() {
        let expected = "\
# A job that plans. Put your own user in place of USER.
pveum role add TerraformPlan --privs Sys.Audit
pveum acl modify / --users USER --roles TerraformPlan
pveum role add TerraformPlan-pool --privs Pool.Audit
pveum acl modify /pool --users USER --roles TerraformPlan-pool
pveum role add TerraformPlan-vms --privs VM.Audit
pveum acl modify /vms --users USER --roles TerraformPlan-vms
# A job that applies. Put your own user in place of USER.
pveum role add TerraformApply --privs Sys.Audit
pveum acl modify / --users USER --roles TerraformApply
pveum role add TerraformApply-pool --privs Pool.Allocate,Pool.Audit
pveum acl modify /pool --users USER --roles TerraformApply-pool
pveum role add TerraformApply-vms --privs VM.Audit
pveum acl modify /vms --users USER --roles TerraformApply-vms
# Beside that root@pam with its password, which no rights replace, for: pve_rule.
";
        assert_eq!(lines(&docs(), None), expected);
    }

    #[test]
    fn actions_of_a_plan_count_too() {
        let needs = json!([{"job": "apply", "path": "/vms/{vmid}", "any": ["VM.PowerMgmt"]}]);
        let docs = json!({"actions": {"pve_power": {"needs": needs}}});
        let plan = json!({"resource_changes": [], "action_invocations": [
            {"address": "action.pve_power.a", "type": "pve_power", "config_values": {"vmid": 101}},
        ]});
        let told = lines(&docs, Some(&plan));
        assert!(told.contains("pveum acl modify /vms/101 --users USER --roles TerraformApply-vms-101"), "{told}");
        assert!(lines(&docs, None).contains("pveum acl modify /vms --users USER --roles TerraformApply-vms"));
    }

    #[test]
    fn a_plan_narrows_it_to_what_it_holds() {
        let change = |kind: &str, mode: &str, before: Json, after: Json| json!({"type": kind, "mode": mode, "change": {"before": before, "after": after}});
        let plan = json!({"resource_changes": [
            change("pve_pool", "managed", Json::Null, json!({"poolid": "web"})),
            change("pve_pool", "managed", json!({"poolid": "old"}), Json::Null),
            change("pve_pool", "managed", Json::Null, json!({})),
            change("pve_list", "managed", Json::Null, json!({"place": "vm/101"})),
            change("other_thing", "managed", Json::Null, json!({})),
            change("pve_pool", "data", Json::Null, json!({"poolid": "later"})),
        ], "prior_state": {"values": {"root_module": {
            "resources": [{"type": "pve_rule", "mode": "managed", "values": {}}],
            "child_modules": [{"resources": [{"type": "pve_pool", "mode": "data", "values": {"poolid": "read"}}]}],
        }}}});
        let told = lines(&docs(), Some(&plan));
        let paths: Vec<&str> =
            told.lines().filter_map(|line| line.strip_prefix("pveum acl modify ")?.split(' ').next()).collect();
        assert_eq!(paths, ["/pool", "/pool/later", "/pool/old", "/pool/read", "/pool/web", "/vms/101"].repeat(2));
        assert!(!told.contains("root@pam"), "{told}");
    }
}
