//! The run after one that has made something: the journal is tidied up, and that asks nobody.

use serde_json::json;

use super::Rig;
use crate::access::pool::Pool;

impl Rig {
    /// How many entries the journal has.
    fn noted(&self) -> usize {
        std::fs::read_dir(self.data.path().join("ours/pve-journal")).unwrap().count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_plan_after_an_apply_asks_for_what_every_plan_asks() {
    let rig = Rig::of("{}").await;
    let (pool, _) = rig.bring::<Pool>(None, &json!({ "poolid": "a" })).await.unwrap();
    let mut runs = Vec::new();
    for entries in [1, 0] {
        assert_eq!(rig.noted(), entries);
        rig.configure().await;
        let before = rig.asked().await.len();
        rig.read(&pool).await.unwrap();
        assert!(rig.plan(Some(&pool), &json!({ "poolid": "a" })).await.unwrap().is_empty());
        runs.push(rig.asked().await.split_off(before));
    }
    assert_eq!(rig.noted(), 0);
    assert!(!runs[0].is_empty() && runs[0] == runs[1], "{runs:?}");
}
