//! `/cluster/replication`: guests whose disks another node has copies of. Nothing is copied. Recording 53.

use std::time::Duration;

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::{PLAIN, Removal, Row};
use crate::cluster::Cluster;
use crate::cluster::sections::Entry;
use crate::kernel::{Call, PveError};

const PATH: &str = "/cluster/replication";

/// How long it takes until the node of the guest looks for jobs that are to go. Belief: its timer runs each minute.
const ROUND: Duration = Duration::from_secs(60);

pub(super) static ROWS: &[Row] = &[Row {
    path: PATH,
    file: "replication.cfg",
    digest: Some(|contents| Sha1::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect()),
    // Belief: PVE::API2::ReplicationConfig, as pve-behaviour has it.
    exists: |name| PveError::new(format!("replication job '{name}' already exists")),
    missing: |verb, name| match verb {
        "GET" => PveError::new(format!("no such replication job '{name}'")),
        _ => PveError::new(format!("no such job '{name}'")),
    },
    seen: |call, name| call.may(&format!("/vms/{}", guest_of(name)), &["VM.Audit"]),
    asked,
    deletable: |name| match name {
        "comment" | "disable" | "rate" | "remove_job" | "schedule" | "source" => Ok(()),
        "target" => Err(PveError::new("unable to delete required option 'target'")),
        _ => Err(PveError::new(format!("no such option '{name}'"))),
    },
    stored,
    removed,
    deletes: delete,
    shows: |_, name, _, answer, _| {
        answer.insert("guest".to_owned(), json!(guest_of(name)));
        answer.insert("jobnum".to_owned(), json!(name.split('-').nth(1).and_then(|n| n.parse::<u32>().ok())));
    },
    ..PLAIN
}];

fn guest_of(job: &str) -> u32 {
    job.split('-').next().and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// Belief: before anything else, since 9.0.
fn asked(call: &Call<'_>) -> Result<(), PveError> {
    call.demand(&format!("/vms/{}", guest_of(call.params.need("id"))), &["VM.Replicate"])
}

fn stored(call: &Call<'_>, before: Option<&Entry>, entry: &mut Entry) -> Result<(), PveError> {
    if before.is_some() {
        return Ok(());
    }
    let vmid = guest_of(call.params.need("id"));
    let target = call.params.need("target");
    let guest =
        call.cluster.guests.get(vmid).ok_or_else(|| PveError::new(format!("Guest '{vmid}' does not exist.")))?;
    if call.cluster.nodes.get(target).is_none() {
        return Err(PveError::new(format!("Target '{target}' does not exist.")));
    }
    if guest.node == target {
        return Err(PveError::new("Source and target must not be identical"));
    }
    let mut others = call.cluster.sections.of(PATH).filter(|(name, _)| guest_of(name) == vmid);
    if others.any(|(_, other)| other.get("target") == Some(&json!(target))) {
        return Err(PveError::new(format!("replication job for guest '{vmid}' to target '{target}' already exists")));
    }
    let mut any = false;
    for (key, drive) in guest.config.drives() {
        if key.is_unused() || drive.is_cdrom() || drive.options.get("replicate").is_some_and(|on| on == "0") {
            continue;
        }
        let storage = drive.storage().and_then(|id| call.cluster.storage.get(id));
        if storage.is_none_or(|storage| storage.kind.name != "zfspool") {
            return Err(PveError::new(format!("missing replicate feature on volume '{}'", drive.volume)));
        }
        any = true;
    }
    if !any {
        return Err(PveError::new("No replicatable volumes found"));
    }
    entry.insert("source".to_owned(), json!(guest.node));
    Ok(())
}

/// It is marked, and its guest's node takes it away.
fn removed(call: &mut Call<'_>, name: &str) -> Result<Removal, PveError> {
    call.demand(&format!("/vms/{}", guest_of(name)), &["VM.Replicate"])?;
    let (keep, force) = (call.params.flag("keep") == Some(true), call.params.flag("force") == Some(true));
    if keep && force {
        return Err(PveError::param("keep", "conflicts with parameter 'force'"));
    }
    if force {
        return Ok(Removal::Gone);
    }
    if let Some(mut entry) = call.cluster.sections.get(PATH, name).cloned() {
        entry.insert("remove_job".to_owned(), json!(if keep { "local" } else { "full" }));
        call.cluster.sections.insert(PATH, name.to_owned(), entry);
    }
    look_later(call.cluster, name.to_owned());
    Ok(Removal::Begun)
}

fn look_later(cluster: &mut Cluster, name: String) {
    cluster.after(ROUND, move |cluster| {
        let marked = cluster.sections.get(PATH, &name).is_some_and(|job| job.contains_key("remove_job"));
        let node = cluster.guests.get(guest_of(&name)).map(|guest| guest.node.clone());
        match node {
            _ if !marked => {}
            // Nobody looks while the node is down.
            Some(node) if !cluster.nodes.online(&node) => look_later(cluster, name),
            _ => drop(cluster.sections.remove(PATH, &name)),
        }
    });
}

/// A job that is not there is nothing to force.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    match super::delete(call) {
        Err(_) if call.params.flag("force") == Some(true) && call.params.flag("keep") != Some(true) => Ok(Value::Null),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::bed::Bed;
    use crate::shape::Shape;

    const ONE: &str = "/cluster/replication/100-0";

    #[tokio::test]
    async fn a_job_is_there_until_its_node_has_looked() {
        let shape = "
storages: [{storage: tank, type: zfspool, pool: tank, content: [images]}]
guests:
  - {vmid: 100, node: pve1, config: {scsi0: 'tank:1', ide2: 'none,media=cdrom'}}
  - {vmid: 101, node: pve1, config: {scsi0: 'local:1'}}
  - {vmid: 102, node: pve1}";
        let bed = Bed::new(serde_saphyr::from_str::<Shape>(shape).unwrap());
        let job = |id: &'static str, target: &'static str| [("id", id), ("type", "local"), ("target", target)];
        let refusal = async |id, target| bed.refusal("POST", "/cluster/replication", &job(id, target)).await.1;
        assert!(refusal("101-0", "pve2").await.starts_with("missing replicate feature on volume 'local:101/"));
        assert_eq!(refusal("102-0", "pve2").await, "No replicatable volumes found");
        bed.ok("POST", "/cluster/replication", &job("100-0", "pve2")).await;
        assert_eq!(refusal("100-0", "pve2").await, "replication job '100-0' already exists");
        let twice = refusal("100-1", "pve2").await;
        assert_eq!(twice, "replication job for guest '100' to target 'pve2' already exists");
        bed.ok("PUT", ONE, &[("rate", "10"), ("disable", "1")]).await;
        bed.ok("PUT", ONE, &[("delete", "disable")]).await;
        let mut shown = bed.ok("GET", ONE, &[]).await;
        shown.as_object_mut().unwrap().remove("digest");
        assert_eq!(
            shown,
            json!({"id": "100-0", "guest": 100, "jobnum": 0, "type": "local", "source": "pve1", "target": "pve2", "rate": 10})
        );
        bed.ok("DELETE", ONE, &[]).await;
        assert_eq!(bed.ok("GET", ONE, &[]).await["remove_job"], "full");
        bed.world.advance(Duration::from_secs(61));
        assert_eq!(bed.refusal("GET", ONE, &[]).await.1, "no such replication job '100-0'");
        bed.ok("DELETE", ONE, &[("force", "1")]).await;
    }
}
