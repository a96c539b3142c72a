//! Where a node's packages come from.

pub mod repository;
pub mod standard;

use std::sync::Arc;

use pve_client::{Area, Lock, Request, Writing, segment};
use serde::Deserialize;
use serde::de::IgnoredAny;
use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// `GET /nodes/{node}/apt/repositories`.
#[derive(Clone, Debug, Deserialize)]
pub struct Repositories {
    files: Vec<File>,
    #[serde(rename = "standard-repos")]
    standard: Vec<Offer>,
    /// Over all files.
    digest: String,
}

/// A file with repositories.
#[derive(Clone, Debug, Deserialize)]
struct File {
    path: String,
    #[serde(default)]
    repositories: Vec<Entry>,
}

/// An entry of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    types: Vec<String>,
    #[serde(default, rename = "URIs")]
    uris: Vec<String>,
    #[serde(default)]
    suites: Vec<String>,
    #[serde(default)]
    components: Vec<String>,
    #[serde(default, deserialize_with = "pve_client::wire::boolean")]
    enabled: bool,
}

/// What Proxmox offers under a name.
#[derive(Clone, Debug, Deserialize)]
struct Offer {
    handle: String,
    /// Whether it is enabled; none if no file names it.
    #[serde(default, deserialize_with = "pve_client::wire::opt_boolean")]
    status: Option<bool>,
}

/// An entry and where it stands: PVE knows it by its number in its file.
#[derive(Clone, Copy, Debug)]
struct At<'a> {
    path: &'a str,
    index: usize,
    entry: &'a Entry,
}

impl Repositories {
    /// All entries for packages that are installed from.
    fn entries(&self) -> impl Iterator<Item = At<'_>> {
        let all = self.files.iter().flat_map(|file| {
            let numbered = file.repositories.iter().enumerate();
            numbered.map(|(index, entry)| At { path: &file.path, index, entry })
        });
        all.filter(|at| at.entry.types.iter().any(|kind| kind == "deb"))
    }
}

fn path(node: &str) -> String {
    format!("nodes/{}/apt/repositories", segment(node))
}

/// The repositories of a node, read once for all that ask.
async fn repositories(cx: &Cx<Pve>, node: &str) -> Result<Arc<Repositories>, Problem> {
    let request = Request::get(path(node)).node(node);
    let doing = format!("Cannot read the repositories of node {node}");
    cx.client.shared(Area::Nodes, request).await.during(doing).map_err(Problem::node_at_fault)
}

/// What comes of a node that does not answer.
const LEFT_OUT: &str = "Its repositories are left out";

/// How often something is switched before it is given up: each switching is one entry, and somebody else may be at work.
const STEPS: u32 = 16;

/// A node's repositories while they are changed, in one turn of the queue. PVE knows entries by numbers that move when a file
/// is edited, so that each step is worked out from what was just read, and carries the digest of that.
struct Work<'a> {
    cx: &'a Cx<Pve>,
    turn: Writing,
    node: &'a str,
    doing: String,
}

impl<'a> Work<'a> {
    async fn begin(cx: &'a Cx<Pve>, node: &'a str, doing: String) -> Result<Self, Problem> {
        let turn = cx.client.begin_write(Lock::Node(node.to_owned()), &[Area::Nodes]).await.during(&doing)?;
        Ok(Self { cx, turn, node, doing })
    }

    async fn read(&self) -> Result<Repositories, Problem> {
        let request = Request::get(path(self.node)).node(self.node);
        self.cx.client.call(request).await.during(&self.doing).map_err(Problem::node_at_fault)
    }

    /// Sends what `next` works out, until that is nothing.
    async fn until_done(
        &self,
        next: impl Fn(&Repositories) -> Result<Option<Request>, Problem>,
    ) -> Result<(), Problem> {
        for _ in 0..STEPS {
            let found = self.read().await?;
            let Some(request) = next(&found)? else { return Ok(()) };
            let request = request.node(self.node).param("digest", &found.digest);
            match self.turn.send::<IgnoredAny>(request).await.during(&self.doing) {
                Err(problem) if !problem.is_modified() => return Err(problem),
                // Done, or to be worked out anew.
                _ => {}
            }
        }
        Err(Problem::new(
            self.doing.clone(),
            "It is as it was each time it was looked at: somebody else changes the same files. Apply again.",
        ))
    }

    /// The request that switches an entry.
    fn switch(&self, at: At<'_>, on: bool) -> Request {
        Request::post(path(self.node)).param("path", at.path).param("index", at.index).flag("enabled", on)
    }
}
