//! A file's name as PVE takes it, and local files: hashed and remembered, so that one that has not changed is not read again.

use std::io::Read as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use terraform_plugin::Private;

use crate::ground::error::Problem;

/// What files of a content are called, and what else is told.
const ENDINGS: &[(&str, &[&str])] = &[
    ("iso", &[".iso", ".img"]),
    ("vztmpl", &[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar"]),
    ("import", &[".qcow2", ".raw", ".vmdk", ".ova"]),
];

/// Why a file of this content may not be called so, if so.
pub(super) fn refused(content: &str, name: &str) -> Option<String> {
    let (_, endings) = ENDINGS.iter().find(|(kind, _)| *kind == content)?;
    let lower = name.to_ascii_lowercase();
    if endings.iter().any(|ending| lower.len() > ending.len() && lower.ends_with(ending)) {
        return None;
    }
    let cure = match (content, lower.strip_suffix(".img")) {
        ("import", Some(stem)) => format!(
            " What is called `.img` is mostly a qcow2 image, as cloud images are: set `file_name = \"{stem}.qcow2\"`, or \
             \"{stem}.raw\" if it is none (`qemu-img info` tells)."
        ),
        _ => " Set `file_name`.".to_owned(),
    };
    Some(format!("PVE takes `{content}` files that end with {}, and \"{name}\" does not.{cure}", endings.join(", ")))
}

/// A name as PVE stores it: it puts `_` for all else, so that such a name would never be found again.
pub(super) fn name(name: &String) -> Result<(), String> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err("must consist of letters, digits, `-`, `_` and `.`: PVE changes whatever else there is".to_owned());
    }
    if name.starts_with('.') || name.is_empty() || name.len() > 255 {
        return Err("must have 1 to 255 characters, and not begin with `.`".to_owned());
    }
    Ok(())
}

/// The same of a path or URL: its last part, as PVE would call it.
pub(super) fn name_of(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next()?;
    let path = path.split_once("://").map_or(Some(path), |(_, rest)| rest.split_once('/').map(|(_, path)| path))?;
    let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
    Some(last.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect())
}

/// A local file, as it was read last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Local {
    path: String,
    modified: u128,
    pub(super) size: u64,
    pub(super) sha256: String,
}

const READ: &str = "read";

/// The local file at a path. One that is as it was when it was read last is not read again.
pub(super) async fn look(private: &Private, path: &str) -> Result<Local, Problem> {
    let known: Option<Local> = private.get(READ);
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read(&owned, known)).await;
    let read = read.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    let local = read.map_err(|error| {
        Problem::new(format!("Cannot read the local file {path}"), format!("{error}. Nothing was written."))
            .at("path")
            .unsent()
    })?;
    private.set(READ, &local);
    Ok(local)
}

fn read(path: &str, known: Option<Local>) -> std::io::Result<Local> {
    let about = std::fs::metadata(Path::new(path))?;
    if !about.is_file() {
        return Err(std::io::Error::other("it is no plain file"));
    }
    let modified = about.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let same = |known: &Local| known.path == path && known.modified == modified && known.size == about.len();
    if let Some(known) = known.filter(same) {
        return Ok(known);
    }
    let (mut file, mut hash, mut part, mut size) = (std::fs::File::open(path)?, Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        match file.read(&mut part)? {
            0 => break,
            read => {
                hash.update(&part[..read]);
                size += read as u64;
            }
        }
    }
    Ok(Local { path: path.to_owned(), modified, size, sha256: hex(&hash.finalize()) })
}

/// The SHA-256 of a text.
pub(super) fn of_text(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_by_a_wrong_name_are_told_the_right_one() {
        assert_eq!(refused("import", "a.qcow2"), None);
        assert_eq!(refused("iso", "A.IMG"), None);
        assert_eq!(refused("snippets", "a.yaml"), None);
        let told = refused("import", "noble-server-cloudimg-amd64.img").unwrap();
        assert!(told.contains("file_name = \"noble-server-cloudimg-amd64.qcow2\""), "{told}");
        assert!(refused("vztmpl", "a.iso").unwrap().contains(".tar.zst"));
        assert!(refused("iso", ".iso").is_some());
    }

    #[test]
    fn a_name_is_the_last_part_of_where_it_comes_from() {
        for (from, name) in [
            ("https://a.example/b/c.iso?x=/d", Some("c.iso")),
            ("https://a.example/b c.iso", Some("b_c.iso")),
            ("/srv/iso/d.iso", Some("d.iso")),
            ("e.iso", Some("e.iso")),
            ("https://a.example/", None),
            ("https://a.example", None),
        ] {
            assert_eq!(name_of(from).as_deref(), name, "{from}");
        }
        assert!(
            name(&"a b".to_owned()).is_err() && name(&".a".to_owned()).is_err() && name(&"a-1.iso".to_owned()).is_ok()
        );
    }

    #[tokio::test]
    async fn a_file_that_has_not_changed_is_not_read_again() {
        let private = Private::default();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one").unwrap();
        let path = file.path().to_str().unwrap();
        let first = look(&private, path).await.unwrap();
        assert_eq!((first.size, &first.sha256), (3, &of_text(b"one")));
        private.set(READ, Local { sha256: "remembered".to_owned(), ..first });
        assert_eq!(look(&private, path).await.unwrap().sha256, "remembered");
        std::fs::write(file.path(), "other").unwrap();
        assert_eq!(look(&private, path).await.unwrap().sha256, of_text(b"other"));
        assert!(look(&private, "/nowhere/at/all").await.is_err());
    }
}
