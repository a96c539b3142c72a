//! What a shell sees of a file system: files, folders and links with their owners and times, in memory.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Something at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inode {
    pub(crate) kind: Kind,
    pub(crate) owner: String,
    pub(crate) group: String,
    pub(crate) mode: u32,
    /// Seconds since 1970, and what tells two changes within one from each other.
    pub(crate) modified: (u64, u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    File(Vec<u8>),
    Folder,
    Link(String),
}

impl Inode {
    fn new(kind: Kind, mode: u32) -> Self {
        Self { kind, owner: "root".to_owned(), group: "root".to_owned(), mode, modified: (1_700_000_000, 0) }
    }

    /// `st_mode`: kind and permissions.
    pub(crate) fn st_mode(&self) -> u32 {
        let kind = match self.kind {
            Kind::File(_) => 0o100_000,
            Kind::Folder => 0o040_000,
            Kind::Link(_) => 0o120_000,
        };
        kind | self.mode
    }

    pub(crate) fn content(&self) -> Option<&Vec<u8>> {
        match &self.kind {
            Kind::File(content) => Some(content),
            Kind::Folder | Kind::Link(_) => None,
        }
    }
}

/// The folders of a node that are known.
const FOLDERS: [&str; 24] = [
    "/",
    "/etc",
    "/etc/ceph",
    "/etc/cron.d",
    "/etc/network",
    "/etc/network/interfaces.d",
    "/etc/pve",
    "/etc/sysctl.d",
    "/etc/systemd",
    "/etc/systemd/system",
    "/etc/wireguard",
    "/mnt",
    "/root",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/sbin",
    "/var",
    "/var/lib",
    "/var/lib/vz",
    "/var/lib/vz/snippets",
];

const FILES: [(&str, &str); 3] =
    [("/etc/motd", "Welcome.\n"), ("/etc/network/interfaces", "auto lo\n"), ("/etc/pve/ceph.conf", "")];

const LINKS: [(&str, &str); 1] = [("/etc/ceph/ceph.conf", "/etc/pve/ceph.conf")];

/// A file system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Files {
    all: BTreeMap<String, Inode>,
    /// Whether every file needs its folder: a node's does, what a terminal remembers does not.
    whole: bool,
    now: u64,
    written: u32,
}

impl Files {
    /// Those of a node.
    pub(crate) fn of_node() -> Self {
        let folders = FOLDERS.iter().map(|path| (*path, Inode::new(Kind::Folder, 0o755)));
        let files = FILES.iter().map(|(path, text)| (*path, Inode::new(Kind::File(text.as_bytes().to_vec()), 0o644)));
        let links = LINKS.iter().map(|(path, to)| (*path, Inode::new(Kind::Link((*to).to_owned()), 0o777)));
        let all = folders.chain(files).chain(links).map(|(path, inode)| (path.to_owned(), inode)).collect();
        Self { all, whole: true, now: 0, written: 0 }
    }

    /// What is changed from now on is changed at this moment.
    pub(crate) fn at(&mut self, now: u64) {
        self.now = now;
    }

    /// The plain files in a folder, by name.
    pub(crate) fn within<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Inode)> + 'a {
        let below = self.all.range(format!("{folder}/")..).take_while(move |(path, _)| path.starts_with(folder));
        below.filter_map(move |(path, inode)| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            (inode.content().is_some() && !name.contains('/') && !name.starts_with('.')).then_some((name, inode))
        })
    }

    /// What is at a path, without following a link there.
    pub(crate) fn at_path(&self, path: &str) -> Option<&Inode> {
        self.all.get(path)
    }

    pub(crate) fn at_path_mut(&mut self, path: &str) -> Option<&mut Inode> {
        self.all.get_mut(path)
    }

    /// The path with every link in it followed.
    pub(crate) fn real(&self, path: &str) -> String {
        let mut real = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            real = format!("{real}/{part}");
            // A link leads to a place without links here.
            if let Some(Inode { kind: Kind::Link(to), .. }) = self.all.get(&real) {
                real.clone_from(to);
            }
        }
        if real.is_empty() { "/".to_owned() } else { real }
    }

    /// The content of a file, through a link.
    pub(crate) fn read(&self, path: &str) -> Option<&Vec<u8>> {
        self.all.get(&self.real(path)).and_then(Inode::content)
    }

    /// Begins a file anew, or goes on with it. Its words, if it cannot be.
    pub(crate) fn write(&mut self, path: &str, content: &[u8], append: bool) -> Result<(), &'static str> {
        let path = self.real(path);
        self.must_have_folder(&path)?;
        self.written += 1;
        let modified = (self.now, self.written);
        let inode = self.all.entry(path).or_insert_with(|| Inode::new(Kind::File(Vec::new()), 0o600));
        let Kind::File(there) = &mut inode.kind else { return Err("Is a directory") };
        if !append {
            there.clear();
        }
        there.extend(content);
        inode.modified = modified;
        Ok(())
    }

    fn must_have_folder(&self, path: &str) -> Result<(), &'static str> {
        let folder = path.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        match self.all.get(folder) {
            _ if !self.whole => Ok(()),
            Some(Inode { kind: Kind::Folder, .. }) => Ok(()),
            Some(_) => Err("Not a directory"),
            None => Err("No such file or directory"),
        }
    }

    /// Takes the place of what is there.
    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<(), &'static str> {
        self.must_have_folder(to)?;
        if matches!(self.all.get(to), Some(Inode { kind: Kind::Folder, .. })) {
            return Err("Is a directory");
        }
        let inode = self.all.remove(from).ok_or("No such file or directory")?;
        self.all.insert(to.to_owned(), inode);
        Ok(())
    }

    /// Removes what is at a path, and below it.
    pub(crate) fn remove(&mut self, path: &str) {
        let inside = format!("{path}/");
        self.all.retain(|at, _| at != path && !at.starts_with(&inside));
    }

    /// Puts a link at a path.
    pub(crate) fn link(&mut self, path: &str, to: String) {
        self.all.insert(path.to_owned(), Inode::new(Kind::Link(to), 0o777));
    }

    /// Takes over what has been changed in a copy since it was made of `before`.
    pub(crate) fn merge(&mut self, before: &Self, after: Self) {
        self.written = self.written.max(after.written);
        self.all.retain(|path, _| after.all.contains_key(path) || !before.all.contains_key(path));
        let changed = after.all.into_iter().filter(|(path, inode)| before.all.get(path) != Some(inode));
        self.all.extend(changed);
    }

    /// The files that PVE's installer has not made, for comparing two runs.
    pub(crate) fn canonical(&self) -> Value {
        let own = |path: &str| FOLDERS.contains(&path) || LINKS.iter().any(|(link, _)| *link == path);
        let told = |inode: &Inode| {
            let content = inode.content().map(|content| String::from_utf8_lossy(content).into_owned());
            json!({ "content": content, "owner": inode.owner, "group": inode.group, "mode": format!("{:04o}", inode.mode) })
        };
        self.all.iter().filter(|(path, _)| !own(path)).map(|(path, inode)| (path.clone(), told(inode))).collect()
    }
}
