//! What is wrong and has to be said before anything is written.

use anyhow::ensure;

use crate::{Sim, Workspace};

/// Applies a `block` made of each row's attributes: it must fail with the row's summary, tell its cure, and leave nothing in the
/// state. All together must have written nothing.
///
/// # Errors
/// A row that is not refused like that, or what was written.
pub fn refused(
    sim: &Sim,
    work: &Workspace,
    block: impl Fn(&str) -> String,
    rows: &[(&str, &str, &str)],
) -> anyhow::Result<()> {
    for (attributes, summary, cure) in rows {
        work.write("main.tf", &block(attributes))?;
        let output = work.apply()?.failed(summary)?;
        ensure!(output.says(cure), "{attributes}: no word of {cure}:\n{}", output.told());
        let kept = work.state()?["resources"].as_array().map_or(0, Vec::len);
        ensure!(kept == 0, "{attributes}: {kept} objects in the state");
    }
    let sent: Vec<_> = sim.mutations()?.into_iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    ensure!(sent.is_empty(), "{sent:?}");
    Ok(())
}
