//! The typed calls for Ceph against the simulated cluster, where they meet state.

use std::time::Duration;

use pve_client::api::ceph::pool::{PoolParams, PoolRemoval};
use pve_client::api::ceph::services::{Risk, ServiceAction};
use pve_client::{Client, Config, Error, Patience, Task};
use pve_sim::shape::CephStage;
use pve_sim::{Options, Running, Sim};

async fn cluster(stage: CephStage) -> (Running, Client) {
    let mut options = Options { factor: 600.0, seed: Some(7), ..Options::default() };
    options.shape.ceph.stage = stage;
    let sim = Sim::start(options).await.unwrap();
    let mut config = Config::default();
    for (node, url) in &sim.endpoints {
        config = config.endpoint(node, url).fingerprint(node, &sim.fingerprints[node]);
    }
    let client = Client::new(config.login(&sim.username, sim.password.as_str())).unwrap();
    (sim, client)
}

async fn done(task: Result<Task, Error>) -> Result<(), Error> {
    let patience = Patience { timeout: Some(Duration::from_secs(60)), ..Patience::default() };
    task?.wait(&patience, |_| {}).await
}

#[tokio::test]
async fn a_pool_from_nothing_to_nothing() {
    let (_sim, client) = cluster(CephStage::Ready).await;
    let ceph = client.ceph();
    assert!(ceph.pool("vm").await.unwrap().is_none());
    let params = PoolParams { size: Some(3), min_size: Some(2), pg_num: Some(32), ..PoolParams::default() };
    done(ceph.create_pool("vm", &params).await).await.unwrap();
    let pool = ceph.pool("vm").await.unwrap().expect("what was read before the write is not believed after it");
    assert_eq!((pool.size, pool.min_size, pool.crush_rule_name.as_deref()), (3, 2, Some("replicated_rule")));
    assert!(pool.applications().eq(["rbd"]));

    done(ceph.update_pool("vm", &PoolParams { size: Some(2), ..PoolParams::default() }).await).await.unwrap();
    assert_eq!(ceph.pool_status("vm").await.unwrap().size, 2);
    assert_eq!(ceph.pool("vm").await.unwrap().unwrap().size, 2);

    done(ceph.delete_pool("vm", PoolRemoval::default()).await).await.unwrap();
    assert!(ceph.pool("vm").await.unwrap().is_none());
}

#[tokio::test]
async fn the_tree_and_the_map_tell_the_same() {
    let (_sim, client) = cluster(CephStage::Ready).await;
    let (tree, map) = (client.ceph().osds().await.unwrap(), client.ceph().crush().await.unwrap());
    assert_eq!(map.unread, Vec::<String>::new());
    assert_eq!(tree.osds.len(), 6);
    let rule = map.rule("replicated_rule").unwrap().replicated_shape().unwrap();
    assert_eq!(rule.failure_domain, "host");
    for (host, osds) in map.hierarchy().domains(&rule) {
        let there = tree.osds.iter().filter(|osd| osd.host.as_ref() == Some(&host));
        let there: Vec<_> = there.map(|osd| i64::from(osd.id)).collect();
        assert_eq!(osds.into_iter().collect::<Vec<_>>(), there, "{host}");
    }
    assert_eq!(client.ceph().rules().await.unwrap(), ["replicated_rule"]);
    assert_eq!(client.ceph().monitor_node().await.unwrap().as_deref(), Some("pve1"));
    assert_eq!(client.ceph().status().await.unwrap().osdmap.num_up_osds, 6);
    client.ceph().config().await.unwrap();
}

#[tokio::test]
async fn an_osd_goes_step_by_step() {
    let (_sim, client) = cluster(CephStage::Ready).await;
    let ceph = client.ceph();
    let osd = ceph.osds().await.unwrap().osd(5).cloned().unwrap();
    let node = osd.host.clone().unwrap();
    assert!(ceph.osd_volume(&node, 5).await.unwrap().osd_fsid().is_some_and(|fsid| fsid.len() == 36));
    assert_eq!(ceph.osd_metadata(&node, 5).await.unwrap().osd.id, 5);

    ceph.osd_out(5).await.unwrap();
    assert!(!ceph.osds().await.unwrap().osd(5).unwrap().in_);
    while !ceph.is_safe(Risk::Destroy, "osd", "5").await.unwrap().safe {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    done(ceph.service(&node, ServiceAction::Stop, "osd.5").await).await.unwrap();
    while ceph.osds().await.unwrap().osd(5).unwrap().up {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    done(ceph.delete_osd(&node, 5, true).await).await.unwrap();
    assert_eq!(ceph.osds().await.unwrap().osd(5), None);
    assert_eq!(client.ceph().crush().await.unwrap().device(5), None);
}

#[tokio::test]
async fn without_ceph_the_reason_is_told() {
    let (_sim, client) = cluster(CephStage::None).await;
    let error = client.ceph().pools().await.unwrap_err();
    assert!(matches!(error, Error::NotInstalled(_)), "{error:?}");
    let (_sim, client) = cluster(CephStage::Installed).await;
    let error = client.ceph().pools().await.unwrap_err();
    assert!(matches!(error, Error::NotInitialised(_)), "{error:?}");
}

#[tokio::test]
async fn a_cluster_without_osds_is_an_empty_tree() {
    let (_sim, client) = cluster(CephStage::Monitors).await;
    assert_eq!(client.ceph().osds().await.unwrap().osds.len(), 0);
    assert_eq!(client.ceph().crush().await.unwrap().devices.len(), 0);
}
