//! Bad input: what is said, which attribute it points at, which cure it offers, and that nothing was written.

mod rows;

use acceptance_tests::{Product, Program, Sim, Terraform, Workspace};
use anyhow::ensure;

use super::Found;
use rows::{ROWS, Row};

const HEAD: &str = "terraform {\n  required_providers {\n    pve = { source = \"homelab/pve\" }\n  }\n}\n";

/// One for each row.
pub(super) fn find(terraform: &'static Terraform, provider: &Program) -> anyhow::Result<Vec<Found>> {
    let found = ROWS.iter().map(|row| {
        let provider = provider.clone();
        Found::new(row.name.replace(' ', "_"), move || check(terraform, &provider, row))
    });
    Ok(found.collect())
}

fn check(terraform: &'static Terraform, provider: &Program, row: &Row) -> anyhow::Result<()> {
    let mut work = Workspace::new(terraform, provider)?;
    let options: Vec<&str> = row.cluster.split(' ').collect();
    let sim = Sim::start(&options)?;
    work.set_all(sim.environment());
    for (name, value) in row.environment {
        work.set(name, value);
    }
    if !row.fault.is_empty() {
        sim.fault(&serde_json::from_str(row.fault)?)?;
    }
    work.write("main.tf", &format!("{HEAD}provider \"pve\" {{}}\n{}\n", row.hcl))?;
    work.init()?.succeeded()?;
    sim.forget_requests()?;
    let output = work.apply_json()?;
    ensure!(output.code == Some(1), "it should have failed: {}", output.told());
    let errors = output.errors();
    let Some(error) = errors.iter().find(|error| error.summary.contains(row.summary)) else {
        anyhow::bail!("no error says {:?}: {errors:#?}", row.summary);
    };
    ensure!(error.detail.contains(row.cure), "its detail has no word of {:?}: {}", row.cure, error.detail);
    if !row.attribute.is_empty() {
        let at = error.attribute();
        // What is within an attribute OpenTofu shows at the head of the block: there the path in words has to do.
        let says = |path: &str| error.summary.contains(path) || error.detail.contains(path);
        let within = says(&format!("{}.", row.attribute)) || says(&format!("{}[", row.attribute));
        let in_words = terraform.product == Product::OpenTofu && at.is_none() && within;
        ensure!(
            at == Some(row.attribute) || in_words,
            "it points at {at:?}, not at {}: {}",
            row.attribute,
            error.code()
        );
    }
    let sent: Vec<_> = sim.mutations()?.into_iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    ensure!(row.written || sent.is_empty(), "something was written: {sent:?}");
    ensure!(!work.state()?.to_string().contains("tainted"), "something is tainted");
    Ok(())
}
