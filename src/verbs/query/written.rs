//! The files: a chapter each, with an `import` block beside each resource.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Found;
use super::hcl::{body, expression, quoted};
use super::names::labels;
use super::references::References;

/// What asks for the provider, so that the folder can be applied as it is.
const PROVIDER: &str = "terraform {\n  required_providers {\n    pve = {\n      source = \"homelab/pve\"\n    }\n  }\n}\n\nprovider \"pve\" {}\n";

/// Files by name.
#[derive(Debug)]
pub(crate) struct Files(BTreeMap<String, String>);

impl Files {
    /// What was found, written down.
    pub(super) fn of(all: &Found) -> Self {
        let labels = labels(all.iter().map(|(_, item)| item));
        let mut references = References::among(all.iter().map(|(_, item)| item).zip(labels.iter().map(String::as_str)));
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let mut variables = String::new();
        for (n, ((area, item), label)) in all.iter().zip(&labels).enumerate() {
            let address = format!("{}.{label}", item.type_name);
            let mut attributes: Vec<(String, String)> = Vec::new();
            for (name, value) in &item.config {
                let mut instead = |attribute: &str, value: &_| {
                    references.find(n, attribute, value).map(|reference| reference.written())
                };
                attributes.push((name.clone(), expression(name, value, 1, &mut instead)));
            }
            for untold in &item.untold {
                let variable = format!("{}_{label}_{}", super::short(item), untold.name).replace('-', "_");
                let _ = write!(
                    variables,
                    "# A secret, which is not written down here.\nvariable {} {{\n  type      = {}\n  sensitive = true\n}}\n\n",
                    quoted(&variable),
                    untold.ty()
                );
                attributes.push((untold.name.clone(), format!("var.{variable}")));
            }
            let text = files.entry(file_of(area)).or_default();
            let _ = write!(
                text,
                "import {{\n  to = {address}\n  id = {}\n}}\n\nresource {} {} {{\n{}}}\n\n",
                quoted(&item.id),
                quoted(&item.type_name),
                quoted(label),
                body(&attributes, 1)
            );
        }
        if !variables.is_empty() {
            files.insert("variables.tf".to_owned(), variables);
        }
        for text in files.values_mut() {
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        Self(files)
    }

    /// All of them one after the other.
    pub(crate) fn in_one(&self) -> String {
        self.0.values().cloned().collect::<Vec<_>>().join("\n")
    }

    /// Writes them into a folder, which is made. Nothing that is there is written over.
    pub(super) fn write(&self, folder: &Path) -> Result<(), String> {
        let told = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut files = self.0.clone();
        files.insert("provider.tf".to_owned(), PROVIDER.to_owned());
        if let Some(there) = files.keys().map(|name| folder.join(name)).find(|path| path.exists()) {
            return Err(format!("{} exists already. Nothing was written: choose an empty folder.", there.display()));
        }
        fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
        for (name, text) in &files {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| told(&path, &error))?;
        }
        Ok(())
    }
}

/// The file of a chapter: `virtual_machines.tf`.
fn file_of(area: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("{}.tf", area.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use terraform_plugin::schema::{Attribute, Kind, Rule};
    use terraform_plugin::value::Type;

    use super::super::names::item;
    use super::*;

    #[test]
    fn each_is_imported_and_written_down() {
        let secret = Attribute::new("token", Kind::Plain(Type::String), Rule::Required);
        let mut target = item("pve_notification_gotify", "alerts", &[("name", "alerts".into())]);
        target.untold.push(secret);
        let vm = item("pve_vm", "101", &[("vmid", 101.into())]);
        let member = item("pve_pool_member", "web/101", &[("member", "101".into()), ("poolid", "web".into())]);
        let files = Files::of(&vec![("Notifications", target), ("Virtual machines", vm), ("Access", member)]);
        assert_eq!(
            files.0.keys().collect::<Vec<_>>(),
            ["access.tf", "notifications.tf", "variables.tf", "virtual_machines.tf"]
        );
        let access = "import {\n  to = pve_pool_member.web_101\n  id = \"web/101\"\n}\n\nresource \"pve_pool_member\" \"web_101\" \
                      {\n  member = pve_vm.vm_101.vmid\n  poolid = \"web\"\n}\n";
        assert_eq!(files.0["access.tf"], access);
        assert!(
            files.0["notifications.tf"]
                .contains("  name  = \"alerts\"\n  token = var.notification_gotify_alerts_token\n")
        );
        assert!(
            files.0["variables.tf"].contains("variable \"notification_gotify_alerts_token\" {\n  type      = string\n")
        );

        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("new");
        files.write(&inside).unwrap();
        assert!(fs::read_to_string(inside.join("provider.tf")).unwrap().contains("homelab/pve"));
        fs::write(inside.join("access.tf"), "mine").unwrap();
        assert!(files.write(&inside).unwrap_err().contains("exists already"));
        assert_eq!(fs::read_to_string(inside.join("access.tf")).unwrap(), "mine");
    }
}
