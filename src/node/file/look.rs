//! What is at a path, and what of it may be read.

use pve_client::shell::files::{Files, Found, Place};
use terraform_plugin::{Cx, Findings};

use super::{NodeFile, NodeFileKey, Written, path};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::node::remote;

/// The longest content.
pub(super) const LARGEST: u64 = 1 << 20;

/// A plain file at its own path.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) modified: String,
    found: Found,
}

impl Seen {
    /// Whether it is what is wanted, content and all.
    pub(super) fn is_as(&self, want: &NodeFile) -> bool {
        let wanted = want.wanted();
        self.found.content == want.bytes()
            && (self.found.owner.as_str(), self.found.group.as_str()) == (wanted.owner, wanted.group)
            && self.found.permissions() == wanted.mode
    }
}

/// What is at a path, with so much of the content.
pub(super) async fn at(cx: &Cx<Pve>, node: &str, path: &str, content: u64) -> Result<Place, Problem> {
    let doing = format!("Cannot look at {path} on {node}");
    let shell = remote::shell(cx, node, &doing)?;
    Files::new(&shell).look(path, content).await.during(doing)
}

/// The file at a path, if a plain one is there and no link on the way.
pub(super) async fn seen(cx: &Cx<Pve>, node: &str, path: &str, content: u64) -> Result<Option<Seen>, Problem> {
    let place = at(cx, node, path, content).await?;
    let found = place.found.filter(|found| found.is_file() && place.real == path);
    Ok(found.map(|found| Seen { modified: found.modified.clone(), found }))
}

/// Tells what at a path speaks against a file there.
pub(super) fn check(place: &Place, node: &str, path: &str, found: &mut Findings<NodeFile>) {
    let problem = |summary: String, detail: String| Problem::new(summary, detail).at("path");
    if place.real != path {
        let cure = match path::refused(&place.real) {
            Some(why) => format!("That is not written by this: {why}."),
            None => "Write that path if it is the one you mean.".to_owned(),
        };
        let detail = format!("Behind it is {}. Links are not followed, and nothing was written. {cure}", place.real);
        found.mendable(problem(format!("A symbolic link is on the way to {path} on {node}"), detail));
        return;
    }
    if !place.folder {
        let detail =
            "The folder of a file has to be there. Nothing was written. Make it on the node, or choose another.";
        found.mendable(problem(format!("The folder of {path} does not exist on {node}"), detail.to_owned()));
    }
    if let Some(there) = place.found.as_ref().filter(|there| !there.is_file()) {
        let detail = "Only plain files are written. Nothing was written. Choose another path.";
        found.mendable(problem(format!("{path} on {node} is {}", there.kind()), detail.to_owned()));
    }
}

/// The file as the state has it: `prior` tells whether its content may stand there.
pub(super) async fn found(
    cx: &Cx<Pve>,
    key: &NodeFileKey,
    prior: Option<&NodeFile>,
) -> Result<Option<NodeFile>, Problem> {
    let NodeFileKey { node, path } = key;
    let shown = prior.is_some_and(|prior| prior.content.is_some());
    let Some(mut seen) = seen(cx, node, path, if shown { LARGEST + 1 } else { 0 }).await? else { return Ok(None) };
    let public = prior.is_none() && seen.found.is_public();
    if public {
        let Some(again) = self::seen(cx, node, path, LARGEST + 1).await? else { return Ok(None) };
        seen = again;
    }
    // What is longer than may be written, or no text, is not what was written.
    let text = String::from_utf8(seen.found.content.clone()).ok().filter(|text| text.len() as u64 <= LARGEST);
    let content = text.filter(|_| shown || public);
    match Written::of(&cx.private) {
        // What is imported counts as ours from then on.
        None => Written::by_us(&cx.private, seen.modified.clone(), content.as_deref()),
        Some(written) => Written::set_changed(&cx.private, !written.fits(&seen.found)),
    }
    Ok(Some(NodeFile {
        node: node.clone(),
        path: path.clone(),
        content,
        content_wo: None,
        content_wo_version: prior.and_then(|prior| prior.content_wo_version),
        owner: seen.found.owner.clone(),
        group: seen.found.group.clone(),
        mode: Some(seen.found.permissions()),
        ready: prior.is_none_or(|prior| prior.ready),
        ..prior.cloned().unwrap_or_default()
    }))
}
