//! Where a file lies, whether it may, and whether it does.

use std::sync::Arc;

use pve_client::Error as PveError;
use pve_client::api::storage::{StorageConfig, Volume};
use terraform_plugin::{Attr, Cx, Error, Findings, Read};

use super::ContentKey;
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::named::Named;
use crate::ground::pve::Pve;

/// The types of storages that keep files.
const WITH_FILES: [&str; 5] = ["storage_dir", "storage_nfs", "storage_cifs", "storage_cephfs", "storage_btrfs"];

/// The place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) node: Option<String>,
    pub(super) storage: String,
    /// `iso`, `vztmpl`, `import`, `snippets`.
    pub(super) content: String,
    pub(super) file: String,
}

/// What a look at a place has found.
pub(super) enum Seen {
    There(Box<Volume>),
    Absent,
    /// The storage shows nothing of this kind, whatever lies there.
    Hidden(String),
}

impl At {
    pub(super) fn new(node: Option<&str>, storage: &str, content: &str, file: &str) -> Self {
        let [storage, content, file] = [storage, content, file].map(str::to_owned);
        Self { node: node.map(str::to_owned), storage, content, file }
    }

    /// What an import names; an error if that is no file of this content.
    pub(super) fn of(key: &ContentKey, contents: &[&str]) -> Result<Self, Problem> {
        let fits = key.parts().filter(|(_, content, _)| contents.contains(content));
        let (storage, content, file) = fits.ok_or_else(|| {
            Problem::new(
                format!("\"{}\" is no such file", key.volid),
                format!(
                    "What is managed here is called `STORAGE:CONTENT/FILE`, where the content is {}.",
                    contents.join(" or ")
                ),
            )
        })?;
        Ok(Self::new(key.node.as_deref(), storage, content, file))
    }

    pub(super) fn volid(&self) -> String {
        format!("{}:{}/{}", self.storage, self.content, self.file)
    }

    pub(super) fn key(&self) -> ContentKey {
        ContentKey { node: self.node.clone(), volid: self.volid() }
    }

    /// As messages name it.
    pub(super) fn called(&self) -> String {
        match &self.node {
            Some(node) => format!("File \"{}\" on {node}", self.volid()),
            None => format!("File \"{}\"", self.volid()),
        }
    }

    pub(super) fn doing(&self, what: &str) -> String {
        let called = self.called();
        format!("Cannot {what} f{}", &called[1..])
    }

    pub(super) fn named(&self, kind: &str) -> Named {
        Named { kind: format!("pve_{kind}"), attribute: "storage", key: self.key().to_string(), what: self.called() }
    }
}

/// The entry of a storage, if we may see it.
pub(super) async fn entry(cx: &Cx<Pve>, storage: &str) -> Result<Option<StorageConfig>, Problem> {
    cx.client.storage().find(storage).await.during(format!("Cannot look for storage \"{storage}\""))
}

/// The node to be asked: its own, or any that is online and has the storage.
pub(super) async fn carrier(cx: &Cx<Pve>, at: &At) -> Result<String, Problem> {
    if let Some(node) = &at.node {
        return Ok(node.clone());
    }
    let entry = entry(cx, &at.storage).await?;
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let has = |node: &str| entry.as_ref().is_none_or(|entry| entry.is_on(node));
    let mut fit: Vec<&str> =
        nodes.iter().filter(|node| node.is_online() && has(&node.node)).map(|node| node.node.as_str()).collect();
    fit.sort_unstable();
    fit.first().map(|node| (*node).to_owned()).ok_or_else(|| {
        Problem::new(
            format!("No node reaches storage \"{}\"", at.storage),
            "None of those that have it is online. Nothing was written.",
        )
        .unsent()
    })
}

/// Looks at a place.
pub(super) async fn look(cx: &Cx<Pve>, at: &At) -> Result<Seen, Problem> {
    let node = carrier(cx, at).await?;
    if let Some(entry) = entry(cx, &at.storage).await? {
        let why = match () {
            () if entry.disable => Some(format!("Storage \"{}\" is switched off", at.storage)),
            () if !entry.content.contains(&at.content) => {
                Some(format!("Storage \"{}\" holds no `{}` any more", at.storage, at.content))
            }
            () => None,
        };
        if let Some(why) = why {
            return Ok(Seen::Hidden(why));
        }
    }
    let listed: Result<Arc<Vec<Volume>>, PveError> = cx.client.node_storage(&node).content(&at.storage, None).await;
    let listed = match listed {
        Err(error) if error.is_absent() => return Ok(Seen::Absent),
        listed => listed.during(format!("Cannot list what is on storage \"{}\" of {node}", at.storage))?,
    };
    let volid = at.volid();
    Ok(listed
        .iter()
        .find(|volume| volume.volid == volid)
        .map_or(Seen::Absent, |there| Seen::There(Box::new(there.clone()))))
}

