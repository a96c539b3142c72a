//! Watching a move to its end.

use std::time::Duration;

use pve_client::{Error as Api, Patience, Task};
use terraform_plugin::Cx;

use super::{Halt, Limits, Order, Ready};
use crate::ground::error::{During, Problem};
use crate::ground::meter::Meter;
use crate::ground::pve::Pve;
use crate::vm::guest::Found;
use crate::vm::turns::Turns;

/// How often a running move is told about.
const TELL: Duration = Duration::from_secs(30);

impl Order {
    /// Watches the move of what was `found` to its end. A task that met a held lock, or another configuration once it had the
    /// lock, has done nothing: it is begun again, if there is still the same to be done.
    pub async fn see_through(&self, cx: &Cx<Pve>, found: &Found, task: Task, limits: &Limits) -> Result<(), Halt> {
        let (mut task, mut turns) = (task, Turns::begin());
        loop {
            let refused = match self.follow(cx, &mut task, limits).await {
                Err(Halt::Failed(problem)) if problem.is_contention() || problem.is_modified() => problem,
                end => return end,
            };
            // Its place in the queue for the VM is free for whoever waits.
            drop(task);
            task = match self.once_more(cx, found, refused, &mut turns).await? {
                Ready::There(_) => return Ok(()),
                Ready::Moving { upid, .. } => self.attach(cx, upid).await?,
                Ready::Free(now) => {
                    let before = self.before(cx).await?;
                    let sent = match self.send(cx, &now).await {
                        Err(problem) if problem.is_refused() => return Err(problem.into()),
                        sent => sent,
                    };
                    self.settle(cx, &before, sent).await.map_err(Halt::GoesOn)??
                }
            };
        }
    }

    /// Watches the move to its end, and tells at first and then every half a minute how far it is.
    pub async fn follow(&self, cx: &Cx<Pve>, task: &mut Task, limits: &Limits) -> Result<(), Halt> {
        let detach = limits.detach_after.as_ref().filter(|after| after.get() <= cx.timeout);
        let patience = Patience {
            timeout: Some(detach.map_or(cx.timeout, terraform_plugin::Duration::get)),
            stall: Some(limits.stall),
            stop: cx.stop.token(),
        };
        let what = self.what();
        let (mut meter, mut told) = (Meter::default(), None);
        let end = task
            .wait(&patience, |progress| {
                meter.saw(progress.elapsed, progress.lines);
                // At once, so that whoever takes a move up again sees where it stands, and then now and again.
                if meter.knows() && told.is_none_or(|told| progress.elapsed >= told + TELL) {
                    told = Some(progress.elapsed);
                    tracing::info!(disk = what, target_storage = self.to.storage, "moving: {meter}");
                }
            })
            .await;
        let why = match end {
            Ok(()) => return Ok(()),
            Err(Api::Timeout { .. }) => match detach {
                Some(after) => format!("detach_after ({after}) is over"),
                None => format!("The time allowed ({}) is over", terraform_plugin::Duration::from(cx.timeout)),
            },
            Err(Api::Stalled { .. }) => {
                format!("Not a byte was moved for {}", terraform_plugin::Duration::from(limits.stall))
            }
            Err(Api::Stopped { .. }) => "Interrupted".to_owned(),
            // The last two: it had met a held lock, and was refused when it was to be begun once more.
            Err(error @ (Api::TaskFailed(_) | Api::Modified(_) | Api::Locked { .. })) => {
                return Err(error).during(self.doing()).map_err(Halt::Failed);
            }
            Err(Api::NodeUnreachable { node, .. }) => {
                return Err(Halt::GoesOn(Problem::new(
                    format!("{what} was moving when node {node} went away: {meter}"),
                    format!(
                        "A copy does not survive the death of its node; the source is untouched. Apply again when {node} is \
                         back: the disk is then where the VM's configuration says, and is moved again if need be."
                    ),
                )));
            }
            // Nobody knows how it ended; the disk itself tells.
            Err(Api::TaskLost { .. }) => return Ok(()),
            Err(error) => format!("The task cannot be watched any more ({error})"),
        };
        Err(Halt::GoesOn(Problem::new(
            format!("{what} is still moving: {meter}"),
            format!(
                "{why}; the task continues on {}. The source is untouched. Apply again to re-attach. vm:{} can be put under \
                 HA when it is done.",
                task.upid().node(),
                self.vmid
            ),
        )))
    }
}
