//! What a page must not say: words that make sense beside a resource and none in a data source, and the same thing twice.

use anyhow::{Result, ensure};

use super::description::{Attribute, Object, Provider};

/// What is said to somebody who writes an attribute.
const TO_WRITERS: [&str; 5] = ["A change", "Left alone", "Left to PVE", "when unset", "Raised"];

/// An error that names all attributes whose descriptions read wrongly.
pub(super) fn check(provider: &Provider) -> Result<()> {
    let mut wrong = Vec::new();
    for (name, object) in &provider.resources {
        each(object, &mut |path, attribute| {
            let said =
                attribute.description.matches("replaces").count() + attribute.description.matches("A change").count();
            if attribute.is("replace") && said > 2 {
                wrong.push(format!("{name}.{path}: that a change replaces is said by its rule"));
            }
        });
    }
    for (name, object) in &provider.data_sources {
        each(object, &mut |path, attribute| {
            if let Some(words) = TO_WRITERS.iter().find(|words| attribute.description.contains(**words)) {
                wrong.push(format!(
                    "{name}.{path}: \"{words}\" is for whoever writes it: put it into a paragraph of its own"
                ));
            }
        });
    }
    let objects =
        provider.resources.iter().chain(&provider.data_sources).chain(&provider.actions).chain(&provider.ephemeral);
    for (name, object) in objects.filter(|(_, object)| object.description.is_empty()) {
        wrong.push(format!("{name}: has {} attributes and no description", object.attributes.len()));
    }
    ensure!(wrong.is_empty(), "the doc comments do not read well as pages:\n{}", wrong.join("\n"));
    Ok(())
}

/// Calls back for each attribute, those in others too.
fn each(object: &Object, tell: &mut impl FnMut(&str, &Attribute)) {
    fn all(attributes: &[Attribute], above: &str, tell: &mut impl FnMut(&str, &Attribute)) {
        for attribute in attributes {
            let path = format!("{above}{}", attribute.name);
            tell(&path, attribute);
            all(&attribute.attributes, &format!("{path}."), tell);
        }
    }
    all(&object.attributes, "", tell);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(resource: &str, data_source: &str) -> String {
        let object = |description: &str| {
            json!({"description": "A disk.", "attributes": [{"name": "of", "description": "", "rule": "optional", "nesting": "single", "attributes": [
                {"name": "id", "description": description, "rule": "optional", "type": "string", "flags": ["replace"]},
            ]}]})
        };
        let provider = json!({"name": "acme", "provider": {"description": "", "attributes": []},
            "resources": {"acme_disk": object(resource)}, "data_sources": {"acme_disk": object(data_source)}});
        check(&serde_json::from_value(provider).unwrap()).map_or_else(|wrong| wrong.to_string(), |()| String::new())
    }

    #[test]
    fn what_is_for_writers_has_no_place_in_a_data_source() {
        assert_eq!(checked("Its id. A change replaces the object.", "Its id."), "");
        let wrong =
            checked("Its id. A change replaces it. A change replaces the object.", "Its id. Left alone when unset.");
        let lines: Vec<&str> = wrong.lines().skip(1).collect();
        assert_eq!(lines.len(), 2, "{wrong}");
        assert!(lines[0].starts_with("acme_disk.of.id: that a change replaces"), "{wrong}");
        assert!(lines[1].starts_with("acme_disk.of.id: \"Left alone\""), "{wrong}");
    }
}
