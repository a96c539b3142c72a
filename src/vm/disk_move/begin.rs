//! The first move of a disk, from the plan on.

use terraform_plugin::{Created, Cx, Failed, Unwritten};

use super::{SOURCE, VmDiskMove};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::vm::guest::{self, Found};
use crate::vm::identity;
use crate::vm::moving::{Halt, Order, Ready};

pub async fn create(
    cx: &Cx<Pve>,
    want: &VmDiskMove,
    unwritten: Unwritten<VmDiskMove>,
) -> Result<Created<VmDiskMove>, Failed> {
    let order = unwritten.check(want.order())?;
    // A replacement inherits what was remembered of its predecessor.
    cx.private.remove(SOURCE);
    identity::forget(cx);
    let (source, at_first, task, written) = match unwritten.check(order.prepare(cx).await)? {
        Ready::There(found) => {
            remember(cx, &found, None);
            let volume = unwritten.check(order.movable(&found))?.volume.clone();
            return Ok(unwritten.take_over(want.clone()).made(want.arrived(volume)));
        }
        Ready::Moving { found, upid, source } => {
            remember(cx, &found, Some(&source));
            let task = unwritten.check(order.attach(cx, upid).await)?;
            (source, found, task, unwritten.take_over(want.clone()))
        }
        Ready::Free(found) => {
            let source = unwritten.check(order.movable(&found))?.volume.clone();
            remember(cx, &found, Some(&source));
            let before = unwritten.check(order.before(cx).await)?;
            let (sent, written) = unwritten.send(want.clone(), order.send(cx, &found)).await?;
            match order.settle(cx, &before, sent).await {
                Ok(Ok(task)) => (source, found, task, written),
                Ok(Err(problem)) => return written.undo(problem, must_be_untouched(cx, &order, &source)).await,
                Err(problem) => return Ok(written.leave(problem)),
            }
        }
    };
    match order.see_through(cx, &at_first, task, &want.limits()).await {
        Ok(()) => {}
        // PVE has freed the new volume again, and nothing has changed.
        Err(Halt::Failed(problem)) => return written.undo(problem, must_be_untouched(cx, &order, &source)).await,
        Err(Halt::GoesOn(why)) => return Ok(written.leave(why)),
    }
    let rest = async |_| {
        let volume = order.finish(cx, Some(&source)).await?;
        want.forget_source(cx);
        Ok::<_, Problem>(want.arrived(volume))
    };
    Ok(written.settle(rest).await)
}

fn remember(cx: &Cx<Pve>, found: &Found, source: Option<&str>) {
    identity::remember(cx, &found.config);
    if let Some(source) = source {
        cx.private.set(SOURCE, source);
    }
}

async fn must_be_untouched(cx: &Cx<Pve>, order: &Order, source: &str) -> Result<(), Problem> {
    let Some(found) = guest::find(cx, order.vmid).await? else { return Ok(()) };
    match found.config.drives.get(&order.disk) {
        // What somebody else has put there is their work, and stays.
        Some(drive) if drive.volume != source && drive.storage() == Some(order.to.storage.as_str()) => {
            Err(Problem::new(
                format!("{} has changed all the same", order.what()),
                format!("It was {source} and is {} now.", drive.volume),
            ))
        }
        _ => Ok(()),
    }
}
