//! The examples that the registry shows, which every object has to have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// The example of a resource.
pub(crate) struct Example {
    /// `resource.tf`.
    pub(crate) text: String,
    /// The resource in it that is shown: `pve_ceph_pool.vm`.
    pub(crate) address: String,
    /// What `import.sh` imports it by.
    pub(crate) id: String,
}

impl Example {
    pub(crate) fn of(resource: &str) -> anyhow::Result<Self> {
        let folder = examples().join("resources").join(resource);
        let import = read(&folder.join("import.sh"))?;
        let command = import.lines().find(|line| line.starts_with("terraform import "));
        let words: Vec<&str> = command.unwrap_or_default().split_whitespace().collect();
        let ["terraform", "import", address, id] = words[..] else {
            anyhow::bail!("import.sh has no line `terraform import {resource}.NAME ID`");
        };
        ensure!(address.starts_with(&format!("{resource}.")), "import.sh imports {address}");
        let text = read(&folder.join("resource.tf"))?;
        let unquoted = |word: &str| word.trim_matches(['\'', '"']).to_owned();
        Ok(Self { text, address: unquoted(address), id: unquoted(id) })
    }

    /// The example with other values of these attributes, each on a line of its own: diagnostics then point at it. (An
    /// override file would do without reading HCL, but Terraform points at the head of the block then.)
    pub(crate) fn with(&self, attributes: &BTreeMap<&str, String>) -> anyhow::Result<String> {
        let (kind, label) = self.address.split_once('.').context("the address has no dot")?;
        let head = format!("resource \"{kind}\" \"{label}\" {{");
        let (before, block) = self.text.split_once(&head).with_context(|| format!("the example has no `{head}`"))?;
        let mut text = format!("{before}{head}\n");
        for (name, value) in attributes {
            text.push_str(&format!("  {name} = {value}\n"));
        }
        // How many brackets are open: attributes of the resource itself stand where it is one.
        let (mut depth, mut dropping) = (1, false);
        for line in block.lines() {
            let name = line.split_once('=').map_or("", |(name, _)| name.trim());
            dropping = if depth == 1 { attributes.contains_key(name) } else { dropping && depth > 1 };
            // Once the block is closed, the rest is another's.
            depth = if depth > 0 { depth + brackets(line) } else { 0 };
            if !dropping {
                text.push_str(line);
                text.push('\n');
            }
        }
        Ok(text)
    }
}

/// Opening less closing brackets, without those in a comment.
fn brackets(line: &str) -> i32 {
    let code = line.split('#').next().unwrap_or_default();
    code.chars().map(|c| i32::from("{[(".contains(c)) - i32::from("}])".contains(c))).sum()
}

/// The example of a data source.
pub(crate) fn of_data_source(name: &str) -> anyhow::Result<String> {
    read(&examples().join("data-sources").join(name).join("data-source.tf"))
}

/// What has to be there for that example, as HCL: what the example of the resource makes. A machine is in every cluster.
pub(crate) fn looked_up(name: &str) -> anyhow::Result<Option<String>> {
    let made = name != "pve_vm" && examples().join("resources").join(name).is_dir();
    made.then(|| Ok(Example::of(name)?.text)).transpose()
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("no example: {}", path.display()))
}
