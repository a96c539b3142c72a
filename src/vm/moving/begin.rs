//! The request that begins a move.

use pve_client::api::qemu::DiskMove;
use pve_client::{Lock, Task, Upid};
use terraform_plugin::Cx;

use super::{Order, Ready, areas};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::Before;
use crate::ground::pve::Pve;
use crate::vm::guest::Found;
use crate::vm::identity;
use crate::vm::turns::Turns;

impl Order {
    /// Takes hold of a move that runs already.
    pub async fn attach(&self, cx: &Cx<Pve>, upid: Upid) -> Result<Task, Problem> {
        let attached = cx.client.attach(upid, Lock::Vm(self.vmid), &areas(self.vmid)).await;
        attached.during(format!("Cannot follow the move of {}", self.what()))
    }

    /// Looks at the tasks before the move is begun.
    pub async fn before(&self, cx: &Cx<Pve>) -> Result<Before, Problem> {
        Before::look(cx, "qmmove", self.vmid.to_string()).await
    }

    /// Begins the move of what was `found`. If somebody has the VM's lock or has changed it meanwhile, it is read and compared
    /// again: the same VM, and the same volume at this place.
    pub async fn send(&self, cx: &Cx<Pve>, found: &Found) -> Result<Task, Problem> {
        let (mut now, mut turns) = (found.clone(), Turns::begin());
        loop {
            let to = DiskMove { digest: now.config.digest.clone(), ..self.to.clone() };
            let refused = match now.api(cx).move_disk(self.disk, &to).await.during(self.doing()) {
                Err(problem) if problem.is_contention() || problem.is_modified() => problem,
                sent => return sent,
            };
            now = match self.once_more(cx, found, refused, &mut turns).await.map_err(Problem::unsent)? {
                Ready::Free(now) => now,
                Ready::There(_) | Ready::Moving { .. } => {
                    return Err(Problem::new(
                        self.doing(),
                        "Somebody else has moved it there meanwhile, or does so at this moment. Nothing was written. Apply again.",
                    )
                    .at(self.disk_at.clone())
                    .unsent());
                }
            };
        }
    }

    /// After a refusal that passes: waits, and looks again what there is to do with the very same volume.
    pub(super) async fn once_more(
        &self,
        cx: &Cx<Pve>,
        found: &Found,
        refused: Problem,
        turns: &mut Turns,
    ) -> Result<Ready, Problem> {
        turns.again(cx, refused).await?;
        let ready = self.prepare(cx).await?;
        if let Ready::Free(now) = &ready {
            identity::must_be_still_the_same(found, now)?;
            let (was, is) = (&self.movable(found)?.volume, &self.movable(now)?.volume);
            if was != is {
                return Err(Problem::new(
                    format!("{} is another volume now", self.what()),
                    format!(
                        "It was {was} when the move to storage \"{}\" was begun, and somebody has put {is} in its place. Nothing \
                         was written for it. Apply again to move that one.",
                        self.to.storage
                    ),
                )
                .at(self.disk_at.clone()));
            }
        }
        Ok(ready)
    }

    /// The task of a move that was begun, also where its answer was lost; within, why none was begun.
    pub async fn settle(
        &self,
        cx: &Cx<Pve>,
        before: &Before,
        sent: Result<Task, Problem>,
    ) -> Result<Result<Task, Problem>, Problem> {
        before.settle(cx, sent, Lock::Vm(self.vmid), &areas(self.vmid)).await
    }
}
