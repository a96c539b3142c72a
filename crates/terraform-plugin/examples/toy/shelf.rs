//! The API of the toy: files in a directory.

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use terraform_plugin::{Error, WriteError};

/// A directory with a file `KIND.NAME.json` for each object.
#[derive(Debug)]
pub(crate) struct Shelf {
    directory: PathBuf,
}

/// Why the shelf did not do something.
#[derive(Debug)]
pub(crate) enum ShelfError {
    /// There is one of that name.
    Exists(PathBuf),
    /// The file system's answer.
    Io(PathBuf, io::Error),
}

impl Shelf {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn file(&self, kind: &str, name: &str) -> PathBuf {
        self.directory.join(format!("{kind}.{name}.json"))
    }

    /// Puts a new object on the shelf.
    pub(crate) async fn add(&self, kind: &str, name: &str, page: &impl Serialize) -> Result<(), ShelfError> {
        let path = self.file(kind, name);
        let file = std::fs::File::create_new(&path);
        let mut file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => ShelfError::Exists(path.clone()),
            _ => ShelfError::Io(path.clone(), error),
        })?;
        file.write_all(&json(page)).map_err(|error| ShelfError::Io(path, error))
    }

    /// Replaces what is there.
    pub(crate) async fn put(&self, kind: &str, name: &str, page: &impl Serialize) -> Result<(), ShelfError> {
        let path = self.file(kind, name);
        std::fs::write(&path, json(page)).map_err(|error| ShelfError::Io(path, error))
    }

    /// What is there, if anything is.
    pub(crate) async fn get<T: DeserializeOwned>(&self, kind: &str, name: &str) -> Result<Option<T>, ShelfError> {
        let path = self.file(kind, name);
        match std::fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(page) => Ok(Some(page)),
                Err(error) => Err(ShelfError::Io(path, error.into())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ShelfError::Io(path, error)),
        }
    }

    /// Takes an object away. That it is gone already is fine.
    pub(crate) async fn remove(&self, kind: &str, name: &str) -> Result<(), ShelfError> {
        let path = self.file(kind, name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ShelfError::Io(path, error)),
            _ => Ok(()),
        }
    }

    /// Whether the ink of a note is dry: somebody has put a file `NAME.dry` beside it.
    pub(crate) fn is_dry(&self, name: &str) -> bool {
        self.directory.join(format!("{name}.dry")).exists()
    }

    /// The names of all objects of a kind, sorted.
    pub(crate) async fn names(&self, kind: &str) -> Result<Vec<String>, ShelfError> {
        let entries = std::fs::read_dir(&self.directory).map_err(|e| ShelfError::Io(self.directory.clone(), e))?;
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|file| Some(file.strip_prefix(kind)?.strip_prefix('.')?.strip_suffix(".json")?.to_owned()))
            .collect();
        names.sort();
        Ok(names)
    }
}

fn json(page: &impl Serialize) -> Vec<u8> {
    // Pages are structs of texts and numbers: there is nothing in them that JSON cannot hold.
    #[allow(clippy::expect_used)]
    serde_json::to_vec_pretty(page).expect("pages can be written")
}

impl fmt::Display for ShelfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => write!(f, "{} exists already", path.display()),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl WriteError for ShelfError {
    fn refused(&self) -> bool {
        matches!(self, Self::Exists(_))
    }
}

impl From<ShelfError> for Error {
    fn from(error: ShelfError) -> Self {
        Self::new("The shelf refuses", error.to_string())
    }
}
