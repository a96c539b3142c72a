//! `pve_ceph_install`: Ceph's packages on a node.

use std::collections::BTreeMap;

use pve_client::shell::install::Installation;
use pve_client::{Area, Error as PveError, Lock, Request, segment};
use serde::Deserialize;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Diagnostic, Error, Failed, Findings, Listed, Model, Need, Read, Resource, Say,
    Timeouts, Unwritten, Updated, require,
};
use tokio::time::Instant;

use super::wait::until;
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::rights;

/// Ceph's packages on a node.
///
/// PVE installs them in its terminal, which takes the login of `root@pam`; planning and refreshing do not. Until the end the node
/// says of itself that Ceph is not installed, and so it does when the run is killed midway, until the installation is run once
/// more: the next apply does that. An apply that is interrupted sees the installation to its end first.
///
/// Packages of the wanted release that are there already are taken over as they are, and destroying this leaves them where they
/// are: PVE has no way to remove them. Another release is an upgrade of Ceph, which this does not do: the plan says how it is
/// done.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_install", area = "Ceph", key(node))]
pub struct CephInstall {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// Ceph's release by its name: `tentacle` (20.2) or `squid` (19.2) with PVE 9. All nodes of a cluster have the same.
    #[attr(required, regex = "^[a-z]+$", says = "the name of a release, such as `tentacle`")]
    pub release: String,
    /// Where the packages come from: `enterprise` takes a subscription; `manual` takes what the node has, such as what
    /// `pve_apt_standard_repository` enables. With the others PVE writes the node's file of Ceph's repository anew. Never
    /// compared later.
    #[attr(local, default = "enterprise", one_of = ["enterprise", "no-subscription", "test", "manual"])]
    pub repository: String,
    /// False until the node says that Ceph is installed; the next apply installs it once more.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "1h", update = "1h", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// Names of releases by the first number of their versions.
const RELEASES: [(&str, &str); 4] = [("17", "quincy"), ("18", "reef"), ("19", "squid"), ("20", "tentacle")];

/// The release of a version such as `20.2.1`; one that is not known is its number.
fn release_of(version: &str) -> String {
    let major = version.split('.').next().unwrap_or_default();
    RELEASES.iter().find(|(number, _)| *number == major).map_or(major, |(_, name)| *name).to_owned()
}

/// How a node is.
#[derive(Debug)]
enum Found {
    /// Without packages, or with an installation that is under way or was cut off.
    Nothing,
    /// With packages; of which release is told by the node itself every few seconds, and not yet.
    Something(Option<String>),
}

async fn look(cx: &Cx<Pve>, node: &str) -> Result<Found, Problem> {
    match cx.client.ceph().via(node).conf().await {
        Err(PveError::NotInstalled(_)) => return Ok(Found::Nothing),
        Ok(_) | Err(PveError::NotInitialised(_)) => {}
        Err(error) => return Err(error).during(format!("Cannot see whether Ceph is installed on {node}")),
    }
    let all = cx.client.ceph().installed().await.during("Cannot see where Ceph is installed")?;
    Ok(Found::Something(all.get(node).map(|version| release_of(version))))
}

/// `GET ceph/releases`, since 9.2.7.
#[derive(Deserialize)]
struct Release {
    release: String,
    #[serde(default, deserialize_with = "pve_client::wire::boolean")]
    available: bool,
}

/// The releases that a node offers, where its PVE tells.
async fn offered(cx: &Cx<Pve>, node: &str) -> Option<Vec<String>> {
    let request = Request::get(format!("nodes/{}/ceph/releases", segment(node))).node(node);
    let all = cx.client.shared::<Vec<Release>>(Area::Version, request).await.ok()?;
    Some(all.iter().filter(|one| one.available).map(|one| one.release.clone()).collect())
}

impl CephInstall {
    fn doing(&self) -> String {
        format!("Cannot install Ceph on {}", self.node)
    }

