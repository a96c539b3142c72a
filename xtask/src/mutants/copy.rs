//! A copy of the sources, so that faults are never made in the ones that are worked on.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::cargo::{alone, cargo, workspace_root};

/// The copy, with a folder for builds of its own. Both are kept, so that the next run builds only what has changed.
pub(super) struct Copy {
    base: PathBuf,
    sources: PathBuf,
    builds: PathBuf,
    /// Held as long as the copy is used: two at work in it would judge each other's faults.
    _lock: File,
}

impl Copy {
    /// Brings the copy up to date. A file that is the same stays untouched: cargo goes by its time.
    pub(super) fn make() -> Result<Self> {
        let (root, target) = (workspace_root(), target()?);
        let copy = Self::within(target.join("mutants"))?;
        if !copy.builds.exists() {
            lend(&target.join("debug"), &copy.builds.join("debug"), Lent::Others)?;
        }
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

    /// A copy for a few faults, upon all that was built of the sources as they are: nothing is built once more but what a
    /// fault changes. Cargo goes by the times of files, and knows what it has built by its place within the workspace.
    pub(super) fn lent() -> Result<Self> {
        let copy = Self::within(target()?.join("change"))?;
        copy.lend_anew()?;
        Ok(copy)
    }

    /// The same once more, as if no fault had been made yet.
    pub(super) fn lend_anew(&self) -> Result<()> {
        for folder in [&self.sources, &self.builds] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        let root = workspace_root();
        for file in tracked(&root)? {
            let (from, to) = (root.join(&file), self.sources.join(&file));
            fs::create_dir_all(to.parent().unwrap_or(&self.sources))?;
            fs::copy(&from, &to).with_context(|| from.display().to_string())?;
            File::options().write(true).open(&to)?.set_modified(fs::metadata(&from)?.modified()?)?;
        }
        lend(&target()?.join("debug"), &self.builds.join("debug"), Lent::All)
    }

    fn within(base: PathBuf) -> Result<Self> {
        fs::create_dir_all(&base)?;
        let lock = File::create(base.join("lock"))?;
        lock.try_lock().with_context(|| format!("somebody else is at work in {}", base.display()))?;
        Ok(Self { sources: base.join("tree"), builds: base.join("build"), base, _lock: lock })
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

    /// An empty folder beside the copy.
    pub(super) fn place(&self, name: &str) -> Result<PathBuf> {
        let place = self.base.join(name);
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::create_dir_all(&place)?;
        Ok(place)
    }

    fn surround(&self, command: &mut Command) {
        alone(command)
            .env("CARGO_TARGET_DIR", &self.builds)
            .env(acceptance_tests::BUILT_IN, self.builds.join("debug"))
            .env("ACCEPTANCE_MUST_NOT_SKIP", "1");
    }

    /// Ends what still runs of the programs built there: a test that takes SIGTERM for its own outlives its time, and the
    /// machine's. Nobody else runs them, as long as the lock is held.
    pub(super) fn sweep(&self) -> Result<()> {
        // Only where there is a /proc; elsewhere it would have to be seen by hand.
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let ours = fs::read_link(entry.path().join("exe")).is_ok_and(|program| program.starts_with(&self.builds));
            if ours {
                Command::new("kill").arg("-KILL").arg(entry.file_name()).status().context("kill")?;
            }
        }
        Ok(())
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

/// Cargo's folder for what is built.
fn target() -> Result<PathBuf> {
    Ok(std::path::absolute(crate::cargo::target())?)
}

/// What of a build is lent to another folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lent {
    /// What was built of the dependencies: it takes minutes.
    Others,
    /// What was built of the workspace, too.
    All,
}

/// Links what was built into another folder for builds. What is ours is copied where somebody writes it in place, so that
/// both names would show it: cargo what it remembers, the compiler what it has read.
fn lend(from: &Path, to: &Path, which: Lent) -> Result<()> {
    let ours = ours()?;
    let mut folders = vec!["deps", "build", ".fingerprint"];
    // The compiler itself links what it takes over from the run before.
    folders.extend((which == Lent::All).then_some("incremental"));
    for folder in folders {
        let Ok(entries) = fs::read_dir(from.join(folder)) else { continue };
        fs::create_dir_all(to.join(folder))?;
        for entry in entries {
            let name = entry?.file_name();
            let (from, to) = (from.join(folder).join(&name), to.join(folder).join(&name));
            let is_ours = folder != "incremental" && ours.contains(&stem(&name.to_string_lossy()));
            match (is_ours, which) {
                (false, _) => link(&from, &to)?,
                (true, Lent::Others) => {}
                (true, Lent::All) => link_or_copy(&from, &to)?,
            }
        }
    }
    Ok(())
}

/// Links programs, copies all else.
fn link_or_copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            link_or_copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    // A linker takes the old one away first.
    let a_program = from.parent().is_some_and(|folder| folder.ends_with("deps")) && from.extension().is_none();
    if a_program {
        return link(from, to);
    }
    fs::copy(from, to).with_context(|| to.display().to_string())?;
    Ok(File::options().write(true).open(to)?.set_modified(fs::metadata(from)?.modified()?)?)
}

fn link(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            link(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    fs::hard_link(from, to).with_context(|| to.display().to_string())
}

/// The names of the workspace's packages and of what is built of them.
fn ours() -> Result<BTreeSet<String>> {
    let output = cargo(&["metadata", "--no-deps", "--format-version=1"]).output().context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let mut names = BTreeSet::new();
    for package in told["packages"].as_array().context("cargo metadata names no packages")? {
        let targets = package["targets"].as_array().into_iter().flatten();
        let all = std::iter::once(package).chain(targets);
        names.extend(all.filter_map(|what| what["name"].as_str()).map(|name| name.replace('-', "_")));
    }
    Ok(names)
}

/// The name of what a file was built of: `libpve_client-0123.rlib` is of `pve_client`.
fn stem(file: &str) -> String {
    let name = file.rsplit_once('-').map_or(file, |(name, _)| name).replace('-', "_");
    name.strip_prefix("lib").map_or(name.clone(), str::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_still_runs_of_the_builds_is_ended_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let lock = File::create(base.join("lock")).unwrap();
        let copy = Copy { sources: base.join("tree"), builds: base.join("build"), base, _lock: lock };
        let shell = Path::new("/bin/sh").canonicalize().unwrap();
        fs::create_dir(&copy.builds).unwrap();
        let [built, other] = [copy.builds.join("sh"), copy.base.join("sh")].map(|place| {
            fs::copy(&shell, &place).unwrap();
            // It waits for a line, and ends well when there is none.
            let mut command = Command::new(place);
            command.args(["-c", "trap '' TERM; read line; exit 0"]).stdin(std::process::Stdio::piped());
            loop {
                match command.spawn() {
                    // Another test was starting a program just as this one was written.
                    Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
                    child => break child.unwrap(),
                }
            }
        });
        copy.sweep().unwrap();
        assert_eq!(built.wait_with_output().unwrap().status.code(), None);
        assert_eq!(other.wait_with_output().unwrap().status.code(), Some(0));
    }

    #[test]
    fn what_is_ours_is_not_lent() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for file in [
            "deps/libpve_client-01.rlib",
            "deps/libserde-02.rlib",
            ".fingerprint/pve-client-01/lib-pve_client",
            ".fingerprint/serde-02/lib-serde",
            "build/libc-03/output",
        ] {
            fs::create_dir_all(from.join(file).parent().unwrap()).unwrap();
            fs::write(from.join(file), "x").unwrap();
        }
        lend(&from, &to, Lent::Others).unwrap();
        assert!(to.join("deps/libserde-02.rlib").is_file() && to.join(".fingerprint/serde-02/lib-serde").is_file());
        assert!(!to.join("deps/libpve_client-01.rlib").exists() && !to.join(".fingerprint/pve-client-01").exists());

        // All: and what is written there in place is not seen here.
        let all = folder.path().join("all");
        lend(&from, &all, Lent::All).unwrap();
        let remembered = ".fingerprint/pve-client-01/lib-pve_client";
        let times = [&from, &all].map(|at| fs::metadata(at.join(remembered)).unwrap().modified().unwrap());
        assert_eq!(times[0], times[1]);
        fs::write(all.join(remembered), "y").unwrap();
        assert_eq!(fs::read_to_string(from.join(remembered)).unwrap(), "x");
        assert!(all.join("deps/libpve_client-01.rlib").is_file());
        assert_eq!(
            (stem("libc-03"), stem("pve-sim-1"), stem("found-12.d")),
            ("c".into(), "pve_sim".into(), "found".into())
        );
    }
}
