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
