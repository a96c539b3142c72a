//! The typed calls for guests, storages and disks against the simulated cluster, where they meet state.

use std::time::Duration;

use pve_client::api::params::Params;
use pve_client::api::qemu::drive::{Drive, DriveKey};
use pve_client::api::qemu::power::Shutdown;
use pve_client::api::qemu::{DiskMove, VmRemoval};
use pve_client::size::Size;
use pve_client::{Client, Config, Error, Patience, Task};
use pve_sim::shape::CephStage;
use pve_sim::{Options, Running, Sim};

async fn cluster() -> (Running, Client) {
    let mut options = Options { factor: 600.0, seed: Some(7), ..Options::default() };
    options.shape.ceph.stage = CephStage::Ready;
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

fn key(text: &str) -> DriveKey {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_vm_from_nothing_to_nothing() {
    let (_sim, client) = cluster().await;
    let vmid = client.cluster().next_id().await.unwrap();
    let vm = client.qemu("pve1", vmid);
    let mut disk = Drive::allocate("local-lvm", Size::from_gib(4));
    disk.discard = Some(true);
    let params = Params::new()
        .set("name", "web")
        .set("cores", 2)
        .set("memory", 512)
        .drive(key("scsi0"), &disk)
        .drive(key("ide2"), &Drive::cloud_init("local-lvm"))
        .net(0, &"virtio,bridge=vmbr0".parse().unwrap())
        .ssh_keys("ssh-ed25519 AAAA+/= me@home")
        .tags(&["web".to_owned(), "prod".to_owned()]);
    done(vm.create(&params).await).await.unwrap();
    let config = vm.config().await.unwrap();
    assert_eq!((config.name.as_deref(), config.cores, config.memory), (Some("web"), Some(2), Some(512)));
    assert_eq!(config.ssh_keys.as_deref(), Some("ssh-ed25519 AAAA+/= me@home"));
    assert!(config.tags.iter().eq(["prod", "web"]));
    assert!(config.nets[&0].mac.is_some() && config.created.is_some());
    let scsi0 = &config.drives[&key("scsi0")];
    assert_eq!((scsi0.storage(), scsi0.size, scsi0.discard), (Some("local-lvm"), Some(Size::from_gib(4)), Some(true)));
    assert_eq!(config.cloud_init_drive().unwrap().0, key("ide2"));
    assert_eq!(client.cluster().guest(vmid).await.unwrap().unwrap().node, "pve1");
    assert!(client.node("pve1").vms().await.unwrap().iter().any(|vm| vm.vmid == vmid));

    done(vm.resize(key("scsi0"), Size::from_gib(6)).await).await.unwrap();
    assert_eq!(vm.config().await.unwrap().drives[&key("scsi0")].size, Some(Size::from_gib(6)));
    done(vm.update(&Params::new().set("description", "new").remove("tags")).await).await.unwrap();
    assert!(vm.config().await.unwrap().tags.is_empty());
    done(vm.start().await).await.unwrap();
    assert!(vm.status().await.unwrap().is_running());
    done(vm.update(&Params::new().set("memory", 1024)).await).await.unwrap();
    assert!(vm.pending().await.unwrap().iter().any(|entry| entry.key == "memory" && entry.is_pending()));
    assert_eq!(vm.config().await.unwrap().memory, Some(1024));
    assert_eq!(vm.current_config().await.unwrap().memory, Some(512));
    assert!(done(vm.delete(VmRemoval::default()).await).await.unwrap_err().refused());
    done(vm.shutdown(Shutdown { timeout: Some(Duration::from_secs(10)), force_stop: true }).await).await.unwrap();
    done(vm.delete(VmRemoval::default()).await).await.unwrap();
    assert!(vm.config().await.unwrap_err().is_absent());
    assert!(client.cluster().guest(vmid).await.unwrap().is_none());
}

#[tokio::test]
async fn a_disk_moves_and_leaves_its_source() {
    let (_sim, client) = cluster().await;
    let vm = client.qemu("pve1", 100);
    let params = Params::new().drive(key("scsi0"), &Drive::allocate("local-lvm", Size::from_gib(1)));
    done(vm.create(&params).await).await.unwrap();
    done(client.ceph().create_pool("vm", &Default::default()).await).await.unwrap();
    let rbd = Params::new().set("pool", "vm").list("content", &["images".to_owned()]);
    client.storage().create("ceph", "rbd", &rbd).await.unwrap();
    let storage = client.storage().find("ceph").await.unwrap().unwrap();
    assert!(storage.shared && storage.holds_images() && storage.ceph_pools().contains("vm"));
    assert!(
        client
            .node_storage("pve2")
            .list()
            .await
            .unwrap()
            .iter()
            .any(|status| status.storage == "ceph" && status.active)
    );

    let to = DiskMove { storage: "ceph".into(), ..DiskMove::default() };
    done(vm.move_disk(key("scsi0"), &to).await).await.unwrap();
    let config = vm.config().await.unwrap();
    assert_eq!(config.drives[&key("scsi0")].storage(), Some("ceph"));
    assert_eq!(config.drives[&key("unused0")].storage(), Some("local-lvm"));
    let images = client.node_storage("pve1").content("ceph", Some(100)).await.unwrap();
    assert_eq!(images.len(), 1);
    done(vm.update(&Params::new().remove("unused0")).await).await.unwrap();
    assert!(!vm.config().await.unwrap().drives.contains_key(&key("unused0")));
    client
        .storage()
        .update("ceph", &Params::new().flag("krbd", true).list("nodes", &["pve1".to_owned()]))
        .await
        .unwrap();
    assert!(!client.storage().find("ceph").await.unwrap().unwrap().is_on("pve2"));
    client.storage().delete("ceph").await.unwrap();
    assert!(client.storage().find("ceph").await.unwrap().is_none());
}

#[tokio::test]
async fn disks_tell_what_is_on_them() {
    let (_sim, client) = cluster().await;
    let disks = client.disks("pve1").list().await.unwrap();
    assert!(disks.iter().any(|disk| !disk.osd_ids.is_empty() && !disk.is_free() && disk.serial.is_some()));
    let osd = disks.iter().find(|disk| !disk.osd_ids.is_empty()).unwrap();
    let refused = done(client.disks("pve1").wipe(&osd.devpath).await).await.unwrap_err();
    assert!(refused.to_string().contains("has a holder"), "{refused}");
}
