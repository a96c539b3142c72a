//! Waiting for the HA manager, which acts in rounds of ten seconds.

use std::time::Duration;

use pve_client::api::ha::resource::Sid;
use pve_client::api::ha::status::Service;
use pve_client::api::nodes::TaskFilter;
use terraform_plugin::Cx;
use tokio::time::{Instant, sleep};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How a wait ended.
pub enum Waited {
    /// What was asked for is there.
    Settled,
    /// HA has given up on the service; the last lines of the task that failed.
    Error(String),
    /// The time was over, or somebody pressed Ctrl-C; in a sentence.
    Unfinished(String),
}

/// Waits until HA has brought the service to `wanted` (`started`, `stopped`, `disabled`, `ignored`).
pub async fn settled(cx: &Cx<Pve>, sid: Sid, wanted: &str) -> Result<Waited, Problem> {
    let begun = Instant::now();
    let mut told = begun;
    loop {
        let service = service(cx, sid).await?;
        if let Some(service) = &service {
            if service.is_error() && wanted != "disabled" {
                return Ok(Waited::Error(last_words(cx, sid, service).await));
            }
            if reached(cx, sid, service, wanted).await? {
                return Ok(Waited::Settled);
            }
        }
        let state = service.map_or_else(|| "not seen by HA yet".to_owned(), |service| service.status);
        if let Some(end) = pause(cx, begun).await {
            return Ok(Waited::Unfinished(format!("{end} HA says: {state}.")));
        }
        if told.elapsed() >= Duration::from_secs(30) {
            told = Instant::now();
            tracing::info!(%sid, wanted, state, "waiting for HA");
        }
    }
}

/// Waits until HA has let go of a service that was taken out. Until then it would still start the guest again.
pub async fn released(cx: &Cx<Pve>, sid: Sid) -> Result<(), Problem> {
    let begun = Instant::now();
    while service(cx, sid).await?.is_some() {
        if pause(cx, begun).await.is_some() {
            break;
        }
    }
    Ok(())
}

/// Sleeps for a moment; says why not, when it is time to end.
async fn pause(cx: &Cx<Pve>, begun: Instant) -> Option<String> {
    if begun.elapsed() >= cx.timeout {
        return Some("The time allowed is over; HA goes on.".to_owned());
    }
    tokio::select! {
        () = cx.stop.cancelled() => Some("Interrupted; HA goes on.".to_owned()),
        () = sleep(PAUSE) => None,
    }
}

async fn service(cx: &Cx<Pve>, sid: Sid) -> Result<Option<Service>, Problem> {
    let status = cx.client.ha().status().await.during("Cannot read HA's status")?;
    Ok(status.service(sid).cloned())
}

async fn reached(cx: &Cx<Pve>, sid: Sid, service: &Service, wanted: &str) -> Result<bool, Problem> {
    match wanted {
        "ignored" => Ok(service.state == "ignored"),
        "disabled" => Ok(service.state == "disabled"),
        "stopped" => Ok(service.state == "stopped"),
        // HA says `started` as soon as it has decided so; the guest must really run.
        _ if service.state == "started" => match &service.node {
            Some(node) => {
                let status = cx.client.qemu(node, sid.vmid).status().await.during(format!("Cannot look at {sid}"))?;
                Ok(status.is_running())
            }
            None => Ok(false),
        },
        _ => Ok(false),
    }
}

/// The last lines of the task with which HA failed, for the user to read.
async fn last_words(cx: &Cx<Pve>, sid: Sid, service: &Service) -> String {
    match failed_task(cx, sid, service).await {
        Ok(Some(lines)) => format!("The last task of HA said:\n  {}", lines.join("\n  ")),
        Ok(None) => "No task of HA for it can be seen.".to_owned(),
        Err(problem) => format!("The task's log could not be read: {}", terraform_plugin::Error::from(problem)),
    }
}

async fn failed_task(cx: &Cx<Pve>, sid: Sid, service: &Service) -> Result<Option<Vec<String>>, Problem> {
    let nodes = cx.client.nodes().list().await.during("Cannot list the nodes")?;
    let filter = TaskFilter { id: Some(sid.vmid.to_string()), limit: Some(50), ..TaskFilter::default() };
    let mut failed = Vec::new();
    for node in nodes.iter().filter(|node| node.is_online()) {
        let tasks = cx.client.node(&node.node).tasks(&filter).await.during("Cannot list tasks")?;
        failed.extend(tasks.into_iter().filter(|task| !task.is_running() && !task.is_success()));
    }
    // The node where HA gave up counts before others.
    let last = failed.iter().max_by_key(|task| (Some(&task.node) == service.node.as_ref(), task.starttime));
    let Some(upid) = last.and_then(|task| task.upid.parse::<pve_client::Upid>().ok()) else { return Ok(None) };
    let lines = cx.client.node(upid.node()).task_log(&upid, 0).await.during("Cannot read the log")?;
    Ok(Some(lines[lines.len().saturating_sub(20)..].to_vec()))
}