/// The file, if it is there for certain.
pub(super) async fn find(cx: &Cx<Pve>, at: &At) -> Result<Option<Volume>, Problem> {
    match look(cx, at).await? {
        Seen::There(volume) => Ok(Some(*volume)),
        Seen::Absent => Ok(None),
        Seen::Hidden(why) => Err(Problem::new(
            at.doing("look for"),
            format!("{why}, and PVE lists nothing of that kind then. Nothing was written. Give it back what it was."),
        )
        .at("storage")),
    }
}

/// The answer of a read.
pub(super) async fn answer<M>(cx: &Cx<Pve>, at: &At, model: impl FnOnce(&Volume) -> M) -> Result<Read<M>, Error> {
    let found = match look(cx, at).await {
        Ok(Seen::Hidden(why)) => {
            return Ok(Read::unreachable(
                why,
                "PVE lists nothing of that kind then. What is there stays in the state.",
            ));
        }
        Ok(Seen::There(volume)) => Ok(Some(model(&volume))),
        Ok(Seen::Absent) => Ok(None),
        Err(problem) => Err(problem),
    };
    if found.is_err()
        && let Some(node) = &at.node
        && let Ok(status) = cx.client.cluster().status().await
        && status.quorate
        && status.member(node).is_some_and(|member| !member.online)
    {
        let why = "The cluster sees it offline. What is on its storages stays in the state as it was.";
        return Ok(Read::unreachable(format!("Node {node} is unreachable"), why));
    }
    absence::answer(&cx.client, found).await
}

/// What is planned of a place, as far as it is known.
pub(super) struct Wanted<'a> {
    pub(super) node: &'a Attr<String>,
    pub(super) storage: &'a Attr<String>,
    pub(super) content: Option<&'a str>,
    pub(super) file: Option<&'a str>,
}

/// Looks for what speaks against a new file there.
pub(super) async fn possible<M>(
    cx: &Cx<Pve>,
    kind: &str,
    want: Wanted<'_>,
    found: &mut Findings<M>,
) -> Result<(), Error> {
    let (Some(storage), Some(content)) = (want.storage.text(), want.content) else { return Ok(()) };
    let Some(entry) = entry(cx, storage).await? else {
        let coming = WITH_FILES.iter().any(|kind| cx.comes(kind, storage));
        let detail = "Nothing was written. Name one that there is; or the user or token may not see it.";
        found.missing(coming, Problem::new(format!("Storage \"{storage}\" does not exist"), detail).at("storage"));
        return Ok(());
    };
    if !entry.content.contains(content) {
        let all: Vec<&str> = entry.content.iter().map(String::as_str).collect();
        let problem = Problem::new(
            format!("Storage \"{storage}\" does not take `{content}`"),
            format!(
                "It takes: {}. Nothing was written. Add `{content}` to its `content` (Datacenter, Storage), or name another.",
                all.join(", ")
            ),
        );
        found.mendable(problem.at("storage"));
        return Ok(());
    }
    match (want.node, entry.shared) {
        (Attr::Null, false) => {
            let detail = "What lies there lies on one node alone. Nothing was written. Set `node`.";
            found.certain(Problem::new(format!("Storage \"{storage}\" is each node's own"), detail).at("node"));
            return Ok(());
        }
        (Attr::Known(_), true) => {
            let detail = "What lies there is the same for all, so it belongs to none of them. Nothing was written. Leave `node` out: \
                          any node that is online fetches it.";
            found.certain(Problem::new(format!("Storage \"{storage}\" is shared by all nodes"), detail).at("node"));
            return Ok(());
        }
        (Attr::Unknown, _) => return Ok(()),
        _ => {}
    }
    if let Some(node) = want.node.text() {
        let known = cx.client.nodes().find(node).await.during("Cannot list the cluster's nodes")?;
        if known.is_none() {
            let detail = "Nothing was written. Name one of the cluster's nodes.";
            found.mendable(Problem::new(format!("There is no node {node}"), detail).at("node"));
            return Ok(());
        }
        if !entry.is_on(node) {
            let detail = "Its entry names other nodes. Nothing was written. Name one of those.";
            found.mendable(Problem::new(format!("Storage \"{storage}\" is not on {node}"), detail).at("node"));
            return Ok(());
        }
    }
    let Some(file) = want.file else { return Ok(()) };
    let at = At::new(want.node.text(), storage, content, file);
    if find(cx, &at).await?.is_some() {
        found.exists(at.named(kind).existing());
    }
    Ok(())
}
