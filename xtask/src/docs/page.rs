//! The pages as Markdown.

use std::fmt::Write as _;

use super::description::{Attribute, Move, Object, Provider};
use super::{compared, schema};

/// The provider's own page.
pub(super) fn index(provider: &Provider, example: &str) -> String {
    let name = &provider.name;
    let object = &provider.provider;
    let mut page = front("", &format!("{name} Provider"), &object.description);
    let _ = writeln!(page, "# {name} Provider\n\n{}\n", object.description);
    code(&mut page, "Example Usage", "terraform", example);
    schema::section(&mut page, object);
    page
}

/// A resource's page.
pub(super) fn resource(provider: &Provider, name: &str, example: &str, import: &str) -> String {
    let object = &provider.resources[name];
    let mut page = front(&object.area, &format!("{name} Resource - {}", provider.name), &object.description);
    let _ = writeln!(page, "# {name} (Resource)\n\n{}\n", object.description);
    code(&mut page, "Example Usage", "terraform", example);
    schema::section(&mut page, object);
    compared::section(&mut page, object);
    privileges(&mut page, object, "plan", "Whoever applies plans first. ");
    imports(&mut page, name, object, import);
    moves(&mut page, name, object, import);
    page
}

/// A data source's page.
pub(super) fn data_source(provider: &Provider, name: &str, example: &str) -> String {
    let object = &provider.data_sources[name];
    let mut page = front(&object.area, &format!("{name} Data Source - {}", provider.name), &object.description);
    let _ = writeln!(page, "# {name} (Data Source)\n\n{}\n", object.description);
    code(&mut page, "Example Usage", "terraform", example);
    schema::section(&mut page, object);
    privileges(&mut page, object, "read", "");
    ended(page)
}

/// An action's page.
pub(super) fn action(provider: &Provider, name: &str, example: &str) -> String {
    let object = &provider.actions[name];
    let mut page = front(&object.area, &format!("{name} Action - {}", provider.name), &object.description);
    let _ = writeln!(page, "# {name} (Action)\n\n{}\n", object.description);
    code(&mut page, "Example Usage", "terraform", example);
    let _ = writeln!(
        page,
        "From a shell, and with OpenTofu, which has no actions:\n\n```shell\n{}\n```\n",
        command(provider, name)
    );
    schema::section(&mut page, object);
    privileges(&mut page, object, "look", "");
    ended(page)
}

/// The action as a command line, with what is required.
fn command(provider: &Provider, name: &str) -> String {
    let object = &provider.actions[name];
    let words = object.attributes.iter().filter(|attribute| attribute.rule == "required");
    let words: String = words.map(|attribute| format!(" {}=...", attribute.name)).collect();
    format!("terraform-provider-{} act {}{words}", provider.name, provider.short(name))
}

/// The page of an ephemeral resource.
pub(super) fn ephemeral(provider: &Provider, name: &str, example: &str) -> String {
    let object = &provider.ephemeral[name];
    let mut page = front(&object.area, &format!("{name} Ephemeral Resource - {}", provider.name), &object.description);
    let _ = writeln!(page, "# {name} (Ephemeral Resource)\n\n{}\n", object.description);
    code(&mut page, "Example Usage", "terraform", example);
    schema::section(&mut page, object);
    privileges(&mut page, object, "open", "");
    ended(page)
}

