//! `pve_storage_file`: a local file, or a text, on a storage.

use pve_client::api::storage::Volume;
use pve_client::{Error as PveError, Lock, Task, Upload};
use serde::{Deserialize, Serialize};
use terraform_plugin::{
    Attr, Change, Choice, Created, Cx, Deleted, Error, Failed, Findings, Keyed, Model, Need, Path, Read, Resource, Say,
    Timeouts, Unwritten, Updated, require,
};

use super::brought::{self, Brought};
use super::local::{self, Local};
use super::place::{self, At, Wanted};
use super::snippet;
use super::{ContentKey, removal};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::node::remote;

/// A file of this machine on a storage: an ISO image, a container template, a disk image to make machines from, or a snippet for
/// cloud-init.
///
/// It is read where Terraform runs, and sent to a node bit by bit, with its checksum, which PVE compares. It is known by its
/// SHA-256: one that has changed here since is sent again (a plan replaces the file; a snippet is written in place), and so is
/// one that has another size on the storage by now.
///
/// PVE has no call that writes snippets, so they take SSH (the provider's `ssh`), and can be given as a text as well (`data`).
/// With SSH a refresh compares what they hold.
///
/// A file that exists already is not taken over, although PVE would overwrite it; the error prints the `import` block. The
/// import id is `NODE/STORAGE:CONTENT/FILE`, without the node for a storage that all nodes share. What is imported is taken for
/// what is configured if it has that size.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_file", area = "Storage", exactly_one(path, data))]
pub struct StorageFile {
    /// The node that gets it, and on whose storage it lies. Left out for a storage that all nodes share: any that is online gets
    /// it then.
    #[attr(optional, replace, length = 1..)]
    pub node: Option<String>,
    /// The storage.
    #[attr(required, replace, length = 1..)]
    pub storage: String,
    /// What it is: `iso`, `vztmpl` (a container template), `import` (a disk image) or `snippets`. The storage has to take that.
    #[attr(required, replace)]
    pub content: FileContent,
    /// The file on the machine that runs Terraform.
    #[attr(local, length = 1..)]
    pub path: Option<String>,
    /// What a snippet holds, in place of a file. It stands in the state.
    #[attr(local, check = not_too_long)]
    pub data: Option<String>,
    /// Its name on the storage. PVE goes by the ending: `.iso` or `.img` for `iso`; `.tar`, `.tar.gz`, `.tar.xz`, `.tar.zst` or
    /// `.tar.bz2` for `vztmpl`; `.qcow2`, `.raw`, `.vmdk` or `.ova` for `import`.
    ///
    /// Left alone when unset (a new file is called as it is here; with `data` it has to be set).
    #[attr(keep, replace, check = local::name)]
    pub file_name: Option<String>,
    /// The SHA-256 of what was sent, and of what a snippet holds. Null after an import.
    #[attr(computed)]
    pub sha256: Option<String>,
    /// The volume: `local:iso/debian.iso`. `cicustom` names snippets so.
    #[attr(computed)]
    pub volid: Option<String>,
    /// Its size in bytes.
    #[attr(computed)]
    pub size: Option<u64>,
    /// False while it is not all there; the next apply sends it again.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "2h", update = "2h", delete = "10m"))]
    pub timeouts: Timeouts,
}

/// What a file is.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileContent {
    /// An ISO image.
    #[default]
    Iso,
    /// A container template.
    Vztmpl,
    /// A disk image.
    Import,
    /// A snippet.
    Snippets,
}

fn not_too_long(data: &String) -> Result<(), String> {
    match data.len() as u64 {
        0..=snippet::LARGEST => Ok(()),
        n => Err(format!("must have at most 1 MiB, and has {n} bytes")),
    }
}

/// What is remembered of what was sent.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sent {
    size: u64,
    sha256: String,
}

const SENT: &str = "sent";

impl Keyed for StorageFile {
    type Key = ContentKey;

    fn key(&self) -> Option<ContentKey> {
        Some(ContentKey { node: self.node.clone(), volid: self.volid.clone()? })
    }
}

