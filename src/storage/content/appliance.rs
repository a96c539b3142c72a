//! `pve_appliance_template`: a container template of PVE's index.

use pve_client::api::storage::Volume;
use pve_client::{Error as PveError, Task};
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Keyed, Model, Need, Read, Resource, Say, Timeouts,
    Unwritten, Updated,
};

use super::brought::{self, Brought};
use super::place::{self, At, Wanted};
use super::{ContentKey, local, removal};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A container template of the index that PVE keeps (`pveam available`): Debian, Alpine and others as Proxmox builds them, and
/// the appliances of TurnKey Linux. `pve_appliance_templates` tells what there is.
///
/// The node fetches it and compares its checksum. A template has its version in its name, so a newer one is another file: what
/// was fetched stays until another name is configured. What the index no longer has stays, too.
///
/// A file that exists already is not taken over; the error prints the `import` block. The import id is
/// `NODE/STORAGE:vztmpl/TEMPLATE`, without the node for a storage that all nodes share.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "appliance_template", area = "Storage")]
pub struct ApplianceTemplate {
    /// The node that fetches it, and on whose storage it lies. Left out for a storage that all nodes share: any that is online
    /// fetches it then.
    #[attr(optional, replace, length = 1..)]
    pub node: Option<String>,
    /// The storage. It has to take `vztmpl`.
    #[attr(required, replace, length = 1..)]
    pub storage: String,
    /// The template: `debian-13-standard_13.1-2_amd64.tar.zst`.
    #[attr(required, replace, check = local::name)]
    pub template: String,
    /// The volume, as a container's template names it: `local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst`.
    #[attr(computed)]
    pub volid: Option<String>,
    /// Its size in bytes.
    #[attr(computed)]
    pub size: Option<u64>,
    /// False while it is still being fetched; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "1h", update = "1h", delete = "10m"))]
    pub timeouts: Timeouts,
}

impl Keyed for ApplianceTemplate {
    type Key = ContentKey;

    fn key(&self) -> Option<ContentKey> {
        Some(ContentKey { node: self.node.clone(), volid: self.volid.clone()? })
    }
}

impl Brought for ApplianceTemplate {
    const TASK: &'static str = "download";

    fn at(&self) -> At {
        At::new(self.node.as_deref(), &self.storage, "vztmpl", &self.template)
    }

    async fn begin(&self, cx: &Cx<Pve>, node: &str) -> Result<Task, PveError> {
        cx.client.node_storage(node).appliance(&self.storage, &self.template, self.lock()).await
    }

    fn done(&self, _: &Cx<Pve>, there: &Volume) -> Self {
        Self { volid: Some(self.at().volid()), size: there.size, ready: true, ..self.clone() }
    }

    fn is_ready(&self) -> bool {
        self.ready
    }
}

/// The names that are most like one: those of its package, or else those that begin as it does.
fn near<'a>(all: impl Iterator<Item = &'a str>, name: &str) -> Vec<&'a str> {
    let common = |other: &str| other.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let mut all: Vec<(usize, &str)> =
        all.map(|other| (common(other), other)).filter(|(common, _)| *common > 2).collect();
    all.sort_by(|(a, one), (b, other)| b.cmp(a).then(one.cmp(other)));
    all.into_iter().take(3).map(|(_, other)| other).collect()
}

/// Tells of a name that the index does not have.
async fn known(cx: &Cx<Pve>, at: &At, found: &mut Findings<ApplianceTemplate>) -> Result<(), Error> {
    let node = place::carrier(cx, at).await?;
    let index = cx
        .client
        .node_storage(&node)
        .appliances()
        .await
        .during(format!("Cannot read the index of templates on {node}"))?;
    if index.iter().any(|one| one.template == at.file) {
        return Ok(());
    }
    let near = near(index.iter().map(|one| one.template.as_str()), &at.file);
    let cure = match near.is_empty() {
        true => "`pve_appliance_templates` tells what there is.".to_owned(),
        false => format!("There are: {}.", near.join(", ")),
    };
    let detail = format!(
        "Nothing was written. {cure} The node fetches its index once a day; `pveam update` there does so at once.",
    );
    found.mendable(Problem::new(format!("The index of {node} has no template \"{}\"", at.file), detail).at("template"));
    Ok(())
}

impl Resource<Pve> for ApplianceTemplate {
    fn needs() -> Vec<Need> {
        vec![super::SEES, super::PUTS, super::REMOVES]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        let storage = match &change.prior {
            Some(prior) => Some(prior.storage.clone()),
            None => change.plan.storage.text().map(str::to_owned),
        };
        super::warn(cx, change, say, storage.as_deref(), None).await;
        if change.is_create() && !change.is_destroy() {
            change.plan.volid = match (change.plan.storage.text(), change.plan.template.text()) {
                (Some(storage), Some(template)) => Attr::Known(format!("{storage}:vztmpl/{template}")),
                _ => Attr::Unknown,
            };
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &ApplianceTemplatePlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if prior.is_some() {
            return Ok(());
        }
        let file = want.template.text();
        let wanted = Wanted { node: &want.node, storage: &want.storage, content: Some("vztmpl"), file };
        place::possible(cx, Self::NAME, wanted, found).await?;
        let Some(file) = file.filter(|_| found.is_empty() && !want.node.is_unknown()) else { return Ok(()) };
        let Some(storage) = want.storage.text() else { return Ok(()) };
        known(cx, &At::new(want.node.text(), storage, "vztmpl", file), found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, &was.at(), found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        brought::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &ContentKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let at = At::of(key, &["vztmpl"])?;
        brought::read(cx, &at, prior, |there| {
            let known = prior.cloned().unwrap_or_default();
            let (node, storage, template) = (at.node.clone(), at.storage.clone(), at.file.clone());
            Self { node, storage, template, ..known }.done(cx, there)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_like_it_are_told() {
        let all = [
            "debian-12-standard_12.12-1_amd64.tar.zst",
            "debian-13-standard_13.1-2_amd64.tar.zst",
            "alpine-3.22_x.tar.xz",
        ];
        let told = near(all.into_iter(), "debian-13-standard_13.0-1_amd64.tar.zst");
        assert_eq!(told, ["debian-13-standard_13.1-2_amd64.tar.zst", "debian-12-standard_12.12-1_amd64.tar.zst"]);
        assert!(near(all.into_iter(), "zzz").is_empty());
    }
}
