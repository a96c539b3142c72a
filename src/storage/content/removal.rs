//! How a file goes: whoever uses it is told of, and PVE removes it.

use terraform_plugin::{Cx, Deleted, Error, Findings};

use super::brought::AREAS;
use super::in_use;
use super::place::{self, At, Seen};
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};

/// Looks for what speaks against its removal. PVE removes what machines use without a word; so that a plan can be judged it is
/// told, and hinders nothing.
pub(super) async fn removable<M>(cx: &Cx<Pve>, at: &At, found: &mut Findings<M>) -> Result<(), Error> {
    if found.is_plan() {
        in_use::tell(cx, at, found).await?;
    }
    Ok(())
}

/// Removes it.
pub(super) async fn delete<M>(cx: &Cx<Pve>, at: &At) -> Result<Deleted<M>, Error> {
    match place::look(cx, at).await? {
        Seen::Absent => Ok(Deleted::Gone),
        // What is not listed may be there all the same.
        Seen::There(_) | Seen::Hidden(_) => {
            remove(cx, at).await?;
            Ok(Deleted::Gone)
        }
    }
}

/// The same, whether it is there or not.
pub(super) async fn remove(cx: &Cx<Pve>, at: &At) -> Result<(), Problem> {
    let (node, doing) = (place::carrier(cx, at).await?, at.doing("remove"));
    let lock = pve_client::Lock::Content(at.key().to_string());
    let sent = cx.client.node_storage(&node).remove(&at.storage, &at.volid(), lock).await;
    let ended = match sent {
        Ok(mut task) => task.wait(&patience(cx), |_| {}).await,
        Err(error) => Err(error),
    };
    let Err(problem) = ended.during(&doing) else { return Ok(()) };
    // The task's id is the storage: which file it was about only the list tells.
    cx.client.changed(AREAS);
    match place::look(cx, at).await {
        Ok(Seen::Absent) => Ok(()),
        _ => Err(problem),
    }
}