impl StorageFile {
    fn is_snippet(&self) -> bool {
        self.content == FileContent::Snippets
    }

    fn local(&self) -> &str {
        self.path.as_deref().unwrap_or_default()
    }

    /// What a snippet is to hold, as it is at this moment.
    async fn text(&self) -> Result<Vec<u8>, Problem> {
        let Some(path) = &self.path else { return Ok(self.data.clone().unwrap_or_default().into_bytes()) };
        tokio::fs::read(path).await.map_err(|error| {
            Problem::new(format!("Cannot read the local file {path}"), format!("{error}. Nothing was written."))
                .at("path")
                .unsent()
        })
    }

    /// Its checksum and length; an error if it is not what was planned any more.
    async fn source(&self, cx: &Cx<Pve>) -> Result<(u64, String), Problem> {
        let (size, sha256) = match &self.data {
            Some(data) => (data.len() as u64, local::of_text(data.as_bytes())),
            None => {
                let Local { size, sha256, .. } = local::look(&cx.private, self.local()).await?;
                (size, sha256)
            }
        };
        if self.sha256.as_ref().is_some_and(|planned| *planned != sha256) {
            let detail = "Its content is another than when this was planned. Nothing was written. Apply again.";
            return Err(Problem::new(format!("The local file {} has changed", self.local()), detail)
                .at("path")
                .unsent());
        }
        Ok((size, sha256))
    }

    fn with(&self, size: Option<u64>, sha256: Option<String>) -> Self {
        let at = self.at();
        let volid = Some(at.volid());
        Self { file_name: Some(at.file), volid, size, sha256, ready: true, ..self.clone() }
    }

    /// Writes a snippet; what the state says then.
    async fn write(&self, cx: &Cx<Pve>, new: bool) -> Result<Self, Problem> {
        let (size, sha256) = self.source(cx).await?;
        snippet::write(cx, &self.at(), &self.text().await?, new).await?;
        Ok(self.with(Some(size), Some(sha256)))
    }
}

impl Brought for StorageFile {
    const TASK: &'static str = "imgcopy";
    const IN_PLACE: bool = true;

    fn at(&self) -> At {
        let file = self.file_name.clone().or_else(|| local::name_of(self.path.as_deref()?)).unwrap_or_default();
        At::new(self.node.as_deref(), &self.storage, &self.content.to_string(), &file)
    }

    /// Such tasks tell nothing of what they are about.
    fn task_id(&self) -> String {
        String::new()
    }

    /// One after the other, so that each knows its own task.
    fn lock(&self) -> Lock {
        Lock::Content("upload".to_owned())
    }

    async fn begin(&self, cx: &Cx<Pve>, node: &str) -> Result<Task, PveError> {
        let (size, sha256) =
            self.source(cx).await.map_err(|problem| PveError::Config(Error::from(problem).to_string()))?;
        cx.private.set(SENT, Sent { size, sha256: sha256.clone() });
        let file = Upload { path: self.local().into(), name: self.at().file, size };
        let content = self.content.to_string();
        cx.client.node_storage(node).upload(&self.storage, &content, &sha256, file, self.lock()).await
    }

    fn is_it(&self, there: &Volume) -> bool {
        let length = std::fs::metadata(self.local()).map(|about| about.len()).ok();
        there.size.is_none() || there.size == length
    }

    fn done(&self, cx: &Cx<Pve>, there: &Volume) -> Self {
        let sent: Option<Sent> = cx.private.get(SENT);
        // Where only a run that was cut off has sent it, what is here is what it was to send.
        let read: Option<Local> = cx.private.get("read");
        let sha256 =
            sent.map(|sent| sent.sha256).or_else(|| self.sha256.clone()).or_else(|| read.map(|read| read.sha256));
        if let (Some(size), Some(sha256)) = (there.size, sha256.clone()) {
            cx.private.set(SENT, Sent { size, sha256 });
        }
        self.with(there.size, sha256)
    }

