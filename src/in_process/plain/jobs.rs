//! Jobs of backups and replication, and plugins of ACME.

use serde_json::{Value as Json, json};

use super::super::{Rig, forms};
use super::{life, merged};
use crate::access::pool::Pool;
use crate::access::realm::sync_job::RealmSyncJob;
use crate::acme::plugin::AcmePlugin;
use crate::job::backup::BackupJob;
use crate::job::replication::Replication;

const GUESTS: &str = "
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [images, backup]}
  - {storage: tank, type: zfspool, pool: tank, content: [images]}
  - {storage: backups, type: dir, path: /srv/b, content: [backup], nodes: [pve1]}
guests:
  - {vmid: 100, node: pve1, config: {scsi0: 'tank:1', ide2: 'none,media=cdrom'}}
  - {vmid: 101, node: pve2, config: {scsi0: 'local:1', scsi1: 'tank:1', scsi2: 'local:1,replicate=0'}}
";

fn backup(more: Json) -> Json {
    merged(json!({"id": "b1", "schedule": "daily"}), more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_jobs_live() {
    let rig = Rig::of(GUESTS).await;
    let (pool, _) = rig.bring::<Pool>(None, &json!({"poolid": "team"})).await.unwrap();
    let whole = json!({
        "schedule": "mon..fri 02:30", "enabled": false, "comment": "c", "all": true, "exclude": [100, 101], "node": "pve1",
        "storage": "backups", "mode": "stop", "compress": "zstd", "prune_backups": {"keep_daily": 7, "keep_last": 2}, "remove": false,
        "protected": true, "notes_template": "{{guestname}}", "repeat_missed": true, "notification_mode": "legacy-sendmail",
        "mailto": ["a@lab.example", "root"], "mailnotification": "failure", "fleecing": {"enabled": true, "storage": "tank"},
        "performance": {"max_workers": 4, "pbs_entries_max": 1000}, "pbs_change_detection_mode": "metadata", "bwlimit": 1000, "ionice": 8,
        "lockwait": 10, "stopwait": 5, "zstd": 0, "pigz": 1, "exclude_path": ["/tmp/?*", "a b"], "stdexcludes": false,
    });
    let some = json!({
        "vmid": [101, 100], "enabled": true, "storage": "backups", "prune_backups": {"keep_all": true}, "fleecing": {"enabled": false},
        "performance": {"max_workers": 1}, "exclude_path": ["/x"], "repeat_missed": false,
    });
    let pooled = json!({"pool": "team", "schedule": "*:0/30"});
    let all = json!({"all": true});
    // Each of these alone, in a call that has to name the storage all the same.
    let stored = |more: Json| backup(merged(json!({"all": true, "storage": "backups"}), more));
    let noted = [stored(json!({})), stored(json!({"notes_template": "a"})), stored(json!({"protected": true}))];
    let mut steps = vec![backup(all.clone()), backup(whole), backup(some), backup(pooled)];
    steps.extend(noted);
    steps.push(backup(all));
    life::<BackupJob>(&rig, "b1", &steps).await;
    rig.destroy(&pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_pve_named_is_taken_over_and_none_is_made_under_such_a_name() {
    let rig = Rig::of(GUESTS).await;
    let id = "619c89ae-a6b8-4ad1-b0a7-0ffc6eff804e";
    let config = |comment: &str| json!({"id": id, "schedule": "sat 02:00", "vmid": [100], "comment": comment});
    let planned = rig.plan::<BackupJob>(None, &config("a")).await.unwrap();
    assert!(
        planned.warnings.iter().any(|told| told.contains("Not an id that a new job can have")),
        "{:?}",
        planned.warnings
    );
    let told = rig.apply(planned).await.map(drop).unwrap_err();
    assert!(told[0].contains("Nothing was written"), "{told:?}");
    rig.sim.world.with(|cluster| {
        let job = json!({"schedule": "sat 02:00", "vmid": "100", "enabled": 1});
        let job = job.as_object().unwrap().clone().into_iter().collect();
        cluster.sections.insert("/cluster/backup", id.to_owned(), job);
    });
    rig.configure().await;
    let imported = rig.import::<BackupJob>(id).await.unwrap();
    let (changed, _) = rig.bring(Some(&imported), &config("a")).await.unwrap();
    assert!(rig.plan(Some(&changed), &config("a")).await.unwrap().is_empty());
    rig.destroy(&changed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_backup_job_names_is_looked_for_before_anything_is_written() {
    let rig = Rig::of(GUESTS).await;
    let all = |more: Json| backup(merged(json!({"all": true}), more));
    for (config, words) in [
        (all(json!({"storage": "nope"})), "Storage \"nope\" does not exist"),
        (all(json!({"storage": "tank"})), "Storage \"tank\" cannot hold backups"),
        (all(json!({"storage": "backups", "node": "pve2"})), "Storage \"backups\" is not on node pve2"),
        (all(json!({"fleecing": {"enabled": true, "storage": "backups"}})), "Storage \"backups\" cannot hold images"),
        (backup(json!({"pool": "nope"})), "Pool \"nope\" does not exist"),
        (all(json!({"schedule": "fri..mon 02:00"})), "Not a calendar event"),
    ] {
        rig.configure().await;
        let planned = rig.plan::<BackupJob>(None, &config).await.unwrap();
        assert!(planned.warnings.iter().any(|told| told.contains(words)), "{config}: {:?}", planned.warnings);
        rig.forget_requests().await;
        let told = rig.apply(planned).await.map(drop).unwrap_err();
        assert!(told[0].contains(words) && told[0].contains("Nothing was written"), "{config}: {told:?}");
        let wrote = rig.asked().await.into_iter().filter(|asked| !asked.starts_with("GET")).collect::<Vec<_>>();
        assert_eq!(wrote, [""; 0], "{config}");
    }
    for (config, words) in [
        (backup(json!({"vmid": [100, 999]})), "has the number 999."),
        (all(json!({"exclude": [998]})), "has the number 998."),
        (all(json!({"node": "pve9"})), "There is no node pve9"),
        (all(json!({"schedule": "2020-1-1"})), "never comes"),
    ] {
        rig.configure().await;
        let planned = rig.plan::<BackupJob>(None, &config).await.unwrap();
        assert!(planned.warnings.len() == 1 && planned.warnings[0].contains(words), "{config}: {:?}", planned.warnings);
        let (made, _) = rig.apply(planned).await.unwrap();
        rig.configure().await;
        assert_eq!(rig.plan(Some(&made), &merged(config, json!({"comment": "c"}))).await.unwrap().warnings, [""; 0]);
        rig.destroy(&made).await.unwrap();
    }
    for (config, attribute) in [
        (backup(json!({})), "all"),
        (all(json!({"vmid": [100]})), "all"),
        (backup(json!({"all": false})), "all"),
        (backup(json!({"vmid": [100], "exclude": [101]})), "exclude"),
        (all(json!({"protected": true})), "protected"),
        (backup(json!({"vmid": [99]})), "vmid"),
    ] {
        let told = rig.validate::<BackupJob>(&config).await.unwrap_err();
        assert!(told[0].contains(attribute), "{config}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_of_realms_is_read_by_pve_as_well() {
    let rig = Rig::of("{}").await;
    let job = json!({"id": "j1", "realm": "home", "schedule": "every day", "scope": "both"});
    let told = rig.bring::<RealmSyncJob>(None, &job).await.unwrap_err();
    assert!(told.iter().any(|told| told.contains("Not a calendar event")), "{told:?}");
}

fn replicate(more: Json) -> Json {
    merged(json!({"id": "100-0", "target": "pve2"}), more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replication_lives() {
    let rig = Rig::of(GUESTS).await;
    let before = rig.sim.world.with(|cluster| cluster.canonical());
    let (made, said) = rig.bring::<Replication>(None, &replicate(json!({}))).await.unwrap();
    assert_eq!(said, [""; 0]);
    let whole = json!({"schedule": "mon 02:00", "rate": 12.5, "disable": true, "comment": "c"});
    let (made, _) = rig.bring(Some(&made), &replicate(whole.clone())).await.unwrap();
    let imported = rig.import::<Replication>("100-0").await.unwrap();
    assert!(rig.plan(Some(&imported), &replicate(whole)).await.unwrap().is_empty());
    let usual = json!({"schedule": "*/15", "disable": false});
    let (made, _) = rig.bring(Some(&made), &replicate(usual)).await.unwrap();
    assert!(rig.plan(Some(&made), &replicate(json!({}))).await.unwrap().is_empty());
    // It is gone when it is said to be, so that another one can be made at once.
    let other = json!({"id": "100-0", "target": "pve3"});
    let planned = rig.plan(Some(&made), &other).await.unwrap();
    assert!(planned.replaces);
    rig.destroy(&made).await.unwrap();
    assert_eq!(rig.sim.world.with(|cluster| cluster.canonical()), before);
    rig.configure().await;
    let (made, _) = rig.bring::<Replication>(None, &other).await.unwrap();
    rig.destroy(&made).await.unwrap();
    rig.configure().await;
    forms::every_form::<Replication>(&rig, &replicate(json!({})), &forms::no_maps, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_went_to_the_target_turns_its_job_round() {
    let rig = Rig::of(GUESTS).await;
    let (made, _) = rig.bring::<Replication>(None, &replicate(json!({}))).await.unwrap();
    rig.sim.world.with(|cluster| {
        cluster.guests.get_mut(100).unwrap().node = "pve2".to_owned();
        let mut job = cluster.sections.get("/cluster/replication", "100-0").unwrap().clone();
        job.extend([("source".to_owned(), json!("pve2")), ("target".to_owned(), json!("pve1"))]);
        cluster.sections.insert("/cluster/replication", "100-0".to_owned(), job);
    });
    rig.configure().await;
    let read = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&read), &replicate(json!({}))).await.unwrap().is_empty());
    let (changed, _) = rig.bring(Some(&read), &replicate(json!({"comment": "c"}))).await.unwrap();
    let read = rig.read(&changed).await.unwrap();
    assert!(rig.plan(Some(&read), &replicate(json!({"comment": "c"}))).await.unwrap().is_empty());
    // Somebody else's target is another one.
    rig.sim.world.with(|cluster| {
        let mut job = cluster.sections.get("/cluster/replication", "100-0").unwrap().clone();
        job.insert("target".to_owned(), json!("pve3"));
        job.insert("source".to_owned(), json!("pve1"));
        cluster.sections.insert("/cluster/replication", "100-0".to_owned(), job);
    });
    rig.configure().await;
    let read = rig.read(&changed).await.unwrap();
    assert!(rig.plan(Some(&read), &replicate(json!({"comment": "c"}))).await.unwrap().replaces);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_replicated_is_told_before_anything_is_written() {
    let rig = Rig::of(GUESTS).await;
    let job = |id: &str, target: &str| json!({"id": id, "target": target});
    for (config, words) in [
        (job("999-0", "pve1"), "Guest 999 does not exist"),
        (job("100-0", "pve9"), "The cluster has no node \"pve9\""),
        (job("100-0", "pve1"), "not copied to the node that it is on"),
        (job("101-0", "pve1"), "scsi0 (local:101/vm-101-disk-0.raw)"),
        (merged(job("100-0", "pve2"), json!({"schedule": "bogus"})), "Not a calendar event"),
    ] {
        rig.configure().await;
        let planned = rig.plan::<Replication>(None, &config).await.unwrap();
        assert!(planned.warnings.iter().any(|told| told.contains(words)), "{config}: {:?}", planned.warnings);
        let told = rig.apply(planned).await.map(drop).unwrap_err();
        let told = told.join("\n");
        assert!(told.contains(words) && told.to_lowercase().contains("nothing was written"), "{config}: {told}");
    }
    rig.configure().await;
    rig.bring::<Replication>(None, &job("100-0", "pve2")).await.unwrap();
    let told = rig.bring::<Replication>(None, &job("100-1", "pve2")).await.map(drop).unwrap_err();
    assert!(told[0].contains("copied there already") && told[0].contains("Job 100-0"), "{told:?}");
}

fn plugin(more: Json) -> Json {
    merged(json!({"plugin": "cloudflare", "type": "dns", "api": "cf"}), more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_live() {
    let rig = Rig::of("{}").await;
    let whole = json!({
        "api": "hetzner", "data": {"A": "b=c", "D": "e f"}, "data_version": 1, "validation_delay": 60, "nodes": ["pve1", "pve2"],
        "disable": true,
    });
    let steps = [plugin(json!({})), plugin(whole), plugin(json!({"disable": false})), plugin(json!({}))];
    life::<AcmePlugin>(&rig, "cloudflare", &steps).await;
    let own = |more: Json| merged(json!({"plugin": "web", "type": "standalone"}), more);
    life::<AcmePlugin>(&rig, "web", &[own(json!({})), own(json!({"nodes": ["pve3"]})), own(json!({}))]).await;
    // PVE's own is changed, and is as it was at first when it goes.
    let own = |more: Json| merged(json!({"plugin": "standalone", "type": "standalone"}), more);
    let (made, said) = rig.bring::<AcmePlugin>(None, &own(json!({"nodes": ["pve3"]}))).await.unwrap();
    assert_eq!(said, [""; 0]);
    let imported = rig.import::<AcmePlugin>("standalone").await.unwrap();
    assert!(rig.plan(Some(&imported), &own(json!({"nodes": ["pve3"]}))).await.unwrap().is_empty());
    rig.destroy(&made).await.unwrap();
    let left = rig.import::<AcmePlugin>("standalone").await.unwrap();
    assert!(rig.plan(Some(&left), &own(json!({}))).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_api_is_told_goes_to_pve_and_nowhere_else() {
    let rig = Rig::of("{}").await;
    let with = |secret: &str, version: u32| plugin(json!({"data": {"CF_Token": secret}, "data_version": version}));
    let stored =
        || rig.sim.world.with(|c| c.canonical()["sections"]["/cluster/acme/plugins"]["cloudflare"]["data"].clone());
    let (made, _) = rig.bring::<AcmePlugin>(None, &with("s3cr3t", 1)).await.unwrap();
    assert_eq!(stored(), "Q0ZfVG9rZW49czNjcjN0Cg==");
    assert!(rig.plan(Some(&made), &with("other", 1)).await.unwrap().is_empty());
    let (changed, _) = rig.bring(Some(&made), &with("other", 2)).await.unwrap();
    assert_eq!(stored(), "Q0ZfVG9rZW49b3RoZXIK");
    let imported = rig.import::<AcmePlugin>("cloudflare").await.unwrap();
    for state in [&made.state, &changed.state, &imported.state] {
        let state = format!("{state:?}");
        assert!(!state.contains("s3cr3t") && !state.contains("Token=other"), "{state}");
    }
    rig.bring(Some(&changed), &plugin(json!({"data_version": 3}))).await.unwrap();
    assert_eq!(stored(), Json::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_a_node_names_stays_and_an_unknown_api_is_told() {
    let rig = Rig::of("{}").await;
    let planned = rig.plan::<AcmePlugin>(None, &plugin(json!({"api": "cloudflare"}))).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("no DNS API \"cloudflare\"")), "{:?}", planned.warnings);
    assert!(rig.apply(planned).await.map(drop).unwrap_err()[0].contains("acmedns, acmeproxy"));
    rig.configure().await;
    let (made, _) = rig.bring::<AcmePlugin>(None, &plugin(json!({}))).await.unwrap();
    let set = |value: &str| {
        let config = [("acmedomain0".to_owned(), json!(value))];
        rig.sim
            .world
            .with(|c| c.sections.insert("/nodes/{node}/config", "pve2".to_owned(), config.into_iter().collect()));
    };
    set("pve2.lab.example,plugin=cloudflare");
    rig.configure().await;
    let told = rig.destroy(&made).await.unwrap_err();
    assert!(told[0].contains("in use") && told[0].contains("configuration of: pve2."), "{told:?}");
    set("pve2.lab.example,plugin=cloudflare2");
    rig.configure().await;
    rig.destroy(&made).await.unwrap();
    for (config, words) in [
        (json!({"plugin": "web", "type": "standalone", "api": "cf"}), "leave it out"),
        (json!({"plugin": "web", "type": "dns"}), "has an `api`"),
        (json!({"plugin": "standalone", "type": "dns", "api": "cf"}), "always of type"),
    ] {
        let told = rig.validate::<AcmePlugin>(&config).await.unwrap_err();
        assert!(told[0].contains(words), "{told:?}");
    }
}
