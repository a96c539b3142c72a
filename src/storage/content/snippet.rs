//! Snippets: PVE has no call that writes them, so they go by SSH, as all files of nodes do.

use pve_client::shell::files::{Files, Found, Wanted};
use terraform_plugin::Cx;

use super::place::{self, At};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::node::remote;

/// The longest: what cloud-init takes of one.
pub(super) const LARGEST: u64 = 1 << 20;

/// Where the snippets of a storage lie on a node.
async fn path(cx: &Cx<Pve>, at: &At) -> Result<String, Problem> {
    let entry = place::entry(cx, &at.storage).await?;
    let base =
        entry.as_ref().and_then(|entry| entry.path.clone()).unwrap_or_else(|| format!("/mnt/pve/{}", at.storage));
    let folders = entry.as_ref().and_then(|entry| entry.other.get("content-dirs")?.as_str()).unwrap_or_default();
    let own = folders.split(',').find_map(|pair| pair.trim().strip_prefix("snippets=").map(str::to_owned));
    let folder = own.unwrap_or_else(|| "snippets".to_owned());
    Ok(format!("{}/{}/{}", base.trim_end_matches('/'), folder.trim_matches('/'), at.file))
}

/// A snippet, as it is now; none if there is no such file.
pub(super) async fn look(cx: &Cx<Pve>, at: &At) -> Result<Option<Found>, Problem> {
    let (node, path, doing) = (place::carrier(cx, at).await?, path(cx, at).await?, at.doing("look at"));
    let shell = remote::shell(cx, &node, &doing)?;
    let there = Files::new(&shell).look(&path, LARGEST + 1).await.during(&doing)?;
    Ok(there.found.filter(Found::is_file))
}

/// An error where it cannot be written: its folder is not there.
pub(super) async fn must_have_a_folder(cx: &Cx<Pve>, at: &At) -> Result<(), Problem> {
    let (node, path, doing) = (place::carrier(cx, at).await?, path(cx, at).await?, at.doing("write"));
    let shell = remote::shell(cx, &node, &doing)?;
    if Files::new(&shell).look(&path, 0).await.during(&doing)?.folder {
        return Ok(());
    }
    let detail = format!(
        "{path} has no folder on {node}. Nothing was written. PVE makes it when it uses the storage; or make it there."
    );
    Err(Problem::new(doing, detail).at("storage"))
}

/// Writes it; `new`: nothing may be there.
pub(super) async fn write(cx: &Cx<Pve>, at: &At, content: &[u8], new: bool) -> Result<(), Problem> {
    let (node, path, doing) = (place::carrier(cx, at).await?, path(cx, at).await?, at.doing("write"));
    let _turn = remote::turn(cx, &node, &doing).await?;
    let shell = remote::shell(cx, &node, &doing)?;
    let wanted = Wanted { path: &path, owner: "root", group: "root", mode: "0644" };
    let written = Files::new(&shell).write(wanted, content, new).await.during(&doing);
    cx.client.changed(super::brought::AREAS);
    written.map(drop)
}
