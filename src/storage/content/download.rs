//! `pve_storage_download`: a file that a node fetches by URL.

use pve_client::api::content::Download;
use pve_client::api::storage::Volume;
use pve_client::{Error as PveError, Task};
use serde::{Deserialize, Serialize};
use terraform_plugin::{
    Attr, Change, Choice, Created, Cx, Deleted, Error, Failed, Findings, Keyed, Model, Need, Path, Read, Resource, Say,
    Timeouts, Unwritten, Updated,
};

use super::brought::{self, Brought};
use super::place::{self, At, Wanted};
use super::{ContentKey, local, removal};
use crate::ground::pve::Pve;

/// A file on a storage that a node fetches from a URL: an ISO image, a container template, or a disk image to make machines
/// from.
///
/// The node fetches it, not Terraform, so nothing passes through the machine that runs this. With a `checksum` PVE compares
/// what arrives, before it is decompressed, and nothing stays of what differs.
///
/// What was fetched once stays: that the server has something else by now is no difference, and neither is another size of the
/// file (see `replace_if_changed`). Another `url`, `checksum` or `compression` fetches it anew: the file is removed first. A file
/// that is gone is fetched again. What an import does not tell (`url` and the like) is noted as it is configured, and not
/// compared.
///
/// A file that exists already is not taken over; the error prints the `import` block. The import id is
/// `NODE/STORAGE:CONTENT/FILE`: `pve1/local:iso/debian.iso`, and `nas:iso/debian.iso` for a storage that all nodes share.
///
/// Besides Datastore.AllocateTemplate it takes Sys.AccessNetwork on the node, or both Sys.Audit and Sys.Modify on `/`; to remove
/// it, Datastore.Allocate.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(
    name = "storage_download",
    area = "Storage",
    requires(checksum, checksum_algorithm),
    requires(checksum_algorithm, checksum)
)]
pub struct StorageDownload {
    /// The node that fetches it, and on whose storage it lies. Left out for a storage that all nodes share: any that is online
    /// fetches it then.
    #[attr(optional, replace, length = 1..)]
    pub node: Option<String>,
    /// The storage.
    #[attr(required, replace, length = 1..)]
    pub storage: String,
    /// What it is: `iso`, `vztmpl` (a container template) or `import` (a disk image). The storage has to take that.
    #[attr(required, replace)]
    pub content: DownloadContent,
    /// Where it comes from: `http://` or `https://`. Another one fetches it anew. Empty after an import.
    #[attr(required, check = url)]
    pub url: String,
    /// Its name on the storage. PVE goes by the ending: `.iso` or `.img` for `iso`; `.tar`, `.tar.gz`, `.tar.xz`, `.tar.zst` or
    /// `.tar.bz2` for `vztmpl`; `.qcow2`, `.raw`, `.vmdk` or `.ova` for `import`. With `compression` it is that of the
    /// decompressed file.
    ///
    /// Left alone when unset (a new file has the last part of the URL).
    #[attr(keep, replace, check = local::name)]
    pub file_name: Option<String>,
    /// The checksum of what the server sends, in hexadecimal digits.
    #[attr(optional, regex = "^[0-9a-fA-F]{32,128}$", says = "a checksum in hexadecimal digits")]
    pub checksum: Option<String>,
    /// Its algorithm.
    #[attr(optional)]
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
    /// How the server's file is compressed, to have it decompressed. PVE does so for `iso` alone.
    #[attr(optional)]
    pub compression: Option<Compression>,
    /// Whether the server has to show a certificate that the node trusts.
    #[attr(local, default = true)]
    pub verify_certificates: bool,
    /// Whether a file that has another size than what was fetched is fetched again. What a file of the same size holds is not
    /// compared.
    #[attr(local, default = false)]
    pub replace_if_changed: bool,
    /// The volume: `local:iso/debian.iso`, as `import_from` of a disk, a CD-ROM or a container's template name it.
    #[attr(computed)]
    pub volid: Option<String>,
    /// Its size in bytes, as PVE lists it.
    #[attr(computed)]
    pub size: Option<u64>,
    /// False while it is still being fetched; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take. A download that does not move is given up after a quarter of an hour.
    #[attr(timeouts(create = "2h", update = "2h", delete = "10m"))]
    pub timeouts: Timeouts,
}

