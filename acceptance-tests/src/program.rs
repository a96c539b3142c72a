//! The programs under test, built once per test program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};

/// A provider's binary, with the address under which configurations ask for it.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// `namespace/type`, as in `required_providers`.
    pub source: &'static str,
}

impl Program {
    /// The provider of this project; `ACCEPTANCE_PROVIDER` names a binary to be tested instead of the debug build.
    pub fn provider() -> anyhow::Result<Self> {
        let path = match std::env::var_os("ACCEPTANCE_PROVIDER") {
            Some(path) => std::path::absolute(path)?,
            None => built(&["--package", "terraform-provider-pve", "--bin", "terraform-provider-pve"])?,
        };
        Ok(Self { path, source: "homelab/pve" })
    }

    /// A provider that is an example of the framework.
    pub fn framework_example(name: &str, source: &'static str) -> anyhow::Result<Self> {
        Ok(Self { path: built(&["--package", "terraform-plugin", "--example", name])?, source })
    }
}

/// Names the folder of a build of the whole workspace (`target/debug`): nothing is then built here. Building a package
/// alone chooses fewer features of its dependencies than building the workspace does, so the two would take turns in
/// building them anew.
pub const BUILT_IN: &str = "ACCEPTANCE_BUILT_IN";

/// The cargo profile of programs that are fast.
const FAST: &str = "checked";

static OPTIMIZED: AtomicBool = AtomicBool::new(false);

/// From now on programs are built with optimisation: minutes of building, and much less processor time in each of many
/// runs. A folder that [`BUILT_IN`] names goes first.
pub fn optimize() {
    OPTIMIZED.store(true, Ordering::Relaxed);
}

/// The executable that `cargo build` makes with these arguments.
pub(crate) fn built(arguments: &[&str]) -> anyhow::Result<PathBuf> {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    // Held while building: whoever wants the same program waits for it.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let key = arguments.join(" ");
    if let Some(path) = built.get(&key) {
        return Ok(path.clone());
    }
    if let Some(folder) = std::env::var_os(BUILT_IN) {
        return in_folder(Path::new(&folder), arguments);
    }
    let path = build(arguments).with_context(|| format!("cargo build {key}"))?;
    built.insert(key, path.clone());
    Ok(path)
}

/// The executable in the folder of a build of the whole workspace.
fn in_folder(folder: &Path, arguments: &[&str]) -> anyhow::Result<PathBuf> {
    let path = match arguments {
        [.., "--bin", name] => folder.join(name),
        [.., "--example", name] => folder.join("examples").join(name),
        _ => anyhow::bail!("neither a program nor an example: {}", arguments.join(" ")),
    };
    ensure!(path.exists(), "{} is not there: build the whole workspace first", path.display());
    Ok(path)
}

fn build(arguments: &[&str]) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["build", "--quiet", "--message-format=json-render-diagnostics"])
        .args(OPTIMIZED.load(Ordering::Relaxed).then_some(["--profile", FAST]).into_iter().flatten())
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{}", output.status);
    let messages = String::from_utf8(output.stdout)?;
    executable(&messages).context("made no executable")
}

/// The last executable in cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/debug/x\"}\n{\"reason\":\"build-finished\"}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/debug/x")));
        assert_eq!(executable("warning: nothing\n"), None);
    }
}
