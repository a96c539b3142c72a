//! How little a refresh of many objects asks of the cluster. Terraform asks for several at once; that is in the acceptance
//! tests, with fewer of them.

use std::collections::BTreeMap;

use acceptance_tests::Scene;
use pve_sim::Options;
use terraform_core::Config;

use super::work::Work;

/// A refresh of everything in the scene: each list is read once or, where it takes long, once more each two seconds, and each
/// machine once.
async fn asks_little(scene: Scene) {
    let shape = pve_sim::shape::Shape::from_yaml(&scene.cluster().to_string()).unwrap();
    let mut work = Work::with(Options { shape, factor: 1.0, ..Options::default() }).await;
    work.write(&scene.configuration());
    let config = work.config();
    let imports = scene
        .ids()
        .into_iter()
        .fold(config.clone(), |config: Config, (address, id)| config.import(&address, serde_json::Value::from(id)));
    work.bench.core.apply(&imports).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(work.bench.core.state.addresses().len(), scene.objects() as usize);
    work.site.forget_requests();
    let begun = std::time::Instant::now();
    assert!(work.plan().await.is_empty());
    // What is shared is read anew after two seconds, and a slow machine takes several of these for a refresh.
    let again = 1 + begun.elapsed().as_secs() as usize / 2;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for seen in work.site.requests() {
        *times.entry(format!("{} {}", seen.method, seen.path)).or_default() += 1;
    }
    assert!(!times.is_empty() && times.len() <= scene.request_limit(), "{} requests: {times:#?}", times.len());
    let allowed = |request: &str| if request.contains("/qemu/") { 1 } else { again };
    let too_often: Vec<_> = times.iter().filter(|(request, times)| **times > allowed(request)).collect();
    assert!(too_often.is_empty(), "asked too often: {too_often:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_read_once_for_all_their_objects() {
    asks_little(Scene::LISTED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_costs_one_request() {
    asks_little(Scene::MACHINES).await;
}