/// What a file is.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DownloadContent {
    /// An ISO image.
    #[default]
    Iso,
    /// A container template.
    Vztmpl,
    /// A disk image.
    Import,
}

/// How a checksum is computed.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChecksumAlgorithm {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl ChecksumAlgorithm {
    /// Hexadecimal digits of its checksums.
    fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha224 => 56,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// How a file is compressed.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// gzip.
    Gz,
    /// LZO.
    Lzo,
    /// Zstandard.
    Zst,
    /// bzip2.
    Bz2,
}

fn url(url: &String) -> Result<(), String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) {
        None => Err("must be a URL that begins with `http://` or `https://`".to_owned()),
        Some(rest) if rest.chars().any(|c| c.is_whitespace() || c.is_control()) => {
            Err("must hold no blanks or line feeds: write them as `%20`".to_owned())
        }
        Some(_) => Ok(()),
    }
}

/// What is remembered of a file: what it was when it had just been fetched.
#[derive(Serialize, Deserialize)]
struct Fetched {
    size: Option<u64>,
}

const FETCHED: &str = "fetched";

impl Keyed for StorageDownload {
    type Key = ContentKey;

    fn key(&self) -> Option<ContentKey> {
        Some(ContentKey { node: self.node.clone(), volid: self.volid.clone()? })
    }
}

impl Brought for StorageDownload {
    const TASK: &'static str = "download";

    fn at(&self) -> At {
        let file = self.file_name.clone().or_else(|| local::name_of(&self.url)).unwrap_or_default();
        At::new(self.node.as_deref(), &self.storage, &self.content.to_string(), &file)
    }

    async fn begin(&self, cx: &Cx<Pve>, node: &str) -> Result<Task, PveError> {
        let algorithm = self.checksum_algorithm.map(|algorithm| algorithm.to_string());
        let download = Download {
            url: self.url.clone(),
            content: self.content.to_string(),
            filename: self.at().file,
            checksum: algorithm.zip(self.checksum.clone()),
            compression: self.compression.map(|compression| compression.to_string()),
            verify_certificates: Some(false).filter(|_| !self.verify_certificates),
        };
        cx.client.node_storage(node).download(&self.storage, &download, self.lock()).await
    }

    fn done(&self, cx: &Cx<Pve>, there: &Volume) -> Self {
        if cx.private.get::<Fetched>(FETCHED).is_none() {
            cx.private.set(FETCHED, Fetched { size: there.size });
        }
        let at = self.at();
        let (volid, size) = (Some(at.volid()), there.size);
        Self { file_name: Some(at.file), volid, size, ready: true, ..self.clone() }
    }

    fn is_ready(&self) -> bool {
        self.ready
    }
}

impl Resource<Pve> for StorageDownload {
    fn needs() -> Vec<Need> {
        vec![super::SEES, super::PUTS, super::FETCHES, super::REMOVES]
    }

