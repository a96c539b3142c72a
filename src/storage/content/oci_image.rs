//! `pve_oci_image`: a container image of a registry.

use pve_client::api::storage::Volume;
use pve_client::version::Version;
use pve_client::{Error as PveError, Task};
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Keyed, Model, Need, Path, Read, Resource, Say,
    Timeouts, Unwritten, Updated,
};

use super::brought::{self, Brought};
use super::place::{self, At, Wanted};
use super::{ContentKey, local, removal};
use crate::ground::error::Problem;
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;

/// A container image that a node pulls from a registry (PVE 9.1), for containers to be made from.
///
/// PVE pulls by tag and keeps no digest, so what a tag such as `latest` means is decided once, when it is pulled: that the
/// registry has another image under it by now is no difference. To have a newer one, name another tag, or replace this
/// (`terraform apply -replace`). Containers that exist already keep what they were made from.
///
/// The file is called after the last part of the reference, registry and namespace are lost: `a/nginx:1` and `b/nginx:1` would be
/// the same file, `nginx_1.tar`. PVE always appends `.tar`, also to a `file_name` that ends so.
///
/// Registries that want a login cannot be used: PVE has no place for one. Pull the image yourself then (`skopeo copy
/// docker://... oci-archive:nginx.tar`), and bring it with `pve_storage_file`.
///
/// An image that exists already is not taken over; the error prints the `import` block. The import id is
/// `NODE/STORAGE:vztmpl/FILE`: `pve1/local:vztmpl/nginx_1.tar`, without the node for a storage that all nodes share.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "oci_image", area = "Storage")]
pub struct OciImage {
    /// The node that pulls it, and on whose storage it lies. Left out for a storage that all nodes share: any that is online
    /// pulls it then.
    #[attr(optional, replace, length = 1..)]
    pub node: Option<String>,
    /// The storage. It has to take `vztmpl`.
    #[attr(required, replace, length = 1..)]
    pub storage: String,
    /// The image with its tag: `docker.io/library/nginx:1.29`. Another one is pulled anew. Empty after an import.
    #[attr(required, check = reference)]
    pub reference: String,
    /// Its name on the storage, to which PVE appends `.tar`.
    ///
    /// Left alone when unset (a new file is called after the reference: `nginx_1.29`).
    #[attr(keep, replace, check = name)]
    pub file_name: Option<String>,
    /// The volume, as a container's template names it: `local:vztmpl/nginx_1.29.tar`.
    #[attr(computed)]
    pub volid: Option<String>,
    /// Its size in bytes.
    #[attr(computed)]
    pub size: Option<u64>,
    /// False while it is still being pulled; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "1h", update = "1h", delete = "10m"))]
    pub timeouts: Timeouts,
}

/// What PVE takes for a reference, and what it does not, with the cure.
fn reference(reference: &String) -> Result<(), String> {
    if let Some((before, _)) = reference.split_once('@') {
        return Err(format!(
            "must name a tag: PVE takes no digest. Write `{}:TAG`; to pin an image, use a tag that is never moved, or bring it with \
             `pve_storage_file`",
            before.rsplit_once(':').map_or(before, |(before, _)| before)
        ));
    }
    super::oci_tags::with_tag(reference)
}

/// As the rest of names, with room for what PVE appends.
fn name(name: &String) -> Result<(), String> {
    local::name(name)?;
    if name.len() > 251 {
        return Err("must have at most 251 characters: PVE appends `.tar`".to_owned());
    }
    Ok(())
}

/// The name of the file without `.tar`, of one whose name is not set.
fn name_of(reference: &str) -> Option<String> {
    local::name_of(reference)
}

/// An image that is planned to be pulled, by its place.
#[derive(Clone)]
struct Pulled(String);

impl Planned for Pulled {
    type Key = String;
}

impl Keyed for OciImage {
    type Key = ContentKey;

    fn key(&self) -> Option<ContentKey> {
        Some(ContentKey { node: self.node.clone(), volid: self.volid.clone()? })
    }
}

