//! What becomes of a guest under HA of which something lies on its node alone.

use serde_json::json;

use super::life_tests::{bed_on, entry, manage, power, running, service, tasks, until};
use crate::bed::Bed;

/// A running guest on pve2 under HA, with this beside a disk on storage that all nodes share.
async fn managed(more: &[(&str, &str)]) -> Bed {
    let shared: &[(&str, &str)] = &[("ostype", "l26"), ("scsi0", "shared:1")];
    let bed = bed_on("pve2", &[shared, more].concat());
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    assert_eq!(running(&bed).await.as_deref(), Some("pve2"));
    bed
}

/// The log of the last task of a kind.
fn last_log(bed: &Bed, kind: &str) -> Vec<String> {
    bed.world.with(|c| c.tasks.iter().rfind(|t| t.upid.kind == kind).unwrap().log.clone())
}

async fn ask_to_move(bed: &Bed, node: &str) {
    bed.ok("POST", "/cluster/ha/resources/vm:100/migrate", &[("node", node)]).await;
    until(bed, "migrate", 15).await;
    until(bed, "started", 60).await;
}

#[tokio::test]
async fn a_cloud_init_drive_is_made_anew_and_its_old_volume_bars_the_way_back() {
    let bed = managed(&[("ide2", "local-lvm:cloudinit")]).await;
    power(&bed, "pve2", false);
    until(&bed, "fence", 100).await;
    until(&bed, "started", 150).await;
    let (_, node) = service(&bed).await;
    assert_eq!(running(&bed).await, Some(node.clone()));
    assert!(last_log(&bed, "qmstart").contains(&"generating cloud-init ISO".to_owned()));
    power(&bed, "pve2", true);
    bed.pass(30);
    ask_to_move(&bed, "pve2").await;
    let (_, status) = tasks(&bed, "qmigrate").pop().unwrap();
    assert_eq!(status, "migration aborted");
    let log = last_log(&bed, "qmigrate");
    assert!(log.iter().any(|line| line.ends_with("already exists")), "{log:?}");
    assert_eq!((running(&bed).await.unwrap(), service(&bed).await.1), (node.clone(), node));
}

#[tokio::test]
async fn a_guest_whose_disk_died_with_its_node_ends_in_error() {
    let bed = managed(&[("scsi1", "local-lvm:1")]).await;
    power(&bed, "pve2", false);
    until(&bed, "error", 400).await;
    let failed: Vec<_> = tasks(&bed, "qmstart").into_iter().filter(|(_, status)| status != "OK").collect();
    assert_eq!(failed.len(), 4, "{failed:?}");
    assert!(failed.iter().all(|(_, status)| status.contains("no such logical volume pve/vm-100-disk-")), "{failed:?}");
    assert_eq!(tasks(&bed, "qmigrate").pop().unwrap().1, "migration aborted");
    assert_eq!(running(&bed).await, None);
}

#[tokio::test]
async fn a_migration_takes_local_disks_along() {
    let bed = managed(&[("scsi1", "local-lvm:1")]).await;
    ask_to_move(&bed, "pve3").await;
    assert_eq!(running(&bed).await.as_deref(), Some("pve3"));
    assert_eq!(tasks(&bed, "qmigrate"), [("pve2".to_owned(), "OK".to_owned())]);
    for (node, volumes) in [("pve2", 0), ("pve3", 1)] {
        let content = bed.ok("GET", &format!("/nodes/{node}/storage/local-lvm/content"), &[]).await;
        assert_eq!(content.as_array().unwrap().len(), volumes, "{node}: {content}");
    }
    // It was not stopped on its way.
    assert_eq!(tasks(&bed, "qmstart").len(), 1);
}

#[tokio::test]
async fn an_unused_disk_left_behind_lets_the_guest_run_and_not_move() {
    let bed = managed(&[("unused0", "local-lvm:vm-100-disk-7")]).await;
    power(&bed, "pve2", false);
    until(&bed, "fence", 100).await;
    until(&bed, "started", 150).await;
    let (_, node) = service(&bed).await;
    let other = if node == "pve1" { "pve3" } else { "pve1" };
    ask_to_move(&bed, other).await;
    assert_eq!(tasks(&bed, "qmigrate").pop().unwrap().1, "migration aborted");
    assert_eq!(running(&bed).await, Some(node));
}

#[tokio::test]
async fn an_image_in_the_drive_keeps_a_guest_where_it_is() {
    let bed = managed(&[]).await;
    bed.world.with(|c| {
        let config = &mut c.guests.get_mut(100).unwrap().config;
        config.values.insert("ide0".into(), "local:iso/x.iso,media=cdrom".into());
    });
    ask_to_move(&bed, "pve3").await;
    let log = last_log(&bed, "qmigrate");
    assert!(log.contains(&"can't migrate local disk 'local:iso/x.iso': local cdrom image".to_owned()), "{log:?}");
    assert_eq!(running(&bed).await.as_deref(), Some("pve2"));
}

#[tokio::test]
async fn a_lock_left_by_the_dead_node_is_taken_away() {
    let bed = managed(&[]).await;
    bed.world.with(|c| c.guests.get_mut(100).unwrap().config.values.insert("lock".into(), "migrate".into()));
    power(&bed, "pve2", false);
    until(&bed, "fence", 100).await;
    until(&bed, "started", 150).await;
    assert!(running(&bed).await.is_some());
    assert_eq!(entry(&bed, "service:vm:100").await["request_state"], json!("started"));
}