    fn is_ready(&self) -> bool {
        self.ready
    }
}

impl Resource<Pve> for StorageFile {
    fn needs() -> Vec<Need> {
        vec![super::SEES, super::PUTS, super::REMOVES]
    }

    fn validate(config: &StorageFilePlan, say: &mut Say<Self>) {
        let Some(content) = config.content.known() else { return };
        if config.data.is_known() && *content != FileContent::Snippets {
            let detail = "Only snippets are given as a text. Set `path`.";
            say.error("data", format!("No `{content}` is a text"), detail);
        }
        if config.data.is_known() && config.file_name.is_null() {
            say.error("file_name", "A text without a name", "Set `file_name`.");
        }
        let (at, name) = match (config.file_name.text(), config.path.text()) {
            (Some(name), _) => ("file_name", Some(name.to_owned())),
            (None, Some(path)) if config.file_name.is_null() => ("path", local::name_of(path)),
            _ => return,
        };
        match name {
            None => say.error(at, "The path names no file", "It ends with a `/`."),
            Some(name) => {
                if let Some(why) = local::refused(&content.to_string(), &name) {
                    say.error(at, "A name that PVE does not take", why);
                }
            }
        }
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        let (storage, content) = match &change.prior {
            Some(prior) => (Some(prior.storage.clone()), Some(prior.content)),
            None => (change.plan.storage.text().map(str::to_owned), change.plan.content.get()),
        };
        let snippet = content == Some(FileContent::Snippets);
        if !snippet || change.is_destroy() {
            super::warn(cx, change, say, storage.as_deref(), None).await;
        }
        if change.is_destroy() {
            return;
        }
        if snippet && !change.is_no_op() {
            remote::warn(cx, say, "Snippets");
        }
        if change.is_create() {
            name_it(&mut change.plan, change.config.file_name.is_null());
        }
        let here = match (change.plan.data.text(), change.plan.path.text()) {
            (Some(data), _) => Some((data.len() as u64, local::of_text(data.as_bytes()))),
            (None, Some(path)) => match local::look(&cx.private, path).await {
                Ok(local) => Some((local.size, local.sha256)),
                Err(problem) => {
                    // Something else of the plan may make it.
                    let told = Error::from(problem).to_string();
                    say.warning("path", "A local file that is to be sent cannot be read now", told);
                    None
                }
            },
            _ => None,
        };
        let Some(prior) = change.prior.clone().filter(|prior| prior.ready) else {
            change.plan.sha256 = here.map_or(Attr::Unknown, |(_, sha256)| Attr::Known(sha256));
            return;
        };
        let Some((size, sha256)) = here else { return };
        let differs = match &prior.sha256 {
            Some(was) => *was != sha256,
            // Nobody knows what it holds: an import, or somebody has changed it.
            None => prior.size.is_some_and(|was| was != size),
        };
        if prior.sha256.as_ref() == Some(&sha256) {
            return;
        }
        change.plan.sha256 = Attr::Known(sha256);
        if differs {
            change.plan.size = Attr::Unknown;
            if !snippet {
                change.replace(Path::attr("sha256"));
            }
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &StorageFilePlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if prior.is_some() {
            return Ok(());
        }
        let content = want.content.known().map(ToString::to_string);
        let file = want.file_name.text().map(str::to_owned).or_else(|| local::name_of(want.path.text()?));
        let wanted =
            Wanted { node: &want.node, storage: &want.storage, content: content.as_deref(), file: file.as_deref() };
        place::possible(cx, Self::NAME, wanted, found).await?;
        if found.is_empty()
            && content.as_deref() == Some("snippets")
            && !want.node.is_unknown()
            && let (Some(storage), Some(file)) = (want.storage.text(), file)
            && (!found.is_plan() || cx.client.ssh("").is_some())
        {
            let at = At::new(want.node.text(), storage, "snippets", &file);
            found.check(snippet::must_have_a_folder(cx, &at).await);
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, &was.at(), found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        // What cannot be read is not begun with.
        let (size, sha256) = unwritten.check(want.source(cx).await)?;
        if !want.is_snippet() {
            return brought::create(cx, want, unwritten).await;
        }
        let at = want.at();
        let there = unwritten.check(snippet::look(cx, &at).await)?;
        let agrees = |found: &pve_client::shell::files::Found| local::of_text(&found.content) == sha256;
        if unwritten.check(at.named(Self::NAME).left_behind(cx, there, agrees).await)?.is_some() {
            return Ok(unwritten.take_over(want.clone()).made(want.with(Some(size), Some(sha256))));
        }
        unwritten.check(require(cx, want, None).await)?;
        let (answer, written) = unwritten.send(want.clone(), want.write(cx, true)).await?;
        match answer {
            Ok(done) => Ok(written.made(done)),
            // The answer was lost: what is there tells.
            Err(problem) => match snippet::look(cx, &at).await {
                Ok(Some(found)) if agrees(&found) => Ok(written.made(want.with(Some(size), Some(sha256)))),
                _ => Ok(written.leave(problem)),
            },
        }
    }

    async fn read(cx: &Cx<Pve>, key: &ContentKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let at = At::of(key, &["iso", "vztmpl", "import", "snippets"])?;
        let known = prior.cloned().unwrap_or_default();
        let (node, storage, content) = (at.node.clone(), at.storage.clone(), at.content.parse().unwrap_or_default());
        let model = Self { node, storage, content, file_name: Some(at.file.clone()), ..known };
        if !model.is_snippet() {
            return brought::read(cx, &at, prior, |there| {
                let sent: Option<Sent> = cx.private.get(SENT);
                // What has another size by now is another file.
                let same = sent.filter(|sent| there.size.is_none_or(|size| size == sent.size));
                model.with(there.size, same.map(|sent| sent.sha256).filter(|_| model.sha256.is_some() || !model.ready))
            })
            .await;
        }
        if prior.is_some_and(|prior| !prior.ready) {
            return Ok(Read::Found(model));
        }
        let read = place::answer(cx, &at, |there| model.with(there.size, model.sha256.clone())).await?;
        let Read::Found(found) = read else { return Ok(read) };
        let node = place::carrier(cx, &at).await?;
        if prior.is_none() || cx.client.ssh(&node).is_none() {
            return Ok(Read::Found(found));
        }
        // With SSH, what it holds is looked at.
        match snippet::look(cx, &at).await {
            Ok(Some(there)) => Ok(Read::Found(found.with(Some(there.size), Some(local::of_text(&there.content))))),
            _ => Ok(Read::Found(found)),
        }
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        if !want.is_snippet() {
            return brought::update(cx, prior, want).await;
        }
        let (size, sha256) = want.source(cx).await?;
        let at = want.at();
        let is = |there: &pve_client::shell::files::Found| local::of_text(&there.content) == sha256;
        if snippet::look(cx, &at).await?.is_some_and(|there| is(&there)) {
            return Ok(Updated::Done(want.with(Some(size), Some(sha256))));
        }
        match want.write(cx, false).await {
            Ok(done) => Ok(Updated::Done(done)),
            Err(problem) if problem.is_refused() => Err(problem.into()),
            Err(problem) => match snippet::look(cx, &at).await {
                Ok(Some(there)) if is(&there) => Ok(Updated::Done(want.with(Some(size), Some(sha256)))),
                _ => Ok(Updated::unfinished(want.clone(), problem)),
            },
        }
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        brought::delete(cx, was).await
    }
}

/// Says at plan what it is going to be called, as far as that is known.
fn name_it(plan: &mut StorageFilePlan, unset: bool) {
    if unset {
        let name = plan.path.text().and_then(local::name_of);
        plan.file_name = name.map_or(Attr::Unknown, Attr::Known);
    }
    plan.volid = match (plan.storage.text(), plan.content.known(), plan.file_name.text()) {
        (Some(storage), Some(content), Some(file)) => Attr::Known(format!("{storage}:{content}/{file}")),
        _ => Attr::Unknown,
    };
}