impl OciImage {
    fn stem(&self) -> String {
        self.file_name.clone().or_else(|| name_of(&self.reference)).unwrap_or_default()
    }
}

impl Brought for OciImage {
    const TASK: &'static str = "ociregistrypull";

    fn at(&self) -> At {
        At::new(self.node.as_deref(), &self.storage, "vztmpl", &format!("{}.tar", self.stem()))
    }

    async fn begin(&self, cx: &Cx<Pve>, node: &str) -> Result<Task, PveError> {
        let stem = self.stem();
        cx.client.node_storage(node).pull(&self.storage, &self.reference, Some(&stem), self.lock()).await
    }

    fn done(&self, _: &Cx<Pve>, there: &Volume) -> Self {
        let (file_name, volid) = (Some(self.stem()), Some(self.at().volid()));
        Self { file_name, volid, size: there.size, ready: true, ..self.clone() }
    }

    fn is_ready(&self) -> bool {
        self.ready
    }
}

impl Resource<Pve> for OciImage {
    fn needs() -> Vec<Need> {
        vec![super::SEES, super::PUTS, super::FETCHES, super::REMOVES]
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
            let plan = &mut change.plan;
            if change.config.file_name.is_null() {
                plan.file_name = plan.reference.text().and_then(name_of).map_or(Attr::Unknown, Attr::Known);
            }
            plan.volid = match (plan.storage.text(), plan.file_name.text()) {
                (Some(storage), Some(stem)) => Attr::Known(format!("{storage}:vztmpl/{stem}.tar")),
                _ => Attr::Unknown,
            };
            tell_of_another(cx, plan, say);
        }
        if let Some(prior) = change.prior.clone().filter(|prior| prior.ready && !prior.reference.is_empty())
            && super::is_another(Some(&prior.reference), &change.plan.reference)
        {
            change.replace(Path::attr("reference"));
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &OciImagePlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if prior.is_some() {
            return Ok(());
        }
        if let Ok(version) = cx.client.version().await
            && version.version < Version::new(9, 1, 0)
        {
            let detail =
                format!("This is {}. Nothing was written. Bring the image with `pve_storage_file`.", version.version);
            found.certain(Problem::new("Only PVE 9.1 and later pulls container images", detail).at("reference"));
            return Ok(());
        }
        let stem = want.file_name.text().map(str::to_owned).or_else(|| name_of(want.reference.text()?));
        let file = stem.map(|stem| format!("{stem}.tar"));
        let want = Wanted { node: &want.node, storage: &want.storage, content: Some("vztmpl"), file: file.as_deref() };
        place::possible(cx, Self::NAME, want, found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, &was.at(), found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        brought::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &ContentKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let at = At::of(key, &["vztmpl"])?;
        let Some(stem) = at.file.strip_suffix(".tar") else {
            let detail = "PVE calls what it has pulled `NAME.tar`. `pve_storage_download` and `pve_appliance_template` are for others.";
            return Err(Problem::new(format!("\"{}\" is no container image", key.volid), detail).into());
        };
        brought::read(cx, &at, prior, |there| {
            let known = prior.cloned().unwrap_or_default();
            let (node, storage) = (at.node.clone(), at.storage.clone());
            Self { node, storage, file_name: Some(stem.to_owned()), ..known }.done(cx, there)
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

/// Tells at plan of two references that would be one file.
fn tell_of_another(cx: &Cx<Pve>, plan: &OciImagePlan, say: &mut Say<OciImage>) {
    let (Some(volid), Some(reference)) = (plan.volid.text(), plan.reference.text()) else { return };
    let place = format!("{}/{volid}", plan.node.text().unwrap_or_default());
    let before = cx.ledger.with(|all: &mut std::collections::BTreeMap<String, Pulled>| {
        all.insert(place, Pulled(reference.to_owned())).map(|Pulled(before)| before)
    });
    if let Some(other) = before.filter(|before| before != reference) {
        let detail = format!(
            "{other} and {reference} would both be {volid}: PVE calls the file after the last part of the reference alone. Give one of \
             them a `file_name` of its own."
        );
        say.error("reference", "Two images by one name", detail);
    }
}
