//! An entry: a file that says what is intended, locked as long as somebody works on it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::origin::Origin;

/// What is intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verb {
    Create,
    Remove,
}

/// What is intended, with which plan, and for which state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) verb: Verb,
    /// The type, without the provider's prefix.
    pub(super) kind: String,
    pub(super) place: Option<String>,
    pub(super) digest: String,
    pub(super) scope: String,
    /// A digest of what led there, where the configuration alone tells that it leads nowhere else.
    #[serde(default)]
    pub(super) way: Option<String>,
    pub(super) origin: Origin,
    /// Seconds since 1970, by the API's clock.
    pub(super) begun: i64,
    /// What the object has jotted down about itself.
    #[serde(default)]
    pub(super) note: Option<String>,
    /// Terraform has been told. Whether it has listened is another matter.
    pub(super) answered: bool,
}

/// An entry's file, open and locked.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) entry: Entry,
    path: PathBuf,
    file: File,
}

/// The end of the names of entries.
const SUFFIX: &str = ".json";

/// Tells the entries of one process apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Kept {
    /// Writes a new entry, synced to disk.
    pub(super) fn create(dir: &Path, entry: Entry) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{}-{number}{SUFFIX}", entry.kind, entry.begun, std::process::id());
        let path = dir.join(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        file.lock()?;
        let mut kept = Self { entry: entry.clone(), path, file };
        kept.rewrite(entry)?;
        // The name is part of what has to survive.
        File::open(dir)?.sync_all()?;
        Ok(kept)
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes another content, synced to disk.
    pub(super) fn rewrite(&mut self, entry: Entry) -> io::Result<()> {
        let text = serde_json::to_vec(&entry)?;
        self.file.rewind()?;
        self.file.write_all(&text)?;
        self.file.set_len(text.len() as u64)?;
        self.file.sync_all()?;
        self.entry = entry;
        Ok(())
    }

    /// Takes the entry away. One that cannot be is found again by a later run, which finds out that it is stale.
    pub(super) fn strike(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "an entry of the journal could not be struck out");
        }
    }

    /// Takes an entry that nobody works on; none if somebody does, or if it is gone meanwhile.
    fn take(path: PathBuf) -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        file.try_lock().ok()?;
        // Between finding and locking it, somebody may have changed it or struck it out.
        let entry = read(&path)?;
        Some(Self { entry, path, file })
    }
}

fn read(path: &Path) -> Option<Entry> {
    // One that was cut off while it was written is no entry: nothing else had been written by then.
    let text = fs::read(path).ok()?;
    // One that was cut off while it was marked has remains of the longer text behind it.
    Entry::deserialize(&mut serde_json::Deserializer::from_slice(&text))
        .inspect_err(|error| tracing::debug!(%error, path = %path.display(), "an unreadable entry of the journal"))
        .ok()
}

/// The entries that fit, the oldest first, but for those whose path is to be skipped, which are not even read. None is
/// locked: who wants one has to [`take`] it.
pub(super) fn fitting(
    dir: &Path,
    skip: impl Fn(&Path) -> bool,
    fits: impl Fn(&Entry) -> bool,
) -> Vec<(PathBuf, Entry)> {
    let mut found: Vec<(PathBuf, Entry)> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(SUFFIX) && !skip(path))
        .filter_map(|path| read(&path).filter(&fits).map(|entry| (path, entry)))
        .collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

/// The first of them that nobody works on, if it still fits.
pub(super) fn take(paths: Vec<PathBuf>, fits: impl Fn(&Entry) -> bool) -> Option<Kept> {
    paths.into_iter().filter_map(Kept::take).find(|kept| fits(&kept.entry))
}