    fn validate(config: &StorageDownloadPlan, say: &mut Say<Self>) {
        if let (Some(algorithm), Some(sum)) = (config.checksum_algorithm.known(), config.checksum.text())
            && sum.len() != algorithm.digits()
        {
            let detail = format!("It has {} digits, and those of {algorithm} have {}.", sum.len(), algorithm.digits());
            say.error("checksum", "A checksum of another algorithm", detail);
        }
        let Some(content) = config.content.known() else { return };
        if config.compression.is_known() && *content != DownloadContent::Iso {
            let detail = "PVE decompresses what is `iso` alone. Have it fetched as it is, if that is what the guest takes, or decompress \
                          it and use `pve_storage_file`.";
            say.error("compression", format!("PVE does not decompress `{content}`"), detail);
        }
        let (at, name) = match (config.file_name.text(), config.url.text()) {
            (Some(name), _) => ("file_name", Some(name.to_owned())),
            (None, Some(url)) if config.file_name.is_null() => ("url", local::name_of(url)),
            _ => return,
        };
        match name {
            None => say.error(at, "The URL names no file", "It ends with a `/`. Set `file_name`."),
            Some(name) => {
                if let Some(why) = local::refused(&content.to_string(), &name) {
                    say.error(at, "A name that PVE does not take", why);
                }
            }
        }
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        let (storage, node) = match &change.prior {
            Some(prior) => (Some(prior.storage.clone()), prior.node.clone()),
            None => (change.plan.storage.text().map(str::to_owned), change.plan.node.text().map(str::to_owned)),
        };
        super::warn(cx, change, say, storage.as_deref(), Some(node.as_deref())).await;
        if change.is_destroy() {
            return;
        }
        if change.is_create() {
            name_it(&mut change.plan, change.config.file_name.is_null());
        }
        let Some(prior) = change.prior.clone().filter(|prior| prior.ready) else { return };
        let plan = &change.plan;
        let mut anew = Vec::new();
        if super::is_another(Some(&prior.url).filter(|was| !was.is_empty()), &plan.url) {
            anew.push("url");
        }
        // What is unset is compared no more.
        let small = |sum: &str| sum.to_lowercase();
        if let (Some(was), Some(is)) = (&prior.checksum, plan.checksum.text())
            && small(was) != small(is)
        {
            anew.push("checksum");
        }
        if prior.checksum_algorithm.is_some()
            && plan.checksum_algorithm.known().is_some_and(|is| Some(*is) != prior.checksum_algorithm)
        {
            anew.push("checksum_algorithm");
        }
        if !prior.url.is_empty() && plan.compression.known() != prior.compression.as_ref() {
            anew.push("compression");
        }
        let fetched: Option<Fetched> = cx.private.get(FETCHED);
        let resized =
            fetched.is_some_and(|fetched| fetched.size.is_some() && prior.size.is_some() && fetched.size != prior.size);
        if resized && change.plan.replace_if_changed.is(&true) {
            change.plan.size = Attr::Unknown;
            anew.push("size");
        }
        anew.into_iter().for_each(|attribute| change.replace(Path::attr(attribute)));
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &StorageDownloadPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if prior.is_some() {
            return Ok(());
        }
        let content = want.content.known().map(ToString::to_string);
        let file = want.file_name.text().map(str::to_owned).or_else(|| local::name_of(want.url.text()?));
        let want =
            Wanted { node: &want.node, storage: &want.storage, content: content.as_deref(), file: file.as_deref() };
        place::possible(cx, Self::NAME, want, found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, &was.at(), found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        brought::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &ContentKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let at = At::of(key, &["iso", "vztmpl", "import"])?;
        brought::read(cx, &at, prior, |there| {
            let known = prior.cloned().unwrap_or_default();
            let content = at.content.parse().unwrap_or_default();
            let (verify_certificates, file_name) =
                (prior.is_none_or(|prior| prior.verify_certificates), Some(at.file.clone()));
            let storage = at.storage.clone();
            let node = at.node.clone();
            let fixed = Self { node, storage, content, file_name, verify_certificates, ..known };
            fixed.done(cx, there)
        })
        .await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        brought::update(cx, prior, want).await
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        brought::delete(cx, was).await
    }
}

/// Says at plan what it is going to be called, as far as that is known.
fn name_it(plan: &mut StorageDownloadPlan, unset: bool) {
    if unset {
        let name = plan.url.text().and_then(local::name_of);
        plan.file_name = name.map_or(Attr::Unknown, Attr::Known);
    }
    let volid = match (plan.storage.text(), plan.content.known(), plan.file_name.text()) {
        (Some(storage), Some(content), Some(file)) => Attr::Known(format!("{storage}:{content}/{file}")),
        _ => Attr::Unknown,
    };
    plan.volid = volid;
}
