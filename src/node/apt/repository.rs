//! `pve_apt_repository`: an entry that is in a node's files already.

use terraform_plugin::{Cx, Error, Findings, Listed, Model, Need, Timeouts};

use super::{At, LEFT_OUT, Repositories, Work, repositories};
use crate::ground::error::Problem;
use crate::ground::everywhere;
use crate::ground::pve::Pve;
use crate::section::{Builtin, Family, OwnRight, Section, lives, said_again};

/// A repository that a node's files name already: whether packages come from it.
///
/// PVE adds only what Proxmox offers (`pve_apt_standard_repository`) and removes nothing. Creating this switches an entry that
/// is there, and destroying it leaves the entry as it is. Entries are known by what they say, since their numbers move when
/// somebody edits the file; those that say the same are switched together.
///
/// The id is `NODE/FILE/SUITE/COMPONENT/URI`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "apt_repository", area = "Node", key(node, file, suite, component, uri), rest = uri)]
pub struct AptRepository {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// The name of the file: `debian.sources` in `/etc/apt/sources.list.d`, or `sources.list`.
    #[attr(required, replace, regex = "^[A-Za-z0-9_.-]+$", says = "the name of a file, without its folder")]
    pub file: String,
    /// A suite of the entry: `trixie`.
    #[attr(required, replace, regex = "^[^/\\s]+$", says = "one word without a slash")]
    pub suite: String,
    /// A component of the entry: `main`.
    #[attr(required, replace, regex = "^[^/\\s]+$", says = "one word without a slash")]
    pub component: String,
    /// Where the packages are, as the file has it: `http://deb.debian.org/debian`.
    #[attr(required, replace, regex = "^\\S+$", says = "one word")]
    pub uri: String,
    /// Whether packages come from it.
    #[attr(required)]
    pub enabled: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl AptRepositoryKey {
    fn is(&self, at: &At<'_>) -> bool {
        let has = |all: &[String], one: &String| all.contains(one);
        at.path.rsplit('/').next() == Some(&self.file)
            && has(&at.entry.suites, &self.suite)
            && has(&at.entry.components, &self.component)
            && has(&at.entry.uris, &self.uri)
    }

    fn with(&self, enabled: bool) -> AptRepository {
        let Self { node, file, suite, component, uri } = self.clone();
        AptRepository { node, file, suite, component, uri, enabled, timeouts: Timeouts::default() }
    }

    /// The error that there is none, with those that there are.
    fn missing(&self, found: &Repositories) -> Problem {
        let told = |at: At<'_>| {
            let file = at.path.rsplit('/').next().unwrap_or_default();
            let words = [&at.entry.suites, &at.entry.components, &at.entry.uris].map(|words| words.join(" "));
            format!("  {file}: {}", words.join(", "))
        };
        let entries: Vec<String> = found.entries().map(told).collect();
        Problem::new(
            format!("{} on {} has no such repository", self.file, self.node),
            format!(
                "PVE can add none but those of Proxmox (`pve_apt_standard_repository`). Nothing was written. There are:\n{}",
                entries.join("\n")
            ),
        )
        .at("file")
    }
}

impl Section for AptRepository {
    const FAMILY: Family = Family { what: "Repository", ..Family::PLAIN };

    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/nodes/{node}", &["Sys.Audit"]), Need::to_apply("/nodes/{node}", &["Sys.Modify"])]
    }

    fn write(key: &AptRepositoryKey) -> Vec<OwnRight> {
        vec![OwnRight { path: format!("/nodes/{}", key.node), any: &["Sys.Modify"] }]
    }

    fn sight(_key: &AptRepositoryKey) -> Option<OwnRight> {
        None
    }

    fn builtin(_key: &AptRepositoryKey) -> Builtin {
        Builtin::Stays
    }

    async fn find(cx: &Cx<Pve>, key: &AptRepositoryKey) -> Result<Option<Self>, Problem> {
        let found = repositories(cx, &key.node).await?;
        let enabled: Vec<bool> = found.entries().filter(|at| key.is(at)).map(|at| at.entry.enabled).collect();
        Ok((!enabled.is_empty()).then(|| key.with(enabled.contains(&true))))
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        let key = crate::section::key_of(want)?;
        let doing = format!("Cannot switch repository \"{key}\"");
        let work = Work::begin(cx, &want.node, doing).await?;
        work.until_done(|found| {
            let all: Vec<At<'_>> = found.entries().filter(|at| key.is(at)).collect();
            if all.is_empty() {
                return Err(key.missing(found).unsent());
            }
            // One of those that say the same is enough; none may be left over.
            let done = match want.enabled {
                true => all.iter().any(|at| at.entry.enabled),
                false => !all.iter().any(|at| at.entry.enabled),
            };
            let next = all.into_iter().find(|at| at.entry.enabled != want.enabled);
            Ok(next.filter(|_| !done).map(|at| work.switch(at, want.enabled)))
        })
        .await?;
        Ok(want.clone())
    }

    async fn change(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Self, Problem> {
        said_again(cx, want).await
    }

    async fn end(_cx: &Cx<Pve>, _was: &Self) -> Result<(), Problem> {
        // It stays as it is.
        Ok(())
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &AptRepositoryPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        use terraform_plugin::{Key, Object};
        let Ok(key) = AptRepositoryKey::decode(&Self::encode_plan(want)) else { return Ok(()) };
        let there = repositories(cx, &key.node).await?;
        if prior.is_none() && !there.entries().any(|at| key.is(&at)) {
            found.mendable(key.missing(&there));
        }
        Ok(())
    }
}

impl Listed<Pve> for AptRepository {
    const PLURAL: &'static str = "apt_repositories";

    /// Each suite and component of an entry by itself, as they are known.
    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let everywhere = everywhere::ask(cx, LEFT_OUT, |node| async move { repositories(cx, &node).await }).await?;
        let mut all = Vec::new();
        for (node, found) in everywhere.iter().filter_map(|(node, found)| Some((node, found.as_ref()?))) {
            for at in found.entries() {
                let file = at.path.rsplit('/').next().unwrap_or_default();
                for (suite, component, uri) in words(&at) {
                    let (node, file) = (node.clone(), file.to_owned());
                    let key = AptRepositoryKey { node, file, suite, component, uri };
                    all.extend(Self::find(cx, &key).await?);
                }
            }
        }
        Ok(all)
    }
}

/// Every suite, component and place of an entry.
fn words(at: &At<'_>) -> Vec<(String, String, String)> {
    let entry = at.entry;
    let mut all = Vec::new();
    for suite in &entry.suites {
        for component in &entry.components {
            all.extend(entry.uris.iter().map(|uri| (suite.clone(), component.clone(), uri.clone())));
        }
    }
    all
}

lives!(AptRepository);
