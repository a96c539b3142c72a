//! A whole provider: the one of this crate's front page.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::{fs, process::ExitCode};

use terraform_plugin::{
    Created, Cx, Deleted, Error, Failed, Listed, Model, Provider, ProviderConfig, Read, Registry, Resource, Start,
    Unwritten, Updated, WriteError, run, serve::Options,
};

/// A note in the folder.
#[derive(Model, Clone, Debug)]
#[model(name = "note", area = "Notes", key(name))]
struct Note {
    /// Its name.
    #[attr(required, replace, regex = "[a-z0-9-]+", says = "lower-case letters, digits and hyphens")]
    name: String,
    /// What it says.
    #[attr(required)]
    text: String,
}

impl Resource<Folder> for Note {
    async fn create(cx: &Cx<Folder>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let (answer, written) = unwritten.send(want.clone(), cx.add(want)).await?;
        Ok(written.settle(async |_| answer.map(|()| want.clone())).await)
    }

    async fn read(cx: &Cx<Folder>, key: &NoteKey, _prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let found = cx.get(&key.name).await?;
        Ok(found.map_or(Read::Gone, |text| Read::Found(Self { name: key.name.clone(), text })))
    }

    async fn update(cx: &Cx<Folder>, _prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        cx.put(want).await?;
        Ok(Updated::Done(want.clone()))
    }

    async fn delete(cx: &Cx<Folder>, was: &Self) -> Result<Deleted<Self>, Error> {
        cx.remove(&was.name).await?;
        Ok(Deleted::Gone)
    }
}

impl Listed<Folder> for Note {
    const PLURAL: &'static str = "notes";

    async fn list(cx: &Cx<Folder>) -> Result<Vec<Self>, Error> {
        Ok(cx.all().await?)
    }
}

/// Keeps notes as files in a folder.
#[derive(ProviderConfig, Clone)]
struct Config {
    /// The folder. It must exist.
    #[attr(required)]
    folder: String,
}

struct Acme;

impl Provider for Acme {
    const NAME: &'static str = "acme";
    type Config = Config;
    type Api = Folder;

    async fn configure(config: ConfigPlan, _: Start) -> Result<Folder, Error> {
        let folder = config.folder.into_known().ok_or_else(|| Error::new("The folder is not known yet", ""))?;
        Ok(Folder(folder.into()))
    }

    fn registry() -> Registry<Folder> {
        Registry::new().listed::<Note>()
    }
}

fn main() -> ExitCode {
    run::<Acme>(Options {
        name: "terraform-provider-acme",
        version: "0.1.0",
        address: "registry.terraform.io/acme/acme",
    })
}

// What it works with: here a folder, with you the client of an API, in a crate of its own.
struct Folder(PathBuf);

struct Refusal(io::Error);

impl WriteError for Refusal {
    /// Whether certainly nothing was written.
    fn refused(&self) -> bool {
        self.0.kind() == io::ErrorKind::AlreadyExists
    }
}

impl From<Refusal> for Error {
    fn from(why: Refusal) -> Self {
        match why.refused() {
            true => Self::new("The note exists already", "Nothing was written. Import it by its name.").taken(),
            false => Self::new("The folder refuses", why.0.to_string()),
        }
    }
}

impl Folder {
    async fn add(&self, note: &Note) -> Result<(), Refusal> {
        let mut file = fs::File::create_new(self.0.join(&note.name)).map_err(Refusal)?;
        file.write_all(note.text.as_bytes()).map_err(Refusal)
    }

    async fn put(&self, note: &Note) -> Result<(), Refusal> {
        fs::write(self.0.join(&note.name), &note.text).map_err(Refusal)
    }

    async fn get(&self, name: &str) -> Result<Option<String>, Refusal> {
        match fs::read_to_string(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(Refusal),
        }
    }

    async fn all(&self) -> Result<Vec<Note>, Refusal> {
        let files = fs::read_dir(&self.0).map_err(Refusal)?.flatten().filter(|file| file.path().is_file());
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let notes = names.map(|name| Ok(Note { text: fs::read_to_string(self.0.join(&name)).map_err(Refusal)?, name }));
        notes.collect()
    }

    async fn remove(&self, name: &str) -> Result<(), Refusal> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Refusal(error)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use terraform_core::{Action, Config, Core, Provider, Query};
    use terraform_plugin::{Server, StopToken};

    #[tokio::test]
    async fn a_note_is_made_read_changed_and_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join(".terraform");
        let launch = move || Provider::in_process(Server::<super::Acme>::beside(StopToken::new(), data.clone()));
        let mut core = Core::new(launch, json!({"folder": folder.path()})).await.unwrap();
        let saying = |text: &str| Config::new().resource("acme_note.a", json!({"name": "hello", "text": text}));

        core.apply(&saying("Hello, world")).await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("hello")).unwrap(), "Hello, world");
        assert!(core.plan(&saying("Hello, world")).await.unwrap().is_empty());
        let (listed, _) = core.query("acme_note", json!({}), &Query::default()).await.unwrap();
        assert_eq!(listed[0].name, "hello");
        let plan = core.plan(&saying("Goodbye")).await.unwrap();
        assert_eq!(plan.action("acme_note.a"), Action::Update);
        core.apply_plan(plan).await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("hello")).unwrap(), "Goodbye");
        core.destroy(&saying("Goodbye")).await.unwrap();
        assert!(!folder.path().join("hello").exists());

        // What is there already is not taken over.
        std::fs::write(folder.path().join("hello"), "Mine").unwrap();
        assert!(core.apply(&saying("Yours")).await.is_err());
        assert_eq!(std::fs::read_to_string(folder.path().join("hello")).unwrap(), "Mine");
    }

    #[test]
    fn it_is_what_the_front_page_shows() {
        let (provider, test) =
            include_str!("notes.rs").split_once("\n\n").unwrap().1.split_once("#[cfg(test)]").unwrap();
        let page = include_str!("../README.md");
        assert!(page.contains(&format!("```rust,no_run\n{}\n```", provider.trim())));
        let test = test.split_once("mod tests {\n").unwrap().1.split_once("\n\n    #[test]").unwrap().0;
        let test = test.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        assert!(page.contains(&test), "{test}");
    }
}
