//! The examples that the registry shows, which every object has to have.

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
}

/// The example of a data source.
pub(crate) fn of_data_source(name: &str) -> anyhow::Result<String> {
    read(&examples().join("data-sources").join(name).join("data-source.tf"))
}

/// What has to be there for that example, as HCL: what the example of the resource makes.
pub(crate) fn looked_up(name: &str) -> anyhow::Result<Option<String>> {
    let made = examples().join("resources").join(name).is_dir();
    made.then(|| Ok(Example::of(name)?.text)).transpose()
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("no example: {}", path.display()))
}
