//! `cargo xtask docs [--check]`: the registry's pages, from the provider's own description of itself and the examples.
//!
//! A page an object, in the layout that the registry expects (`docs/resources/NAME.md`, `docs/data-sources/NAME.md`,
//! `docs/list-resources/NAME.md`, `docs/actions/NAME.md`, `docs/ephemeral-resources/NAME.md`, `docs/functions/NAME.md`,
//! `docs/index.md`). What stands there is what the doc comments of the models say.

mod compared;
mod description;
mod page;
mod schema;
mod wording;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cargo::{cargo, workspace_root};
use description::Provider;

/// How to make the documentation.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only look whether what is committed is up to date
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes the pages, or compares them with what is there.
pub(crate) fn run(args: &Args) -> Result<bool> {
    made_of(cargo(&["run", "--quiet", "--package", "terraform-provider-pve", "--"]), args)
}

/// Compares what this provider says of itself with the pages that are there.
pub(crate) fn check(provider: Command) -> Result<bool> {
    made_of(provider, &Args { check: true })
}

fn made_of(provider: Command, args: &Args) -> Result<bool> {
    let pages = pages(provider)?;
    let folder = workspace_root().join("docs");
    let there = read_all(&folder)?;
    if there == pages {
        println!("docs: {} pages, up to date", pages.len());
        return Ok(true);
    }
    if args.check {
        let names = pages.keys().chain(there.keys()).filter(|name| pages.get(*name) != there.get(*name));
        let names: std::collections::BTreeSet<_> = names.map(|name| name.display().to_string()).collect();
        for name in names {
            println!("docs/{name} is not up to date");
        }
        println!("`cargo xtask docs` brings it up to date");
        return Ok(false);
    }
    for stale in there.keys().filter(|name| !pages.contains_key(*name)) {
        fs::remove_file(folder.join(stale))?;
    }
    for (name, text) in &pages {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(path, text)?;
    }
    println!("docs: {} pages written", pages.len());
    Ok(true)
}

/// All pages by their path below `docs/`.
fn pages(provider: Command) -> Result<BTreeMap<PathBuf, String>> {
    let examples = workspace_root().join("examples");
    let provider = describe(provider)?;
    wording::check(&provider)?;
    let mut pages = BTreeMap::from([(
        PathBuf::from("index.md"),
        page::index(&provider, &example(&examples.join("provider/provider.tf"))?),
    )]);
    for name in provider.resources.keys() {
        let folder = examples.join("resources").join(name);
        let import = example(&folder.join("import.sh"))?;
        let text = page::resource(&provider, name, &example(&folder.join("resource.tf"))?, &import);
        pages.insert(Path::new("resources").join(format!("{}.md", provider.short(name))), text);
    }
    for name in provider.data_sources.keys() {
        let folder = examples.join("data-sources").join(name);
        let text = page::data_source(&provider, name, &example(&folder.join("data-source.tf"))?);
        pages.insert(Path::new("data-sources").join(format!("{}.md", provider.short(name))), text);
    }
    for name in provider.actions.keys() {
        let text = page::action(&provider, name, &example(&examples.join("actions").join(name).join("action.tf"))?);
        pages.insert(Path::new("actions").join(format!("{}.md", provider.short(name))), text);
    }
    for name in provider.ephemeral.keys() {
        let file = examples.join("ephemeral-resources").join(name).join("ephemeral-resource.tf");
        let text = page::ephemeral(&provider, name, &example(&file)?);
        pages.insert(Path::new("ephemeral-resources").join(format!("{}.md", provider.short(name))), text);
    }
    for name in provider.functions.keys() {
        let text =
            page::function(&provider, name, &example(&examples.join("functions").join(name).join("function.tf"))?);
        pages.insert(Path::new("functions").join(format!("{name}.md")), text);
    }
    for name in provider.lists.keys() {
        let path = Path::new("list-resources").join(format!("{}.md", provider.short(name)));
        pages.insert(path, page::list_resource(&provider, name));
    }
    Ok(pages)
}

/// What the provider says of itself.
fn describe(mut provider: Command) -> Result<Provider> {
    let output = provider.arg("docs-json").output().with_context(|| format!("{provider:?}"))?;
    if !output.status.success() {
        bail!("the provider cannot describe itself:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("the provider's description of itself")
}

/// An example; every object must have one.
fn example(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("every object needs an example: {}", path.display()))
}

/// The pages that are there.
fn read_all(folder: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    for part in ["", "resources", "data-sources", "list-resources", "actions", "ephemeral-resources", "functions"] {
        let Ok(entries) = fs::read_dir(folder.join(part)) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(folder)?.to_path_buf();
                // Pages written by hand carry no front matter.
                let text = fs::read_to_string(&path)?;
                if text.starts_with("---\n") {
                    found.insert(name, text);
                }
            }
        }
    }
    Ok(found)
}
