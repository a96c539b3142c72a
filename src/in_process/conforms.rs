//! What every provider should stand, tried on each resource's example.

use acceptance_tests::Beside;
use terraform_core::Config;
use terraform_core::conformance::{Mistake, Subject, conforms, offers};
use tokio::task::JoinSet;

use super::lives::{bench_of, example_of, named};

/// What PVE brings along or never gives up, so that it is found after it was removed.
const ALWAYS_THERE: [&str; 13] = [
    "pve_apt_repository",
    "pve_apt_standard_repository",
    "pve_ceph_flags",
    "pve_ceph_install",
    "pve_cluster",
    "pve_cluster_options",
    "pve_firewall_options",
    "pve_node_config",
    "pve_node_dns",
    "pve_node_hosts",
    "pve_node_service",
    "pve_node_time",
    "pve_realm",
];

/// What is found in the one that the example of `name` shows.
async fn conformity(name: String) {
    let example = example_of(&name);
    let mut bench = bench_of(&name).await;
    let subject = Subject {
        address: example.address,
        config: Config::from_hcl(&example.text).unwrap(),
        changed: None,
        replaced: None,
        destroyable: None,
        // The number of an OSD is chosen by Ceph.
        id: if name == "pve_ceph_osd" { "${self.osd_id}".to_owned() } else { example.id },
    };
    let mut found = conforms(&mut bench.core, &subject).await;
    found.retain(|finding| !(ALWAYS_THERE.contains(&&*name) && finding.mistake == Mistake::ReadOfMissing));
    // What can be made but once fails where it is tried for the second time.
    let once = Beside::of(&name).unwrap().once;
    found.retain(|finding| !(once && finding.mistake == Mistake::Failed && finding.what.starts_with("creating it")));
    assert_eq!(found, vec![], "{name}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_resource_conforms() {
    // All at once: most of the time each waits for its cluster.
    let all: JoinSet<()> = named("resources").into_iter().map(conformity).collect();
    all.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_offered_beside_resources_conforms() {
    assert_eq!(offers(&bench_of("pve_pool").await.core).await, vec![]);
}
