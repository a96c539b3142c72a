//! Calling cargo and finding the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace: what every command's paths are relative to.
pub(crate) fn workspace_root() -> PathBuf {
    // The manifest of this package lies one folder below the root, wherever the clone is.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// `cargo ARGS`, in the workspace's root, with the toolchain that runs this program.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(workspace_root());
    alone(&mut command);
    command
}

/// Takes away what `cargo run` exports for this package: a nested cargo would take it for its caller's wish.
pub(crate) fn alone(command: &mut Command) -> &mut Command {
    ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_BIN_NAME"]
        .iter()
        .fold(command, |command, name| command.env_remove(name))
}

/// Cargo's folder for what is built.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), PathBuf::from)
}

/// Builds the unit tests of everything, and tells of each in JSON. Those of a package alone would be built upon other features
/// of what it stands on, and all of that once more.
pub(crate) const TESTS_OF_ALL: &str =
    "test --workspace --lib --no-run --quiet --message-format=json-render-diagnostics";

/// The unit tests of a library, if cargo's message tells of them.
pub(crate) fn test_program(line: &str, library: &str) -> Option<PathBuf> {
    let message = serde_json::from_str::<serde_json::Value>(line).ok()?;
    let ours = message["target"]["name"] == library && message["profile"]["test"] == true;
    message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is built, each crate with its features; without what the compiler itself runs.
    fn tree(arguments: &[&str]) -> BTreeSet<String> {
        let output = cargo(&[&["tree", "--locked", "--prefix=none", "--format={p} {f}"], arguments].concat()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout).unwrap();
        told.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    }

    #[test]
    fn what_the_workspace_builds_is_not_built_once_more_for_this_program() {
        let alone = tree(&["--package=xtask", "--edges=normal,no-proc-macro"]);
        let all = tree(&["--workspace", "--edges=normal,dev,no-proc-macro"]);
        let differ: Vec<_> = alone.difference(&all).collect();
        assert!(
            alone.len() > 100 && differ.is_empty(),
            "xtask's Cargo.toml should ask for the features of all: {differ:#?}"
        );
    }
}
