//! `pve_apt_standard_repository`: a repository that Proxmox offers.

use pve_client::Request;
use terraform_plugin::{Cx, Error, Findings, Listed, Model, Need, Say, Timeouts};

use super::{At, LEFT_OUT, Repositories, Work, path, repositories};
use crate::ground::error::Problem;
use crate::ground::everywhere;
use crate::ground::pve::Pve;
use crate::section::{Builtin, Family, OwnRight, Section, listed, lives, said_again};

/// A repository that Proxmox offers, on a node: `no-subscription`, `ceph-tentacle-no-subscription`, ...
///
/// It exists where a node's files have it enabled. PVE can remove no entry from these files: destroying this disables each
/// entry that provides the repository, so that apt takes nothing from it any more, and what was disabled is enabled again by
/// the next one. What is enabled already is not taken over; the error prints the `import` block.
///
/// PVE's installer enables the ones for subscribers (`enterprise`, and one of Ceph): those are always there for this resource,
/// `enabled = false` disables them, and destroying that enables what the files still name. One of those that no file had named
/// before is disabled as any other.
///
/// New packages show after `apt update`, which PVE runs every day.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "apt_standard_repository", area = "Node", key(node, handle))]
pub struct AptStandardRepository {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// PVE's name for it: `enterprise`, `no-subscription`, `test`, and `ceph-RELEASE-` with the same three for each release
    /// of Ceph that this version of PVE has (9: `squid`, `tentacle`).
    #[attr(required, replace, regex = "^[a-z0-9]+(-[a-z0-9]+)*$", says = "a name such as `no-subscription`")]
    pub handle: String,
    /// Whether packages come from it. `false` is for the ones that PVE's installer enables.
    #[attr(default = true)]
    pub enabled: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// Where it is remembered that no file named it before this object did.
const ADDED: &str = "added";

/// Whether PVE's installer brings it.
fn is_preset(handle: &str) -> bool {
    handle.ends_with("enterprise")
}

/// The release of Ceph that a repository is for.
fn ceph_release(handle: &str) -> Option<&str> {
    handle.strip_prefix("ceph-")?.split('-').next()
}

/// Whether an entry provides the repository: by where it leads and what it takes from there. Mirrors have hosts of their own.
fn provides(at: &At<'_>, handle: &str) -> bool {
    let (folder, component) = match ceph_release(handle) {
        Some(release) => {
            let folder = format!("ceph-{release}");
            (folder.clone(), handle.strip_prefix(&format!("{folder}-")).unwrap_or_default().to_owned())
        }
        None => ("pve".to_owned(), format!("pve-{handle}")),
    };
    // As it was called once.
    let former = format!("pve{handle}");
    at.entry.uris.iter().any(|uri| uri.trim_end_matches('/').rsplit('/').next() == Some(&folder))
        && at.entry.components.iter().any(|one| *one == component || (*one == former && handle == "test"))
}

impl Repositories {
    fn status(&self, handle: &str) -> Option<bool> {
        self.standard.iter().find(|offer| offer.handle == handle).and_then(|offer| offer.status)
    }
}

impl Section for AptStandardRepository {
    const FAMILY: Family = Family { what: "Repository", ..Family::PLAIN };

    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/nodes/{node}", &["Sys.Audit"]), Need::to_apply("/nodes/{node}", &["Sys.Modify"])]
    }

    fn validate(config: &AptStandardRepositoryPlan, say: &mut Say<Self>) {
        if let Some(handle) = config.handle.text().filter(|handle| !is_preset(handle) && config.enabled.is(&false)) {
            say.error(
                "enabled",
                format!("Repository \"{handle}\" is disabled by not being there"),
                "Only the ones that PVE's installer enables can be said to be disabled. Leave this one out of the configuration.",
            );
        }
    }

    fn write(key: &AptStandardRepositoryKey) -> Vec<OwnRight> {
        vec![OwnRight { path: format!("/nodes/{}", key.node), any: &["Sys.Modify"] }]
    }

    fn sight(_key: &AptStandardRepositoryKey) -> Option<OwnRight> {
        None
    }

    fn builtin(key: &AptStandardRepositoryKey) -> Builtin {
        if is_preset(&key.handle) { Builtin::Resets } else { Builtin::No }
    }

