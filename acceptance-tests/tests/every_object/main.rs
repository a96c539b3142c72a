//! The checks that every object of the provider has to pass, one test an object: from its own example, and from variants
//! of it that follow from its schema.
//!
//! An object without an example fails. The objects are asked of the provider itself, so a new one is checked as soon as
//! it is registered; what has to be known about single attributes stands in `special.rs`.

mod data;
mod description;
mod example;
mod resource;
mod special;
mod values;
mod variants;

use std::process::ExitCode;

use acceptance_tests::{HEAD, Program, Sim, Terraform, Workspace, or_skip};
use libtest_mimic::{Arguments, Failed, Trial};

use description::{Description, Object};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let Some(terraform) = or_skip(Terraform::find()) else { return ExitCode::SUCCESS };
    let (provider, description) = match Program::provider().and_then(|p| Description::of(&p).map(|d| (p, d))) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    for (name, object) in description.resources {
        let provider = provider.clone();
        trials.push(trial(format!("resource::{name}"), move || resource::check(terraform, &provider, &name, &object)));
    }
    for (name, _) in description.data_sources {
        let provider = provider.clone();
        trials.push(trial(format!("data::{name}"), move || data::check(terraform, &provider, &name)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: String, check: impl FnOnce() -> anyhow::Result<()> + Send + 'static) -> Trial {
    Trial::test(name, || check().map_err(|error| Failed::from(format!("{error:#}"))))
}

/// A cluster that has what the object's example assumes, and a workspace for it in which `terraform init` was run.
fn bench(
    terraform: &'static Terraform,
    provider: &Program,
    name: &str,
    text: &str,
) -> anyhow::Result<(Sim, Workspace)> {
    let sim = Sim::start(&special::cluster(name))?;
    let work = Workspace::of(terraform, provider, &sim)?;
    work.write("head.tf", HEAD)?;
    work.write("main.tf", text)?;
    work.init()?.succeeded()?;
    Ok((sim, work))
}

/// The attributes of an object that a configuration can say.
fn arguments(object: &Object) -> impl Iterator<Item = &description::Attribute> {
    object.attributes.iter().filter(|attribute| attribute.rule != "computed")
}
