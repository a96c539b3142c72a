//! The unix socket: in a private directory, or where the host wants it; gone when the process goes.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::Error;
use super::start::Environment;

/// The kernel takes 108 bytes with the final zero on Linux, 104 elsewhere.
const LONGEST_PATH: usize = 103;

/// A listening socket. Connections are accepted by the kernel from the moment it exists.
#[derive(Debug)]
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// The directory made for it, if one was.
    directory: Option<PathBuf>,
}

impl Socket {
    /// Opens the socket: by default in a new directory that only this user may enter.
    pub(super) fn open(environment: &Environment) -> Result<Self, Error> {
        let base = environment.socket_directory.as_ref().map_or_else(std::env::temp_dir, PathBuf::from);
        let opened = match &environment.socket_directory {
            Some(_) => Self::shared(&base, environment.socket_group.as_deref()),
            None if base.join(unique()).join("s").as_os_str().as_bytes().len() > LONGEST_PATH => {
                Self::private(Path::new("/tmp"))
            }
            None => Self::private(&base),
        };
        opened.map_err(|source| Error::Socket { directory: base.display().to_string(), source })
    }

    /// In a directory of its own under `base`.
    fn private(base: &Path) -> io::Result<Self> {
        let directory = base.join(unique());
        std::fs::DirBuilder::new().mode(0o700).create(&directory)?;
        let path = directory.join("s");
        match UnixListener::bind(&path) {
            Ok(listener) => Ok(Self { listener, path, directory: Some(directory) }),
            Err(error) => {
                let _ = std::fs::remove_dir(&directory);
                Err(error)
            }
        }
    }

    /// In the host's directory, for the host's group.
    fn shared(directory: &Path, group: Option<&str>) -> io::Result<Self> {
        let path = directory.join(unique());
        let socket = Self { listener: UnixListener::bind(&path)?, path, directory: None };
        if let Some(group) = group {
            std::os::unix::fs::chown(&socket.path, None, Some(group_id(group)?))?;
            std::fs::set_permissions(&socket.path, std::fs::Permissions::from_mode(0o660))?;
        }
        Ok(socket)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The listener, for the runtime in whose context this is called.
    pub(super) fn listener(&self) -> io::Result<tokio::net::UnixListener> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        tokio::net::UnixListener::from_std(listener)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir(directory);
        }
    }
}

/// A name that nobody else has.
fn unique() -> String {
    // Keyed by the system's random source, anew each time.
    let random = RandomState::new().build_hasher().finish();
    format!("tfp-{}-{random:016x}", std::process::id())
}

/// A group given by number or by its name in /etc/group.
fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    let groups = std::fs::read_to_string("/etc/group")?;
    find_group(&groups, group)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no group {group:?} in /etc/group")))
}

/// `name:password:id:members`, a line each.
fn find_group(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn private_and_gone_afterwards() {
        let socket = Socket::open(&Environment::default()).unwrap();
        let path = socket.path().to_owned();
        let directory = path.parent().unwrap().to_owned();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        UnixStream::connect(&path).expect("accepts at once");
        drop(socket);
        assert!(!path.exists() && !directory.exists());
    }

    #[test]
    fn the_hosts_directory_and_group_are_used() {
        let directory = tempfile::tempdir().unwrap();
        let own = std::os::unix::fs::MetadataExt::gid(&std::fs::metadata(directory.path()).unwrap());
        let environment = Environment {
            socket_directory: Some(directory.path().into()),
            socket_group: Some(own.to_string()),
            ..Environment::default()
        };
        let socket = Socket::open(&environment).unwrap();
        assert_eq!(socket.path().parent(), Some(directory.path()));
        assert_eq!(std::fs::metadata(socket.path()).unwrap().permissions().mode() & 0o777, 0o660);
        drop(socket);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn groups_are_found_by_name() {
        let groups = "root:x:0:\nwheel:x:10:a,b\nbroken\n";
        assert_eq!(find_group(groups, "wheel"), Some(10));
        assert_eq!(find_group(groups, "x"), None);
        assert_eq!(find_group(groups, "broken"), None);
    }
}
