//! A copy of the sources, so that faults are never made in the ones that are worked on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::cargo::{cargo, workspace_root};

/// The copy, with a folder for builds of its own. Both are kept, so that the next run builds only what has changed.
pub(super) struct Copy {
    sources: PathBuf,
    builds: PathBuf,
}

impl Copy {
    /// Brings the copy up to date. A file that is the same stays untouched: cargo goes by its time.
    pub(super) fn make() -> Result<Self> {
        let root = workspace_root();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let base = std::path::absolute(target)?.join("mutants");
        let copy = Self { sources: base.join("tree"), builds: base.join("build") };
        let files = tracked(&root)?;
        for file in &files {
            let (from, to) = (root.join(file), copy.sources.join(file));
            let wanted = fs::read(&from).with_context(|| from.display().to_string())?;
            if fs::read(&to).is_ok_and(|is| is == wanted) {
                continue;
            }
            fs::create_dir_all(to.parent().unwrap_or(&copy.sources))?;
            fs::write(&to, wanted).with_context(|| to.display().to_string())?;
        }
        copy.forget(&copy.sources, &files)?;
        Ok(copy)
    }

    /// A file of the copy, named from the root.
    pub(super) fn read(&self, file: &str) -> Result<String> {
        let path = self.sources.join(file);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    /// Writes a file of the copy.
    pub(super) fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.sources.join(file);
        fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// Cargo at work in the copy.
    pub(super) fn cargo(&self, arguments: &str) -> Command {
        let mut command = cargo(&arguments.split(' ').collect::<Vec<_>>());
        command.current_dir(&self.sources);
        self.surround(&mut command);
        command
    }

    /// A program that was built there, at work in one of its folders, as cargo would run it.
    pub(super) fn program(&self, executable: &Path, folder: &str) -> Command {
        let mut command = Command::new(executable);
        command.current_dir(self.sources.join(folder));
        self.surround(&mut command);
        command
    }

    fn surround(&self, command: &mut Command) {
        command
            .env("CARGO_TARGET_DIR", &self.builds)
            .env(acceptance_tests::BUILT_IN, self.builds.join("debug"))
            .env("ACCEPTANCE_MUST_NOT_SKIP", "1");
    }

    /// Takes away what is no longer among the sources: cargo finds tests by their files.
    fn forget(&self, folder: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.forget(&path, files)?;
            } else if !path.strip_prefix(&self.sources).is_ok_and(|file| files.contains(file)) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// The files that git tracks or would track, as they lie there now.
fn tracked(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("asking git for the sources")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout)?;
    // What was deleted and not yet told to git is listed too.
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|f| root.join(f).is_file())
        .collect())
}
