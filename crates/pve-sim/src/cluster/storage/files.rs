//! Files that guests are made from: ISO images, container templates, disk images to import. What they hold is kept, so that
//! checksums are real, and what is made from them can look inside.

use std::sync::Arc;

use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{Storage, Volume};
use crate::cluster::Cluster;
use crate::kernel::clock::Time;

/// What a file of a kind may be called, and what PVE says its format is.
// Belief, but for `tgz`: the parts of the names.
const KINDS: &[(&str, &[(&str, &str)])] = &[
    ("iso", &[(".iso", "iso"), (".img", "iso")]),
    ("vztmpl", &[(".tar.gz", "tgz"), (".tar.xz", "txz"), (".tar.zst", "tzst"), (".tar.bz2", "tbz2"), (".tar", "tar")]),
    ("import", &[(".ova", "ova"), (".qcow2", "qcow2"), (".raw", "raw"), (".vmdk", "vmdk")]),
];

/// The format that a file of this content has by its name; none if it may not be called so.
pub(crate) fn format_of(content: &str, name: &str) -> Option<&'static str> {
    let (_, kinds) = KINDS.iter().find(|(kind, _)| *kind == content)?;
    // Whatever stands before the ending is its name.
    let fits = |ending: &str| name.len() > ending.len() && name.to_ascii_lowercase().ends_with(ending);
    kinds.iter().find(|(ending, _)| fits(ending)).map(|(_, format)| *format)
}

/// A name as PVE stores it: without folders, and with nothing unusual in it.
pub(crate) fn tidy(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name).trim();
    last.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

/// The checksum of something, in hex; none of an algorithm that there is not.
pub(crate) fn checksum(algorithm: &str, bytes: &[u8]) -> Option<String> {
    Some(match algorithm {
        "md5" => format!("{:x}", md5::compute(bytes)),
        "sha1" => hex::encode(Sha1::digest(bytes)),
        "sha224" => hex::encode(Sha224::digest(bytes)),
        "sha256" => hex::encode(Sha256::digest(bytes)),
        "sha384" => hex::encode(Sha384::digest(bytes)),
        "sha512" => hex::encode(Sha512::digest(bytes)),
        _ => return None,
    })
}

impl Storage {
    /// Whether it may hold this.
    pub(crate) fn holds(&self, content: &str) -> bool {
        self.contents().contains(content)
    }
}

impl Cluster {
    /// The snippets of a storage, which lie on the node as all its files do.
    pub(super) fn snippets(&self, storage: &Storage, node: &str) -> Vec<(String, Volume)> {
        let Some(known) = self.nodes.get(node).filter(|_| storage.kind.has_files() && storage.holds("snippets")) else {
            return Vec::new();
        };
        let folder = format!("{}/snippets", storage.path());
        let one = |(name, inode): (&str, &crate::shell::files::Inode)| {
            let size = inode.content().map_or(0, Vec::len) as u64;
            let ctime = Some(Time::from_unix(inode.modified.0));
            let (content, format) = ("snippets".to_owned(), "snippet".to_owned());
            (format!("snippets/{name}"), Volume { content, format, size, used: size, ctime })
        };
        known.files.within(&folder).map(one).collect()
    }

    /// What a file of a storage holds, where it came by a way that tells.
    pub fn file(&self, node: &str, volid: &str) -> Option<Arc<Vec<u8>>> {
        let (id, name) = volid.split_once(':')?;
        self.volume(node, volid)?;
        let place = self.storage.get(id)?.place(node);
        self.storage.files.get(&(place, name.to_owned())).cloned()
    }

    /// Whether so much has room on a storage.
    pub(crate) fn has_room(&self, storage: &Storage, node: &str, bytes: u64) -> bool {
        let usage = self.usage(storage, node);
        usage.active && usage.avail >= bytes
    }

    /// Puts a file on a storage, in place of one of its name.
    ///
    /// # Errors
    /// PVE's text, if the storage cannot be used.
    pub fn put_file(&mut self, node: &str, id: &str, content: &str, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        let storage = self.storage.usable(id, node)?.clone();
        self.activate(&storage)?;
        let place = storage.place(node);
        let volume = Volume {
            content: content.to_owned(),
            format: format_of(content, name).unwrap_or("raw").to_owned(),
            size: bytes.len() as u64,
            used: bytes.len() as u64,
            ctime: Some(self.now),
        };
        let name = format!("{content}/{name}");
        self.storage.volumes.entry(place.clone()).or_default().insert(name.clone(), volume);
        self.storage.files.insert((place, name), Arc::new(bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats_and_lose_what_is_unusual() {
        assert_eq!(format_of("iso", "a.ISO"), Some("iso"));
        assert_eq!(format_of("vztmpl", "a.tar"), Some("tar"));
        assert_eq!(format_of("import", "noble.img"), None);
        assert_eq!(format_of("iso", ".iso"), None);
        assert_eq!(tidy("C:\\x\\bad name.iso"), "bad_name.iso");
    }

    #[test]
    fn checksums_are_those_of_every_tool() {
        assert_eq!(checksum("md5", b"").as_deref(), Some("d41d8cd98f00b204e9800998ecf8427e"));
        assert_eq!(checksum("sha1", b"abc").as_deref(), Some("a9993e364706816aba3e25717850c26c9cd0d89d"));
        assert_eq!(checksum("crc32", b""), None);
    }
}
