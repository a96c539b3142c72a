//! The faults: what is wrong, where, and which tests may notice.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::trial::Trial;
use crate::cargo::workspace_root;

/// A fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutant {
    /// A short name.
    pub(super) name: String,
    /// What is wrong, in words.
    pub(super) wrong: String,
    /// The file, from the root of the workspace.
    pub(super) file: String,
    /// The text that is replaced; it stands there once.
    find: String,
    /// By what.
    replace: String,
    /// Tests beside the unit tests of the file's own package.
    #[serde(default)]
    tests: Vec<String>,
}

/// All of them.
pub(super) fn all() -> Result<Vec<Mutant>> {
    let file = workspace_root().join("xtask/mutants.yaml");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    serde_saphyr::from_str(&text).with_context(|| file.display().to_string())
}

impl Mutant {
    /// The file's text with the fault in it.
    pub(super) fn applied_to(&self, text: &str) -> Result<String> {
        let found = text.matches(&self.find).count();
        ensure!(found == 1, "{}: its text stands {found} times in {}, not once", self.name, self.file);
        let with = text.replacen(&self.find, &self.replace, 1);
        ensure!(with != text, "{}: it changes nothing", self.name);
        Ok(with)
    }

    /// The tests in the order in which they are tried: the quick ones first.
    pub(super) fn trials(&self) -> Result<Vec<Trial>> {
        let package = match self.file.split('/').collect::<Vec<_>>()[..] {
            ["crates", package, ..] => package,
            ["src", ..] => "terraform-provider-pve",
            _ => anyhow::bail!("{}: no fault can be made in {}", self.name, self.file),
        };
        let mut trials = self.tests.iter().map(|text| text.parse()).collect::<Result<Vec<Trial>>>()?;
        // All unit tests of a package are quicker than a test with Terraform, and slower than the nearest of them.
        let nearest = trials.iter().filter(|trial| matches!(trial, Trial::Unit { .. })).count();
        trials.insert(nearest, Trial::unit(package));
        Ok(trials)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_can_still_be_made() {
        let all = all().unwrap();
        assert_eq!(all.iter().map(|mutant| &mutant.name).collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.len() >= 40, "faults are added, not dropped");
        for mutant in &all {
            let text = std::fs::read_to_string(workspace_root().join(&mutant.file)).unwrap();
            mutant.applied_to(&text).unwrap();
            mutant.trials().unwrap();
        }
    }

    #[test]
    fn a_text_that_stands_there_twice_is_refused() {
        let mutant: Mutant =
            serde_saphyr::from_str("{name: n, wrong: w, file: src/a.rs, find: 'a > b', replace: 'a < b'}").unwrap();
        assert_eq!(mutant.applied_to("if a > b {}").unwrap(), "if a < b {}");
        assert!(mutant.applied_to("a > b; a > b").is_err() && mutant.applied_to("").is_err());
    }
}
