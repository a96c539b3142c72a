//! The checks that every object of the provider has to pass, one test an object, from its own example. Plain objects, of
//! which there are many alike, are tried in one configuration. Variants of the examples and wrong values, where Terraform
//! does not matter, are tried in the provider's own tests (`src/in_process/variants`).
//!
//! An object without an example fails. The objects are asked of the provider itself, so a new one is checked as soon as
//! it is registered.

mod data;
pub(super) mod description;
pub(super) mod example;
mod plain;
mod resource;

use acceptance_tests::{Beside, HEAD, Program, Sim, Terraform, Workspace};

use super::Found;
use description::Description;

/// One for each object.
pub(super) fn find(terraform: &'static Terraform, provider: &Program) -> anyhow::Result<Vec<Found>> {
    let description = Description::of(provider)?;
    let (plain, deep): (Vec<_>, Vec<_>) = description.resources.into_iter().partition(|(_, object)| object.plain);
    let (plain_data, data): (Vec<_>, Vec<_>) =
        description.data_sources.into_iter().partition(|(_, object)| object.plain);
    let together = {
        let provider = provider.clone();
        let data: Vec<String> = plain_data.into_iter().map(|(name, _)| name).collect();
        Found::new("plain".to_owned(), move || plain::check(terraform, &provider, &plain, &data))
    };
    let resources = deep.into_iter().map(|(name, object)| {
        let provider = provider.clone();
        Found::new(format!("resource::{name}"), move || resource::check(terraform, &provider, &name, &object))
    });
    let data_sources = data.into_iter().map(|(name, _)| {
        let provider = provider.clone();
        Found::new(format!("data::{name}"), move || data::check(terraform, &provider, &name))
    });
    Ok(resources.chain(data_sources).chain([together]).collect())
}

/// A cluster that has what the object's example assumes, and a workspace for it in which `terraform init` was run.
pub(super) fn bench(
    terraform: &'static Terraform,
    provider: &Program,
    name: &str,
    text: &str,
) -> anyhow::Result<(Sim, Workspace)> {
    let sim = Beside::of(name)?.sim()?;
    let work = Workspace::of(terraform, provider, &sim)?;
    work.write("head.tf", HEAD)?;
    work.write("main.tf", text)?;
    work.init()?.succeeded()?;
    Ok((sim, work))
}
