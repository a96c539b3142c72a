//! What becomes of OSDs from their creation to their end. One life with a real Terraform is in the acceptance tests.

mod cut_off;
mod devices;
mod life;
mod removal;

use serde_json::Value as Json;

use super::super::work::Work;

/// Free disks, a disk with partitions, contents of several kinds, twins, and disks that tell no serial.
const CLUSTER: &str = r#"
nodes:
  - name: pve1
    disks:
      - {path: /dev/sdb, size: 64G, serial: FREE1}
      - {path: /dev/sdc, size: 64G, serial: EXT4, used: ext4}
      - path: /dev/sdd
        size: 128G
        serial: PARTS
        partitions:
          - {number: 1, size: 1G, used: ext4, mounted: true}
          - {number: 2, size: 32G}
          - {number: 3, size: 32G, used: xfs}
      - {path: /dev/sde, size: 64G, serial: TWIN}
      - {path: /dev/sdf, size: 64G, serial: TWIN}
      - {path: /dev/sdg, size: 64G, serial: unknown}
      - path: /dev/sdh
        size: 64G
        serial: OLD
        partitions:
          - {number: 1, size: 10G, used: ext4}
          - {number: 2, size: 10G}
      - {path: /dev/sdi, size: 64G, serial: TAKEN}
      - path: /dev/sdj
        size: 64G
        serial: HELD
        partitions: [{number: 1, size: 32G, used: LVM, held: true}, {number: 2, size: 16G, used: ext4, held: true}]
  - name: pve2
    disks: [{path: /dev/sdb, size: 64G, serial: FREE2}]
  - name: pve3
    disks: [{path: /dev/sdb, size: 64G, serial: FREE3}]
ceph:
  stage: monitors
  osds: [{node: pve1, device: /dev/sdi}]
"#;

/// An OSD on a device with these further attributes.
fn osd(device: &str, more: &str) -> String {
    format!(
        "resource \"pve_ceph_osd\" \"o\" {{\nnode = \"pve1\"\ndevice = {{ {device} }}\nallow_destroy = true\n{more}\n}}\n"
    )
}

async fn disks() -> Work {
    Work::at(CLUSTER, 120.0).await
}

/// Two OSDs on each of three nodes, and a pool with three copies of a machine's disk.
const IN_USE: &str = r#"
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso]}
  - {storage: vm, type: rbd, pool: vm, content: [images]}
guests:
  - {vmid: 101, node: pve2, config: {scsi0: "vm:8"}}
ceph:
  stage: ready
  pools: [{name: vm, size: 3, application: rbd}]
"#;

async fn in_use() -> Work {
    Work::at(IN_USE, 120.0).await
}

fn attributes(work: &Work) -> Json {
    work.instance("pve_ceph_osd.o")["attributes"].clone()
}