/// A function's page.
pub(super) fn function(provider: &Provider, name: &str, example: &str) -> String {
    let function = &provider.functions[name];
    let mut page = front("", &format!("{name} function - {}", provider.name), &function.summary);
    let _ = writeln!(page, "# function: {name}\n\n{}\n", function.description);
    code(&mut page, "Example Usage", "terraform", example);
    let kind = |attribute: &Attribute| match (&attribute.nesting, &attribute.kind) {
        (Some(_), _) => "object".to_owned(),
        (None, kind) => kind.clone().unwrap_or_default(),
    };
    let last = function.parameters.len().saturating_sub(1);
    let parameters = function.parameters.iter().enumerate().map(|(place, parameter)| {
        let more = if function.variadic && place == last { "..." } else { "" };
        format!("{} {}{more}", parameter.name, kind(parameter))
    });
    let signature = format!("{name}({}) {}", parameters.collect::<Vec<_>>().join(", "), kind(&function.returns));
    code(&mut page, "Signature", "text", &signature);
    page.push_str("## Arguments\n\n");
    for (place, parameter) in function.parameters.iter().enumerate() {
        schema::parameter(&mut page, place + 1, parameter);
    }
    if !function.returns.attributes.is_empty() {
        page.push_str("\n## Answer\n\n");
        schema::fields(&mut page, &function.returns.attributes);
    }
    ended(page)
}

