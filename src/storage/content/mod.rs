//! Files that guests are made from, and that they are given: ISO images, container templates, disk images, snippets.
//!
//! What they share is here: by what one is known (`key`), where it lies and whether it may lie there (`place`), how a task of
//! PVE brings it there and what a run that was cut off has left (`brought`), and how it goes (`removal`).

pub mod appliance;
pub mod appliances;
mod brought;
pub mod download;
pub mod file;
pub mod files;
mod in_use;
mod key;
mod local;
pub mod oci_image;
pub mod oci_tags;
mod place;
mod removal;
mod snippet;

pub use key::ContentKey;

use terraform_plugin::{Attr, Change, Cx, Need, Object, Say};

use crate::ground::pve::Pve;
use crate::ground::rights;

/// What it takes to see what lies on a storage.
const SEES: Need = Need::to_plan("/storage/{storage}", super::SEE);
/// To put something there.
const PUTS: Need = Need::to_apply("/storage/{storage}", &["Datastore.AllocateTemplate"]);
/// To take it away again.
const REMOVES: Need = Need::to_apply("/storage/{storage}", &["Datastore.Allocate"]);
/// To have a node fetch something.
const FETCHES: Need = Need::to_apply("/nodes/{node}", &["Sys.AccessNetwork"]);

/// Warns at plan of what the apply lacks.
async fn warn<M: Object>(
    cx: &Cx<Pve>,
    change: &Change<M>,
    say: &mut Say<M>,
    storage: Option<&str>,
    node: Option<Option<&str>>,
) {
    let Some(storage) = storage else { return };
    let path = format!("/storage/{storage}");
    if change.is_destroy() {
        rights::warn(cx, change, say, &path, "Datastore.Allocate").await;
        return;
    }
    if !change.is_create() {
        return;
    }
    rights::warn(cx, change, say, &path, "Datastore.AllocateTemplate").await;
    let Some(node) = node else { return };
    let (above, access) = (cx.client.access(), "Sys.AccessNetwork");
    let modifies = above.on("/").await.is_ok_and(|ours| ours.has("Sys.Audit") && ours.has("Sys.Modify"));
    if !modifies {
        let path = node.map_or_else(|| "/nodes".to_owned(), |node| format!("/nodes/{node}"));
        rights::warn(cx, change, say, &path, access).await;
    }
}

/// Whether an attribute that tells what was fetched says something else now. What nobody knows, as after an import, is no
/// difference.
fn is_another<T: PartialEq>(was: Option<&T>, is: &Attr<T>) -> bool {
    was.is_some_and(|was| !is.is(was))
}