    async fn find(cx: &Cx<Pve>, key: &AptStandardRepositoryKey) -> Result<Option<Self>, Problem> {
        let found = repositories(cx, &key.node).await?;
        if !found.standard.iter().any(|offer| offer.handle == key.handle) {
            return Ok(None);
        }
        let enabled = found.status(&key.handle) == Some(true);
        let live = Self { node: key.node.clone(), handle: key.handle.clone(), enabled, timeouts: Timeouts::default() };
        Ok((enabled || is_preset(&key.handle)).then_some(live))
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        if want.enabled && repositories(cx, &want.node).await?.status(&want.handle).is_none() {
            cx.private.set(ADDED, true);
        }
        bring(cx, want, format!("Cannot bring repository \"{}\" on {} to what is wanted", want.handle, want.node))
            .await?;
        Ok(want.clone())
    }

    async fn change(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Self, Problem> {
        said_again(cx, want).await
    }

    async fn end(cx: &Cx<Pve>, was: &Self) -> Result<(), Problem> {
        let enabled = is_preset(&was.handle) && !cx.private.get(ADDED).unwrap_or(false);
        if enabled && repositories(cx, &was.node).await?.status(&was.handle).is_none() {
            return Ok(());
        }
        let (verb, after) = if enabled { ("enable", true) } else { ("disable", false) };
        let doing = format!("Cannot {verb} repository \"{}\" on {}", was.handle, was.node);
        bring(cx, &Self { enabled: after, ..was.clone() }, doing).await
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &AptStandardRepositoryPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let (Some(node), Some(handle)) = (want.node.text(), want.handle.text()) else { return Ok(()) };
        let there = repositories(cx, node).await?;
        if !there.standard.iter().any(|offer| offer.handle == handle) {
            let known = listed(&there.standard.iter().map(|offer| offer.handle.clone()).collect());
            let problem = Problem::new(
                format!("Proxmox offers no repository \"{handle}\" for node {node}"),
                format!("Nothing was written. There are: {known}."),
            );
            found.certain(problem.at("handle"));
        }
        let Some(release) = ceph_release(handle).filter(|_| !want.enabled.is(&false)) else { return Ok(()) };
        let other = |other: &&str| ceph_release(other).is_some_and(|other| other != release);
        let enabled =
            there.standard.iter().filter(|offer| offer.status == Some(true)).map(|offer| offer.handle.as_str());
        // What this very configuration disables goes.
        let stays = |handle: &&str| {
            let going = |one: &Self| one.node == node && one.handle == **handle;
            !cx.going::<Self>().iter().any(going) && !is_preset(handle)
        };
        if let Some(other) = enabled.filter(other).find(stays) {
            found.notice(Problem::new(
                "A node would take Ceph from repositories of two releases",
                format!(
                    "\"{other}\" is enabled on {node} beside \"{handle}\". PVE does not object, and apt installs the newer one: an \
                     upgrade of Ceph by chance."
                ),
            ));
        }
        Ok(())
    }
}

/// Enables or disables it. What is enabled is never added: PVE appends it once more.
async fn bring(cx: &Cx<Pve>, want: &AptStandardRepository, doing: String) -> Result<(), Problem> {
    let handle = want.handle.as_str();
    let work = Work::begin(cx, &want.node, doing).await?;
    work.until_done(|found| {
        if want.enabled == (found.status(handle) == Some(true)) {
            return Ok(None);
        }
        let mut entries = found.entries().filter(|at| provides(at, handle));
        Ok(Some(match (entries.find(|at| at.entry.enabled != want.enabled), want.enabled) {
            (Some(at), on) => work.switch(at, on),
            (None, true) => Request::put(path(&want.node)).param("handle", handle),
            (None, false) => {
                return Err(Problem::new(
                    work.doing.clone(),
                    "PVE says that it is enabled, and none of the files names it in a way that is known here. Nothing was written. \
                     Look at the repositories of the node (Updates, Repositories) and disable it there.",
                )
                .unsent());
            }
        }))
    })
    .await
}

impl Listed<Pve> for AptStandardRepository {
    const PLURAL: &'static str = "apt_standard_repositories";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let everywhere = everywhere::ask(cx, LEFT_OUT, |node| async move { repositories(cx, &node).await }).await?;
        let mut all = Vec::new();
        for (node, found) in everywhere.iter().filter_map(|(node, found)| Some((node, found.as_ref()?))) {
            for offer in &found.standard {
                let key = AptStandardRepositoryKey { node: node.clone(), handle: offer.handle.clone() };
                all.extend(Self::find(cx, &key).await?);
            }
        }
        Ok(all)
    }
}

lives!(AptStandardRepository);
