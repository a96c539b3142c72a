//! Mappings of devices and folders.

use serde_json::{Value as Json, json};

use super::super::Rig;
use super::{life, merged};
use crate::mapping::dir::MappingDir;
use crate::mapping::pci::MappingPci;
use crate::mapping::usb::MappingUsb;

fn gpu(more: Json) -> Json {
    merged(json!({"id": "gpu", "map": [{"node": "pve1", "path": "0000:01:00.0", "id": "10de:1234"}]}), more)
}

fn share(map: Json) -> Json {
    json!({"id": "share", "map": map})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mappings_live() {
    let rig = Rig::of("{}").await;
    let whole = json!({
        "mdev": true, "live_migration_capable": true, "description": "cards",
        "map": [
            {"node": "pve2", "path": "0000:02:00;0000:02:01.1", "id": "10DE:1234", "subsystem_id": "10de:0001", "iommugroup": 7, "description": "a b"},
            {"node": "pve1", "path": "0000:01:00.0", "id": "10de:1234"},
            {"node": "pve2", "path": "0000:03:00.0", "id": "10de:1234"},
        ],
    });
    let less = json!({"mdev": false, "live_migration_capable": false});
    life::<MappingPci>(&rig, "gpu", &[gpu(json!({})), gpu(whole), gpu(less), gpu(json!({}))]).await;
    let usb = |more: Json| merged(json!({"id": "stick", "map": [{"node": "pve1", "id": "1050:0407"}]}), more);
    let whole = json!({
        "description": "keys",
        "map": [{"node": "pve3", "id": "1050:0407", "path": "1-2.3", "description": "d"}, {"node": "pve1", "id": "1050:0408"}],
    });
    life::<MappingUsb>(&rig, "stick", &[usb(json!({})), usb(whole), usb(json!({}))]).await;
    let one = share(json!([{"node": "pve1", "path": "/srv"}]));
    let whole = json!({"description": "d", "map": [{"node": "pve2", "path": "/anywhere else"}, {"node": "pve1", "path": "/tmp"}]});
    life::<MappingDir>(&rig, "share", &[one.clone(), merged(one.clone(), whole), one]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_mapping_names_has_to_be_there_as_far_as_pve_looks() {
    let rig = Rig::of("{}").await;
    let planned = rig.plan::<MappingDir>(None, &share(json!([{"node": "pve9", "path": "/srv"}]))).await.unwrap();
    let told = &planned.warnings;
    assert!(told.len() == 1 && told[0].contains("no node pve9; there are: pve1, pve2, pve3"), "{told:?}");
    let (made, _) = rig.apply(planned).await.unwrap();
    // It is told once.
    let also = share(json!([{"node": "pve9", "path": "/mnt"}]));
    assert_eq!(rig.plan(Some(&made), &also).await.unwrap().warnings, [""; 0]);
    rig.destroy(&made).await.unwrap();
    rig.configure().await;
    let told = rig.bring::<MappingDir>(None, &share(json!([{"node": "pve1", "path": "/nowhere"}]))).await.unwrap_err();
    assert!(told[0].contains("/nowhere does not exist") && told[0].contains("map"), "{told:?}");
    let twice = share(json!([{"node": "pve1", "path": "/srv"}, {"node": "pve1", "path": "/tmp"}]));
    let told = rig.validate::<MappingDir>(&twice).await.unwrap_err();
    assert!(told[0].contains("pve1 is named by `map[0]` already"), "{told:?}");
    for (part, bad) in [("path", json!("01:00.0")), ("id", json!("10de")), ("description", json!("a,b"))] {
        let mut device = gpu(json!({}))["map"][0].clone();
        device[part] = bad;
        let told = rig.validate::<MappingPci>(&gpu(json!({"map": [device]}))).await.unwrap_err();
        assert!(told[0].contains(part), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_that_a_machine_names_stays() {
    let rig = Rig::of("guests: [{vmid: 100, node: pve1}, {vmid: 101, node: pve2}]").await;
    let set = |vmid: u32, name: &str, value: &str| {
        let (name, value) = (name.to_owned(), value.to_owned());
        rig.sim.world.with(|cluster| cluster.guests.get_mut(vmid).unwrap().config.values.insert(name, value));
    };
    set(100, "hostpci0", "mapping=gpu2,pcie=1");
    set(101, "hostpci1", "mapping=gpu,pcie=1");
    set(101, "virtiofs0", "share,cache=auto");
    let (gpu, _) = rig.bring::<MappingPci>(None, &gpu(json!({}))).await.unwrap();
    let told = rig.destroy(&gpu).await.unwrap_err();
    assert!(
        told[0].contains("in use") && told[0].contains("not start again: 101.") && told[0].contains("hostpciN"),
        "{told:?}"
    );
    let (share, _) = rig.bring::<MappingDir>(None, &share(json!([{"node": "pve1", "path": "/srv"}]))).await.unwrap();
    let told = rig.destroy(&share).await.unwrap_err();
    assert!(told[0].contains("101") && told[0].contains("virtiofsN"), "{told:?}");
    rig.sim.world.with(|cluster| cluster.guests.get_mut(101).unwrap().config.values.clear());
    rig.configure().await;
    rig.destroy(&gpu).await.unwrap();
    rig.destroy(&share).await.unwrap();
}
