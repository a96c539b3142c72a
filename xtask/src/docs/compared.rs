//! What of an object a plan compares with PVE, and what not.

use std::fmt::Write as _;

use super::description::{Attribute, Object};

/// Attributes by what becomes of them.
#[derive(Default)]
struct Compared {
    /// Read and compared, set or not.
    always: Vec<String>,
    /// One of those may be unset.
    takes_away: bool,
    /// Compared where they are set.
    where_set: Vec<String>,
    /// Compared, set or not, where that is set which they are in.
    inside: Vec<String>,
    /// Never compared.
    never: Vec<String>,
    /// Sent, and never shown, each with what has it sent again.
    unseen: Vec<(String, Option<String>)>,
}

/// The whole section.
pub(super) fn section(page: &mut String, object: &Object) {
    let mut found = Compared::default();
    for attribute in &object.attributes {
        let is_own = attribute.name == "timeouts" || object.ready.as_ref() == Some(&attribute.name);
        if !is_own && !object.key.contains(&attribute.name) {
            found.add(attribute, "", false);
        }
    }
    // What has another one sent again is told with that.
    let versions: Vec<String> =
        found.unseen.iter().filter_map(|(_, version)| Some(format!("`{}`", version.as_ref()?))).collect();
    found.never.retain(|name| !versions.contains(name));
    let mut lines = Vec::new();
    if !found.always.is_empty() {
        let unset =
            if found.takes_away { " What is set in PVE and not in the configuration is taken away." } else { "" };
        lines.push(format!("**Always:** {}.{unset}", found.always.join(", ")));
    }
    if !found.where_set.is_empty() {
        let lists = found.where_set.join(", ");
        lines.push(format!("**Only where it is set:** {lists}. Unset, it is left alone, whatever PVE has."));
    }
    if !found.inside.is_empty() {
        let lists = found.inside.join(", ");
        lines.push(format!(
            "**Where that is set which they are in:** {lists}. Unset there, what is set in PVE is taken away."
        ));
    }
    if !found.never.is_empty() {
        let lists = found.never.join(", ");
        lines.push(format!("**Never:** {lists}. What is written is kept, and counts when something is done."));
    }
    for (name, version) in &found.unseen {
        let again = version.as_ref().map(|version| format!(", and again when `{version}` changes")).unwrap_or_default();
        lines.push(format!("**Cannot be:** {name}. It is kept nowhere; it is sent when the object is made{again}."));
    }
    if lines.is_empty() && object.left_out.is_empty() {
        return;
    }
    page.push_str("## What is compared, and what is not\n\n");
    if lines.is_empty() {
        page.push_str("Only whether it is there: a change of any attribute is another object.\n\n");
    } else {
        page.push_str("A plan compares the configuration with what PVE has now:\n\n");
        for line in lines {
            let _ = writeln!(page, "- {line}");
        }
        page.push('\n');
    }
    if !object.left_out.is_empty() {
        page.push_str("What PVE has beside that, and this resource leaves out:\n\n");
        for left_out in &object.left_out {
            let _ = writeln!(page, "- `{}`: {}.", left_out.name.replace(", ", "`, `"), left_out.why);
        }
        page.push('\n');
    }
}

impl Compared {
    /// `inside`: whether something above is left alone when unset.
    fn add(&mut self, attribute: &Attribute, above: &str, inside: bool) {
        let path = if above.is_empty() { attribute.name.clone() } else { format!("{above}.{}", attribute.name) };
        let shown = format!("`{path}`");
        if !attribute.is_argument() {
            return;
        }
        if attribute.is("write_only") {
            self.unseen.push((shown, attribute.version.clone()));
        } else if attribute.is("local") {
            self.never.push(shown);
        } else if attribute.rule == "keep" {
            self.where_set.push(shown);
        } else if inside {
            self.inside.push(shown);
        } else {
            self.takes_away |= attribute.rule == "optional" && above.is_empty();
            self.always.push(shown);
        }
        if !(attribute.is("write_only") || attribute.is("local") || alike(attribute, &attribute.attributes)) {
            let left_alone = inside || attribute.rule == "keep";
            attribute.attributes.iter().for_each(|inner| self.add(inner, &path, left_alone));
        }
    }
}

/// Whether all that is in an attribute is compared as the attribute itself is.
fn alike(outer: &Attribute, inner: &[Attribute]) -> bool {
    let class = |a: &Attribute| (a.is("write_only"), a.is("local"), a.rule == "keep");
    inner.iter().filter(|a| a.is_argument()).all(|a| class(a) == class(outer) && alike(outer, &a.attributes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(attributes: serde_json::Value, left_out: serde_json::Value) -> String {
        let object =
            json!({"description": "", "key": ["id"], "ready": "ready", "attributes": attributes, "left_out": left_out});
        let mut page = String::new();
        section(&mut page, &serde_json::from_value(object).unwrap());
        page
    }

    fn plain(name: &str, rule: &str, flags: &[&str]) -> serde_json::Value {
        json!({"name": name, "description": "", "rule": rule, "type": "string", "flags": flags})
    }

    #[test]
    fn each_attribute_stands_where_its_rule_puts_it() {
        let disks = json!({"name": "disks", "description": "", "rule": "keep", "nesting": "map", "attributes": [
            plain("size", "keep", &[]), plain("made_on", "optional", &["local"]), plain("cache", "optional", &[]), plain("volume", "computed", &[]),
        ]});
        let limits = json!({"name": "limits", "description": "", "rule": "optional", "nesting": "single", "attributes": [
            plain("a", "optional", &[]), plain("b", "required", &[]),
        ]});
        let mut password = plain("password", "optional", &["write_only"]);
        password["version"] = "password_version".into();
        let all = json!([
            plain("id", "required", &["replace"]),
            plain("comment", "optional", &[]),
            limits,
            disks,
            password,
            plain("password_version", "optional", &["local"]),
            plain("ready", "computed", &[]),
            plain("timeouts", "optional", &["local"]),
        ]);
        let expected = "\
## What is compared, and what is not

A plan compares the configuration with what PVE has now:

- **Always:** `comment`, `limits`. What is set in PVE and not in the configuration is taken away.
- **Only where it is set:** `disks`, `disks.size`. Unset, it is left alone, whatever PVE has.
- **Where that is set which they are in:** `disks.cache`. Unset there, what is set in PVE is taken away.
- **Never:** `disks.made_on`. What is written is kept, and counts when something is done.
- **Cannot be:** `password`. It is kept nowhere; it is sent when the object is made, and again when `password_version` changes.

What PVE has beside that, and this resource leaves out:

- `keys`, `locks`: nobody needs them.

";
        assert_eq!(told(all, json!([{"name": "keys, locks", "why": "nobody needs them"}])), expected);
    }

    #[test]
    fn what_has_nothing_but_a_key_says_so_only_where_there_is_more_to_say() {
        let key = json!([plain("id", "required", &["replace"])]);
        assert_eq!(told(key.clone(), json!([])), "");
        assert!(told(key, json!([{"name": "x", "why": "y"}])).contains("Only whether it is there"));
    }
}
