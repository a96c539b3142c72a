//! The end of an account, at its authority and in PVE.

use terraform_plugin::{Cx, Deleted, Error, Findings, require_removable};
use tokio::time::Instant;

use super::calls::{AREAS, LOCK, TURN};
use super::creation::{ended, tasks};
use super::{AcmeAccount, authority, calls};
use crate::acme::users::{names_account, users};
use crate::ground::error::{During, Problem};
use crate::ground::evidence;
use crate::ground::pve::Pve;
use crate::section::listed;

/// PVE's task.
const TASK: &str = "acmedeactivate";

/// What speaks against it.
pub(super) async fn removable(cx: &Cx<Pve>, was: &AcmeAccount, found: &mut Findings<AcmeAccount>) -> Result<(), Error> {
    let name = &was.name;
    if !was.allow_destroy {
        let detail = "Destroying it deactivates it at the authority, which cannot be taken back. If that is what you want, set \
                      `allow_destroy = true`, apply that, and then come back to this. Nothing was written.";
        let problem = Problem::new(format!("ACME account \"{name}\" is protected"), detail);
        found.certain(problem.at("allow_destroy"));
        return Ok(());
    }
    if !calls::is_listed(cx, name).await? {
        return Ok(());
    }
    let users = users(cx, |settings| names_account(settings, name)).await?;
    if !users.is_empty() {
        let what = format!(
            "PVE would deactivate it all the same, and certificates would not be renewed. Nothing was written. Name another one in the \
             configuration of: {}.",
            listed(&users)
        );
        found.mendable(Problem::new(format!("ACME account \"{name}\" is in use"), what));
    }
    if let Some(silent) = authority::is_silent(cx, &was.directory).await? {
        let why = "It has to, for an account to be deactivated.".to_owned();
        found.mendable(silent.noting(Some(why)));
    }
    Ok(())
}

/// Deactivates it, if it is there and may go.
pub(super) async fn remove(cx: &Cx<Pve>, was: &AcmeAccount) -> Result<Deleted<AcmeAccount>, Error> {
    let name = &was.name;
    let doing = format!("Cannot deactivate ACME account \"{name}\"");
    let _turn = cx.client.begin_write(TURN, &[]).await.during(&doing)?;
    let deadline = Instant::now() + cx.timeout;
    // A run that was cut off may have begun it, or be about to make what was never seen.
    for kind in ["acmeregister", TASK] {
        if let Some(upid) = tasks(cx, kind).await?.running() {
            evidence::has_succeeded(cx, &upid, LOCK, AREAS).await?;
        }
    }
    if !calls::is_listed(cx, name).await? {
        return Ok(Deleted::Gone);
    }
    require_removable(cx, was).await?;
    let before = tasks(cx, TASK).await?;
    let sent = calls::deactivate(cx, name, &doing).await;
    let mut task = match before.settle(cx, sent, LOCK, AREAS).await {
        Ok(Ok(task)) => task,
        Ok(Err(problem)) => return Err(problem.into()),
        Err(problem) => return Ok(Deleted::unfinished(was.clone(), problem)),
    };
    match ended(cx, &mut task, deadline, &doing).await {
        Ok(()) => Ok(Deleted::Gone),
        Err(problem) if problem.is_failed_task() => match calls::is_listed(cx, name).await? {
            true => {
                let hint = format!(
                    "If the authority does not know it any more, `rm /etc/pve/priv/acme/{name}` on a node has PVE forget it."
                );
                Err(problem.noting(Some(hint)).into())
            }
            false => Ok(Deleted::Gone),
        },
        Err(problem) => Ok(Deleted::unfinished(was.clone(), problem)),
    }
}