    fn done(&self) -> Self {
        Self { ready: true, ..self.clone() }
    }

    /// Runs PVE's installation to its end.
    async fn install(&self, cx: &Cx<Pve>, deadline: Instant) -> Result<(), Problem> {
        let what = Installation { release: self.release.clone(), repository: self.repository.clone() };
        let patience = deadline.saturating_duration_since(Instant::now());
        tracing::info!(node = self.node, release = self.release, "installing Ceph's packages");
        let ended = cx.client.install_ceph(&self.node, &what, patience).await;
        cx.client.changed(&[Area::CephConfig, Area::CephMons, Area::Nodes]);
        let installed = ended.during(self.doing()).map_err(Problem::node_at_fault)?;
        match installed.success {
            true => Ok(()),
            false => Err(Problem::new(
                self.doing(),
                format!(
                    "`pveceph install` did not succeed. It said:\n{}\nSee to that (the repository, the way to it, what else apt is \
                     doing), then apply again: it is run once more.",
                    installed.said
                ),
            )),
        }
    }

    /// Waits until the node says of itself what it has.
    async fn settled(&self, cx: &Cx<Pve>, deadline: Instant) -> Result<Self, Problem> {
        let waiting = format!("{} does not say yet that Ceph is installed", self.node);
        until(cx, deadline, &waiting, async || {
            Ok(match look(cx, &self.node).await? {
                Found::Something(Some(_)) => Ok(()),
                Found::Something(None) => Err("Its version is not told yet.".to_owned()),
                Found::Nothing => Err("It says that Ceph is not installed.".to_owned()),
            })
        })
        .await?;
        cx.client.changed(&[Area::CephConfig, Area::CephMons, Area::Nodes]);
        Ok(self.done())
    }
}

/// The error that packages of another release are there.
fn upgrade(node: &str, live: &str, want: &str) -> Problem {
    Problem::new(
        format!("Ceph on {node} is of release \"{live}\""),
        format!(
            "\"{want}\" would be another one, and an upgrade of Ceph is no change of a setting: all nodes get the new packages, then \
             monitors, managers, OSDs and metadata servers are restarted in this order, with `noout` set. Nothing was written. PVE's \
             wiki has a page for each such upgrade; when it is done, write the new release here. Until then, `release = \"{live}\"` \
             is what is there."
        ),
    )
    .at("release")
}

impl Resource<Pve> for CephInstall {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if !change.is_destroy() && !change.is_no_op() {
            let why = "PVE installs Ceph's packages in its terminal, for which no token is enough.";
            rights::warn_root(cx, say, "node", "Installing Ceph needs the login of root@pam", why);
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &CephInstallPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(node) = want.node.text() else { return Ok(()) };
        let status = cx.client.cluster().status().await.during("Cannot list the cluster's nodes")?;
        match status.member(node) {
            None => {
                let names: Vec<&str> = status.members.iter().map(|member| member.name.as_str()).collect();
                let detail = format!("Its nodes: {}. Nothing was written.", names.join(", "));
                found.mendable(Problem::new(format!("The cluster has no node \"{node}\""), detail).at("node"));
                return Ok(());
            }
            Some(member) if !member.online => {
                let detail =
                    "Packages are installed on the node itself. Nothing was written. Apply again when it is back.";
                found.mendable(Problem::new(format!("Node {node} is offline"), detail).at("node"));
                return Ok(());
            }
            Some(_) => {}
        }
        let Some(release) = want.release.text() else { return Ok(()) };
        let all = cx.client.ceph().installed().await.during("Cannot see where Ceph is installed")?;
        match all.get(node).map(|version| release_of(version)) {
            Some(live) if live != release => {
                found.certain(upgrade(node, &live, release));
                return Ok(());
            }
            _ => {}
        }
        if let Some(offered) = offered(cx, node).await
            && !offered.iter().any(|one| one == release)
        {
            let detail = format!("It offers: {}. Nothing was written.", offered.join(", "));
            found.certain(Problem::new(format!("PVE on {node} offers no Ceph \"{release}\""), detail).at("release"));
        }
        let others = all.iter().filter(|(other, version)| *other != node && release_of(version) != release);
        let others: Vec<String> = others.map(|(other, version)| format!("{other} ({})", release_of(version))).collect();
        if !others.is_empty() {
            found.mendable(
                Problem::new(
                    format!("Other nodes have another release of Ceph than \"{release}\""),
                    format!("{}. One Ceph cluster is of one release. Nothing was written.", others.join(", ")),
                )
                .at("release"),
            );
        }
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let turn = cx.client.begin_write(Lock::Node(want.node.clone()), &[]).await.during(want.doing());
        let _turn = unwritten.check(turn)?;
        let deadline = Instant::now() + cx.timeout;
        unwritten.check(require(cx, want, None).await)?;
        if let Found::Something(_) = unwritten.check(look(cx, &want.node).await)? {
            return Ok(unwritten.take_over(want.clone()).settle(|_| want.settled(cx, deadline)).await);
        }
        let (ended, written) = unwritten.send(want.clone(), want.install(cx, deadline)).await?;
        match ended {
            Ok(()) => Ok(written.settle(|_| want.settled(cx, deadline)).await),
            // It came to its end, and nothing of it can be in the way of the next one.
            Err(problem) if problem.pve().is_none() => written.undo(problem, async { Ok::<_, Problem>(()) }).await,
            Err(problem) => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &CephInstallKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let found = match look(cx, &key.node).await {
            Err(problem) => Err(problem),
            // What was begun is carried on.
            Ok(Found::Nothing) => Ok(prior.filter(|prior| !prior.ready).cloned()),
            Ok(Found::Something(release)) => {
                let known =
                    prior.cloned().unwrap_or_else(|| Self { repository: "enterprise".to_owned(), ..Self::default() });
                match release.or_else(|| prior.map(|prior| prior.release.clone())) {
                    Some(release) => Ok(Some(Self { node: key.node.clone(), release, ready: true, ..known })),
                    None => Err(Problem::new(
                        format!("{} does not tell yet which Ceph it has", key.node),
                        "Nodes tell it every few seconds. Try again in a moment.",
                    )),
                }
            }
        };
        absence::answer(&cx.client, found).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let _turn = cx.client.begin_write(Lock::Node(want.node.clone()), &[]).await.during(want.doing())?;
        let deadline = Instant::now() + cx.timeout;
        require(cx, want, Some(prior)).await?;
        if let Found::Nothing = look(cx, &want.node).await?
            && let Err(problem) = want.install(cx, deadline).await
        {
            return match problem.pve().is_none() || problem.is_refused() {
                true => Err(problem.into()),
                false => Ok(Updated::unfinished(want.clone(), problem)),
            };
        }
        Ok(match want.settled(cx, deadline).await {
            Ok(done) => Updated::Done(done),
            Err(problem) => Updated::unfinished(want.clone(), problem),
        })
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        cx.warn(Diagnostic::warning(
            "Ceph's packages stay where they are",
            format!("PVE has no way to remove them from {}. They are not managed by this any more.", was.node),
        ));
        Ok(Deleted::Gone)
    }
}

impl Listed<Pve> for CephInstall {
    const PLURAL: &'static str = "ceph_installs";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let all: BTreeMap<String, String> =
            cx.client.ceph().installed().await.during("Cannot see where Ceph is installed")?;
        let one = |(node, version): (&String, &String)| Self {
            node: node.clone(),
            release: release_of(version),
            repository: "enterprise".to_owned(),
            ready: true,
            ..Self::default()
        };
        Ok(all.iter().map(one).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::release_of;

    #[test]
    fn versions_have_releases() {
        for (version, release) in [("20.2.1", "tentacle"), ("19.2.3", "squid"), ("21.2.0", "21"), ("", "")] {
            assert_eq!(release_of(version), release);
        }
    }
}
