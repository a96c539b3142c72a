//! The pages as Markdown.

use std::fmt::Write as _;

use super::description::{Attribute, Object, Provider};

/// The provider's own page.
pub(super) fn index(provider: &Provider, example: &str) -> String {
    let mut page = front("", &format!("{} Provider", provider.name), &provider.provider.description);
    let _ = writeln!(page, "# {} Provider\n\n{}\n", provider.name, provider.provider.description);
    code(&mut page, "Example", "terraform", example);
    arguments(&mut page, "Arguments", &provider.provider.attributes, Attribute::is_argument);
    page
}

/// A resource's page.
pub(super) fn resource(name: &str, object: &Object, example: &str, import: &str) -> String {
    let mut page = front(&object.area, name, &object.description);
    let _ = writeln!(page, "# {name} (Resource)\n\n{}\n", object.description);
    code(&mut page, "Example", "terraform", example);
    both(&mut page, object);
    privileges(&mut page, object);
    imports(&mut page, name, object, import);
    page
}

/// How an object that exists is imported: by its id, and by its identity.
fn imports(page: &mut String, name: &str, object: &Object, import: &str) {
    let key = object.key.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join("/");
    let _ = writeln!(page, "## Import\n\nThe id is {key}:\n\n```shell\n{}\n```", import.trim_end());
    let width = object.key.iter().map(String::len).max().unwrap_or(0);
    let identity = object.key.iter().map(|field| {
        let number = object.attributes.iter().any(|a| a.name == *field && a.kind.as_deref() == Some("number"));
        let value = if number { "100".to_owned() } else { format!("\"{}\"", field.to_uppercase()) };
        format!("    {field:width$} = {value}\n")
    });
    let _ = writeln!(
        page,
        "\nOr with an `import` block, by the same `id` or, from Terraform 1.12 on, by the identity:\n\n```terraform\nimport {{\n  to \
         = {name}.NAME\n  identity = {{\n{}  }}\n}}\n```",
        identity.collect::<String>()
    );
}

/// A data source's page.
pub(super) fn data_source(name: &str, object: &Object, example: &str) -> String {
    let mut page = front(&object.area, name, &object.description);
    let _ = writeln!(page, "# {name} (Data Source)\n\n{}\n", object.description);
    code(&mut page, "Example", "terraform", example);
    both(&mut page, object);
    page
}

/// What it takes to plan and to apply it.
fn privileges(page: &mut String, object: &Object) {
    if object.needs.is_empty() {
        return;
    }
    let _ = writeln!(page, "## Privileges\n\n| to | on | one of |\n|---|---|---|");
    for need in &object.needs {
        let any = match need.any.as_slice() {
            [] => "`root@pam` with its password: no token is enough".to_owned(),
            any => any.iter().map(|privilege| format!("`{privilege}`")).collect::<Vec<_>>().join(", "),
        };
        let (path, only) = match &need.only {
            None => (need.path.clone(), String::new()),
            Some((name, begins)) => {
                let rest = if begins.ends_with('/') { "..." } else { "" };
                (need.path.replace(&format!("{{{name}}}"), "..."), format!(" for `{begins}{rest}`"))
            }
        };
        let _ = writeln!(page, "| {} | `{path}`{only} | {any} |", need.job);
    }
    let _ = writeln!(
        page,
        "\nWhoever applies plans first. `terraform-provider-pve privileges` prints the roles for all of a plan; see \
         [Credentials](../guides/credentials.md).\n"
    );
}

fn both(page: &mut String, object: &Object) {
    if !object.checks.is_empty() {
        let _ = writeln!(
            page,
            "{}\n",
            object.checks.iter().map(|check| format!("- {check}")).collect::<Vec<_>>().join("\n")
        );
    }
    arguments(page, "Arguments", &object.attributes, Attribute::is_argument);
    arguments(page, "Read-only", &object.attributes, |attribute| !attribute.is_argument());
}

/// What the registry's site reads: the area in the menu, the title, a line for search engines.
fn front(area: &str, title: &str, description: &str) -> String {
    let first = description.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    format!("---\npage_title: \"{title}\"\nsubcategory: \"{area}\"\ndescription: |-\n  {first}\n---\n\n")
}

fn code(page: &mut String, title: &str, language: &str, text: &str) {
    let _ = writeln!(page, "## {title}\n\n```{language}\n{}\n```\n", text.trim_end());
}

fn arguments(page: &mut String, title: &str, attributes: &[Attribute], which: impl Fn(&Attribute) -> bool) {
    let mut chosen: Vec<&Attribute> = attributes.iter().filter(|attribute| which(attribute)).collect();
    if chosen.is_empty() {
        return;
    }
    chosen.sort_by_key(|attribute| (attribute.rule != "required", attribute.name == "timeouts"));
    let _ = writeln!(page, "## {title}\n");
    for attribute in chosen {
        item(page, attribute, 0);
    }
    page.push('\n');
}

/// One attribute, with those in it below.
fn item(page: &mut String, attribute: &Attribute, depth: usize) {
    let indent = "  ".repeat(depth);
    let mut about = vec![attribute.kind()];
    match attribute.rule.as_str() {
        "required" => about.push("required".to_owned()),
        "default" => about.push(format!("default `{}`", attribute.default)),
        _ => {}
    }
    for flag in &attribute.flags {
        about.extend(match flag.as_str() {
            "replace" => Some("a change replaces the object".to_owned()),
            "local" if attribute.name != "timeouts" && depth == 0 => Some("never sent to PVE".to_owned()),
            "sensitive" => Some("sensitive".to_owned()),
            "write_only" => Some("write-only".to_owned()),
            _ => None,
        });
    }
    about.extend(attribute.checks.iter().filter(|check| *check != "a whole number").cloned());
    let text = attribute.description.replace('\n', " ");
    let _ = write!(page, "{indent}- `{}` ({}) {text}", attribute.name, about.join(", "));
    if let Some(instead) = &attribute.deprecated {
        let _ = write!(page, " **Deprecated:** {instead}");
    }
    page.push('\n');
    for inner in &attribute.attributes {
        item(page, inner, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_shown_by_id_and_by_the_attributes_of_the_identity() {
        let object: Object = serde_json::from_value(serde_json::json!({
            "description": "A disk.", "key": ["node", "id"],
            "attributes": [
                {"name": "node", "description": "", "rule": "required", "type": "string"},
                {"name": "id", "description": "", "rule": "required", "type": "number"},
            ],
        }))
        .unwrap();
        let page = resource("acme_disk", &object, "", "terraform import acme_disk.a pve1/7\n");
        let (_, import) = page.split_once("## Import\n\n").unwrap();
        assert_eq!(
            import,
            "The id is `node`/`id`:\n\n```shell\nterraform import acme_disk.a pve1/7\n```\n\nOr with an `import` block, by the \
             same `id` or, from Terraform 1.12 on, by the identity:\n\n```terraform\nimport {\n  to = acme_disk.NAME\n  \
             identity = {\n    node = \"NODE\"\n    id   = 100\n  }\n}\n```\n"
        );
    }
}