/// One line's end at the end.
fn ended(mut page: String) -> String {
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The page of what lists a resource's objects.
pub(super) fn list_resource(provider: &Provider, name: &str) -> String {
    let object = &provider.lists[name];
    let mut page = front(&object.area, &format!("{name} List Resource - {}", provider.name), &object.description);
    let short = provider.short(name);
    let _ = writeln!(
        page,
        "# {name} (List Resource)\n\n{}\n\nFor `terraform query`, from Terraform 1.14 on; `terraform-provider-{} query --type {short}` tells the \
         same for others. What each object is like stands on the page of [{name}](../resources/{short}.md); the guide [Lost \
         state](../guides/lost-state.md) tells the whole way.\n",
        object.description, provider.name
    );
    code(&mut page, "Example Usage", "terraform", &list_example(provider, name));
    schema::section(&mut page, object);
    page.truncate(page.trim_end().len());
    page.push_str("\n\n");
    privileges(&mut page, object, "list", "");
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// A block that lists all of them, narrowed down where that can be.
fn list_example(provider: &Provider, name: &str) -> String {
    let object = &provider.lists[name];
    // What most people would ask by comes first.
    let rank = |name: &str| ["node", "pool", "storage", "realm"].iter().position(|known| *known == name).unwrap_or(9);
    let texts = object.attributes.iter().filter(|attribute| attribute.kind.as_deref() == Some("string"));
    let one = texts.min_by_key(|attribute| rank(&attribute.name));
    let config = one.map(|attribute| {
        let value = match attribute.name.as_str() {
            "node" => "pve1",
            "pool" | "poolid" => "web",
            "storage" => "local",
            "userid" => "joe@pve",
            "place" => "cluster",
            "path" => "/",
            "realm" => "pve",
            _ => "NAME",
        };
        format!("\n  config {{\n    {} = \"{value}\"\n  }}\n", attribute.name)
    });
    format!(
        "# In a file whose name ends with `.tfquery.hcl`\nlist \"{name}\" \"all\" {{\n  provider         = {}\n  include_resource = true\n{}}}",
        provider.name,
        config.unwrap_or_default()
    )
}

/// How an object that exists is imported: by its id, and by its identity, both with the example's values.
fn imports(page: &mut String, name: &str, object: &Object, import: &str) {
    let import = import.trim_end();
    let key = object.key.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join("/");
    let _ = writeln!(page, "## Import\n\nThe id is {key}:\n\n```shell\n{import}\n```");
    let mut words = import.split(' ').skip(2);
    let to = words.next().unwrap_or(name);
    let values = parts(words.next().unwrap_or_default().trim_matches('\''), object.key.len());
    let width = object.key.iter().map(String::len).max().unwrap_or(0);
    let identity = object.key.iter().zip(values).map(|(field, value)| {
        let number = object.attributes.iter().any(|a| a.name == *field && a.kind.as_deref() == Some("number"));
        let value = if number { value } else { format!("\"{value}\"") };
        format!("    {field:width$} = {value}\n")
    });
    let _ = writeln!(
        page,
        "\nOr with an `import` block, by the same `id` or, from Terraform 1.12 on, by the identity:\n\n```terraform\nimport {{\n  to \
         = {to}\n  identity = {{\n{}  }}\n}}\n```",
        identity.collect::<String>()
    );
}

/// What other providers made and a `moved` block hands over.
fn moves(page: &mut String, name: &str, object: &Object, import: &str) {
    let Some(first) = object.moves.first().and_then(|way| way.from.first()) else { return };
    let named = |way: &Move| {
        let from = way.from.iter().map(|from| format!("`{from}`")).collect::<Vec<_>>();
        format!("{} of `{}`", from.join(", "), way.provider)
    };
    let known = object.moves.iter().map(named).collect::<Vec<_>>().join("; ");
    let to = import.split_whitespace().nth(2).unwrap_or(name);
    let own = to.split_once('.').map_or("this", |(_, own)| own);
    let _ = writeln!(
        page,
        "\n## Moved from other providers\n\nFrom Terraform 1.8 on, a `moved` block takes over {known}. Nothing is changed in the \
         cluster, and what is there is read from it.\n\n```terraform\nmoved {{\n  from = {first}.{own}\n  to   = {to}\n}}\n```"
    );
}

/// An import id in its parts. Where it has more slashes than it takes, the first part has them: a path.
fn parts(id: &str, count: usize) -> Vec<String> {
    let mut parts: Vec<String> = id.rsplitn(count.max(1), '/').map(str::to_owned).collect();
    parts.reverse();
    parts
}

/// What it takes to plan it (to read it, for a data source) and to apply it.
fn privileges(page: &mut String, object: &Object, to_look: &str, order: &str) {
    if object.needs.is_empty() {
        return;
    }
    let _ = writeln!(page, "## Privileges\n\n| To | on | one of |\n|---|---|---|");
    for need in &object.needs {
        let any = match need.any.as_slice() {
            [] => "`root@pam` with its password: no token is enough".to_owned(),
            any => any.iter().map(|one| format!("`{}`", one.replace(" and ", "` + `"))).collect::<Vec<_>>().join(", "),
        };
        let job = if need.job == "plan" { to_look } else { &need.job };
        let (path, only) = match &need.only {
            None => (need.path.clone(), String::new()),
            Some((name, begins)) => {
                let rest = if begins.ends_with('/') { "..." } else { "" };
                (need.path.replace(&format!("{{{name}}}"), "..."), format!(" for `{begins}{rest}`"))
            }
        };
        let _ = writeln!(page, "| {} | `{path}`{only} | {any} |", job);
    }
    let _ = writeln!(
        page,
        "\n{order}`terraform-provider-pve privileges` prints the roles for all of a plan; see \
         [Credentials](../guides/credentials.md).\n"
    );
}

/// What the registry's site reads: the area in the menu, the title, a line for search engines.
fn front(area: &str, title: &str, description: &str) -> String {
    let first = description.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    format!("---\npage_title: \"{title}\"\nsubcategory: \"{area}\"\ndescription: |-\n  {first}\n---\n\n")
}

fn code(page: &mut String, title: &str, language: &str, text: &str) {
    let _ = writeln!(page, "## {title}\n\n```{language}\n{}\n```\n", text.trim_end());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_import_is_shown_by_id_and_by_the_attributes_of_the_identity() {
        let object: Object = serde_json::from_value(json!({
            "description": "A disk.", "key": ["node", "id"],
            "attributes": [
                {"name": "node", "description": "", "rule": "required", "type": "string"},
                {"name": "id", "description": "", "rule": "required", "type": "number"},
            ],
        }))
        .unwrap();
        let mut page = String::new();
        imports(&mut page, "acme_disk", &object, "terraform import acme_disk.a 'pve1/7'\n");
        assert_eq!(
            page,
            "## Import\n\nThe id is `node`/`id`:\n\n```shell\nterraform import acme_disk.a 'pve1/7'\n```\n\nOr with an `import` \
             block, by the same `id` or, from Terraform 1.12 on, by the identity:\n\n```terraform\nimport {\n  to = \
             acme_disk.a\n  identity = {\n    node = \"pve1\"\n    id   = 7\n  }\n}\n```\n"
        );
    }

    #[test]
    fn what_is_taken_over_is_named_with_its_provider() {
        let object: Object = serde_json::from_value(json!({
            "description": "A disk.", "attributes": [],
            "moves": [{"provider": "o/other", "from": ["other_disk", "other_old_disk"]}, {"provider": "x/y", "from": ["y_disk"]}],
        }))
        .unwrap();
        let mut page = String::new();
        moves(&mut page, "acme_disk", &object, "terraform import acme_disk.a 'pve1/7'\n");
        assert!(page.contains("takes over `other_disk`, `other_old_disk` of `o/other`; `y_disk` of `x/y`."), "{page}");
        assert!(page.ends_with("moved {\n  from = other_disk.a\n  to   = acme_disk.a\n}\n```\n"), "{page}");
        let mut page = String::new();
        let object = serde_json::from_value(json!({ "description": "A disk.", "attributes": [] })).unwrap();
        moves(&mut page, "acme_disk", &object, "terraform import acme_disk.a 'pve1/7'\n");
        assert_eq!(page, "");
    }

    #[test]
    fn a_list_shows_how_it_is_narrowed_down_and_what_it_takes() {
        let provider: Provider = serde_json::from_value(json!({
            "name": "acme", "provider": {"description": "", "attributes": []}, "resources": {}, "data_sources": {},
            "lists": {
                "acme_disk": {
                    "area": "Disks", "description": "Lists all.",
                    "attributes": [{"name": "node", "description": "Only those.", "rule": "optional", "type": "string"}],
                    "needs": [{"job": "plan", "path": "/disks", "any": ["Audit"]}],
                },
                "acme_rack": {"area": "Disks", "description": "Lists all.", "attributes": []},
            },
        }))
        .unwrap();
        let page = list_resource(&provider, "acme_disk");
        assert!(page.contains("  include_resource = true\n\n  config {\n    node = \"pve1\"\n  }\n}\n```"), "{page}");
        assert!(page.contains("### Optional\n\n- `node` (String) Only those.\n\n## Privileges\n"), "{page}");
        assert!(page.contains("| list | `/disks` | `Audit` |\n"), "{page}");
        assert!(page.contains("[acme_disk](../resources/disk.md)"), "{page}");
        assert!(list_resource(&provider, "acme_rack").contains("  include_resource = true\n}\n```"));
    }

    #[test]
    fn a_path_may_be_the_first_part_of_an_id() {
        assert_eq!(parts("/vms/PVEAuditor/@auditors", 3), ["/vms", "PVEAuditor", "@auditors"]);
        assert_eq!(parts("node/pve1", 1), ["node/pve1"]);
    }

    #[test]
    fn a_data_source_says_what_it_takes_to_read_it() {
        let provider: Provider = serde_json::from_value(json!({
            "name": "acme", "provider": {"description": "", "attributes": []}, "resources": {},
            "data_sources": {"acme_disk": {
                "area": "Disks", "description": "A disk.\n\nIt turns.",
                "attributes": [{"name": "id", "description": "Its id.", "rule": "required", "type": "number"}],
                "needs": [{"job": "plan", "path": "/disks/{id}", "any": ["Audit", "Write"]}],
            }},
        }))
        .unwrap();
        let page = data_source(&provider, "acme_disk", "data \"acme_disk\" \"a\" {}\n");
        let begins = "---\npage_title: \"acme_disk Data Source - acme\"\nsubcategory: \"Disks\"\ndescription: |-\n  A disk.\n---\n\n";
        assert!(page.starts_with(begins), "{page}");
        assert!(page.contains("### Required\n\n- `id` (Number) Its id.\n\n## Privileges\n"), "{page}");
        assert!(page.contains("| read | `/disks/{id}` | `Audit`, `Write` |\n"), "{page}");
        assert!(page.ends_with("(../guides/credentials.md).\n"), "{page}");
    }
}
