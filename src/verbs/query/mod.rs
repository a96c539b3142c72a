//! `terraform-provider-pve query`: what there is in PVE, as configuration and `import` blocks, for those whose Terraform has
//! no `query`.

mod hcl;
mod names;
mod references;
pub(crate) mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use terraform_plugin::value::Value;
use terraform_plugin::{Diagnostic, Diagnostics, Inventory, Item, StopToken};

use super::{block_on, told, wrong};
use crate::ceph::cluster::is_missing;
use crate::provider::PveProvider;
use written::Files;

const USAGE: &str = "usage: terraform-provider-pve query [--type TYPE]... [--out DIR]";

/// What is asked for.
#[derive(Debug, Default, PartialEq)]
struct Arguments {
    /// These types and no others; all if there are none.
    types: BTreeSet<String>,
    /// Where files are written; else all goes to the standard output.
    out: Option<PathBuf>,
}

impl Arguments {
    fn parse(arguments: &[OsString]) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut rest = arguments.iter();
        while let Some(option) = rest.next() {
            let value = rest.next().ok_or(USAGE)?;
            match option.to_str() {
                Some("--type") => {
                    let name = value.to_str().ok_or(USAGE)?;
                    parsed.types.insert(if name.starts_with("pve_") { name.to_owned() } else { format!("pve_{name}") });
                }
                Some("--out") if parsed.out.is_none() => parsed.out = Some(value.into()),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(parsed)
    }
}

/// `query [--type TYPE]... [--out DIR]`. The provider's settings come from the environment.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => return wrong(&usage),
    };
    let stop = StopToken::new();
    block_on(&stop, async {
        match asked(&arguments, &stop).await {
            Ok(true) => 0,
            Ok(false) => 1,
            Err(error) => {
                eprintln!("{}", error.trim_end());
                1
            }
        }
    })
}

/// Whether everything was seen.
async fn asked(arguments: &Arguments, stop: &StopToken) -> Result<bool, String> {
    let (files, said) = found(BTreeMap::new(), &arguments.types, stop).await?;
    match &arguments.out {
        None => std::io::stdout().write_all(files.in_one().as_bytes()).map_err(|error| error.to_string())?,
        Some(folder) => files.write(folder)?,
    }
    eprint!("{}", told(&said));
    Ok(!said.has_errors())
}

/// What there is, written down, and what there is to say about it. `config` is what the provider's block says.
pub(crate) async fn found(
    config: BTreeMap<String, Value>,
    types: &BTreeSet<String>,
    stop: &StopToken,
) -> Result<(Files, Diagnostics), String> {
    let inventory = Inventory::<PveProvider>::open(config, stop.clone()).await.map_err(|said| told(&said))?;
    let known = inventory.types();
    if let Some(unknown) = types.iter().find(|name| !known.iter().any(|(known, _)| known == *name)) {
        let known: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        return Err(format!("`{unknown}` cannot be listed. These can: {}", known.join(", ")));
    }
    let (has_ceph, has_shell) = (has_ceph(&inventory).await, has_shell(&inventory));
    let (mut all, mut said) = (Vec::new(), Diagnostics::default());
    for (name, area) in known {
        let asked_by_name = types.contains(&name);
        let of_ceph = area == "Ceph" && name != "pve_ceph_install";
        if !(types.is_empty() || asked_by_name) || (of_ceph && !has_ceph && !asked_by_name) {
            continue;
        }
        if BY_SHELL.contains(&name.as_str()) && !has_shell && !asked_by_name {
            let why = "Reading it takes a shell on the nodes: the login of root@pam, or SSH.";
            said.extend([Diagnostic::warning(format!("`{name}` was not looked for"), why)]);
            continue;
        }
        let (items, about) = inventory.all(&name).await;
        said.extend(about);
        all.extend(items.into_iter().map(|item| (area, item)));
    }
    references::drop_parts(&mut all);
    Ok((Files::of(&all), said))
}

/// What is read by a shell on the nodes.
const BY_SHELL: &[&str] = &["pve_disk_partition"];

fn has_shell(inventory: &Inventory<PveProvider>) -> bool {
    inventory.api().is_ok_and(|api| api.client.has_root() || api.client.ssh("").is_some())
}

/// Whether there is a Ceph of which something could be listed. Where nobody can tell, its lists will say why.
async fn has_ceph(inventory: &Inventory<PveProvider>) -> bool {
    let Ok(api) = inventory.api() else { return true };
    !matches!(api.client.ceph().conf().await, Err(error) if is_missing(&error))
}

/// The type of an item without the provider's prefix.
fn short(item: &Item) -> &str {
    item.type_name.strip_prefix("pve_").unwrap_or(&item.type_name)
}

/// What was found, with the chapter that each belongs to.
type Found = Vec<(&'static str, Item)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_with_or_without_the_prefix() {
        let parse = |words: &[&str]| Arguments::parse(&words.iter().map(OsString::from).collect::<Vec<_>>());
        let both = parse(&["--type", "vm", "--out", "there", "--type", "pve_pool"]).unwrap();
        assert_eq!(both.types.iter().collect::<Vec<_>>(), ["pve_pool", "pve_vm"]);
        assert_eq!(both.out, Some("there".into()));
        assert_eq!(parse(&[]).unwrap(), Arguments::default());
        for wrong in [&["--type"] as &[&str], &["pools"], &["--all", "yes"], &["--out", "a", "--out", "b"]] {
            assert_eq!(parse(wrong), Err(USAGE.to_owned()), "{wrong:?}");
        }
    }
}
