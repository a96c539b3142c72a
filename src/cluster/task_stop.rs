//! `pve_task_stop`: a task of PVE is told to end.

use pve_client::Upid;
use pve_client::{Request, segment};
use terraform_plugin::{Action, Cx, Error, Model, Need, Progress};
use tokio::time::Instant;

use crate::ceph::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Ends a task of PVE and waits until it has ended. What the task had done by then stays as it is.
///
/// One's own tasks one may always end. A task that has ended already is left alone. Tasks that do not listen go on: PVE only
/// asks them to.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "task_stop", area = "Cluster")]
pub struct TaskStop {
    /// The task's name: `UPID:pve1:0000291F:00070B18:6B032D7F:qmmove:100:root@pam:`.
    #[attr(required, check = a_task)]
    pub upid: String,
}

fn a_task(upid: &String) -> Result<(), String> {
    upid.parse::<Upid>()
        .map(drop)
        .map_err(|_| "must be the name of a task, UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:".to_owned())
}

impl Action<Pve> for TaskStop {
    fn needs() -> Vec<Need> {
        vec![Need::to_apply("/nodes", &["Sys.Modify"])]
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let upid: Upid = config
            .upid
            .parse()
            .map_err(|error: pve_client::NotAUpid| Error::new("This is no task", error.to_string()).at("upid"))?;
        let what = format!("{} {}", upid.kind(), upid.id()).trim_end().to_owned();
        let doing = format!("Cannot end task {what}");
        let node = cx.client.node(upid.node());
        let ended = async || node.task_status(&upid).await.during(&doing).map_err(|problem| problem.at("upid"));
        if let Some(status) = ended().await? {
            progress.say(format!("Task {what} has ended already: {status}"));
            return Ok(());
        }
        let path = format!("nodes/{}/tasks/{}", segment(upid.node()), segment(upid.as_str()));
        cx.client.call::<()>(Request::delete(path).node(upid.node())).await.during(&doing)?;
        progress.say(format!("Task {what} on {} is told to end", upid.node()));
        let waiting = format!("Task {what} was told to end and goes on");
        let over = until(cx, Instant::now() + cx.timeout, &waiting, async || {
            Ok::<_, Problem>(ended().await?.ok_or_else(|| format!("it runs on {}.", upid.node())))
        });
        let status = over.await?;
        progress.say(format!("Task {what} has ended: {status}"));
        Ok(())
    }
}
